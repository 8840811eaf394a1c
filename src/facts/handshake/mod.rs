//! What clients of the gateway get: handshakes with it, through its Service.
//!
//! The configuration tells what should be served; this is what is.

mod client;
mod hello;
mod target;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use self::client::Client;
pub use self::target::{Target, Vantage, targets};
use super::Facts;
use super::certificate::Certificate;
use super::known::{Known, Unknown};

/// Longest time for all of it.
const DEADLINE: Duration = Duration::from_secs(20);

/// What a client saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Seen {
    /// Address and port to which it went.
    pub at: String,
    /// Host that it asked for, if any.
    pub host: Option<String>,
    /// Version and cipher suite of a modern client, in OpenSSL's names.
    pub agreed: Option<(String, String)>,
    /// Certificates that were sent, leaf first.
    pub chain: Vec<Certificate>,
    /// Why no client of ours takes the chain, with the last certificate sent as its root.
    pub broken_chain: Option<String>,
    /// Minor digits of the versions that were agreed to when only one was offered.
    pub versions: Vec<u8>,
    /// Weak cipher suites that were agreed to, each with its version.
    pub weak: Vec<String>,
    /// Value of the header Strict-Transport-Security.
    pub hsts: Option<String>,
    /// What HTTP without TLS gets; `None` if nothing listens there.
    pub clear: Option<Clear>,
}

/// What a request without TLS gets: the last answer that came without TLS, after those
/// that led to another path of the gateway, as login in front of it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Clear {
    /// Status of the answer.
    pub status: u16,
    /// Where it leads, as the answer says it.
    pub location: Option<String>,
}

/// Tries the gateway's addresses and tells what the first that answers serves. Blocks.
pub fn read(facts: &Facts, host: Option<&str>, vantage: Vantage) -> Known<Seen> {
    let failed = |why: &str| Known::Unknown(Unknown::Failed(why.to_owned()));
    let targets = targets(facts, host, vantage);
    if targets.is_empty() {
        return failed("the gateway's Service has no address that can be reached from here");
    }
    let deadline = Instant::now() + DEADLINE;
    let mut refused = Vec::new();
    for target in targets {
        let client = Client::new(&target, host, deadline);
        match client.look() {
            Ok(seen) => return Known::Known(seen),
            Err(why) => refused.push(format!("{}:{}: {why}", target.address, target.https)),
        }
    }
    failed(&refused.join("; "))
}
