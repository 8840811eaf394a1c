//! TLS handshakes with the gateway, through its Service.
//!
//! The configuration says what should be served; a handshake shows what is served.

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

/// Deadline of all handshakes together.
const DEADLINE: Duration = Duration::from_secs(20);

/// What a client of the gateway observes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Seen {
    /// Address and port of the connection.
    pub at: String,
    /// Requested host name, if any.
    pub host: Option<String>,
    /// TLS version and cipher suite negotiated with a modern client, in OpenSSL's names.
    pub agreed: Option<(String, String)>,
    /// Certificate chain of the server, leaf first.
    pub chain: Vec<Certificate>,
    /// Verification error of the chain, with its last certificate as the root.
    pub broken_chain: Option<String>,
    /// Minor digits of the TLS versions that the server accepts.
    pub versions: Vec<u8>,
    /// Weak cipher suites that the server accepts, each with its TLS version.
    pub weak: Vec<String>,
    /// Value of the response header Strict-Transport-Security.
    pub hsts: Option<String>,
    /// Response to plain HTTP; `None` if nothing listens.
    pub clear: Option<Clear>,
}

/// Response to a plain HTTP request: the last one, after redirects to other paths of the
/// gateway, such as those of the login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Clear {
    /// HTTP status.
    pub status: u16,
    /// Value of the response header Location.
    pub location: Option<String>,
}

/// Connects to the gateway's addresses in turn, and observes the first that responds. Blocks.
pub fn read(facts: &Facts, host: Option<&str>, vantage: Vantage) -> Known<Seen> {
    let failed = |why: &str| Known::Unknown(Unknown::Failed(why.to_owned()));
    let targets = targets(facts, host, vantage);
    if targets.is_empty() {
        return failed("the gateway's Service has no address reachable from here");
    }
    let deadline = Instant::now() + DEADLINE;
    let mut errors = Vec::new();
    for target in targets {
        let client = Client::new(&target, host, deadline);
        match client.observe() {
            Ok(seen) => return Known::Known(seen),
            Err(why) => errors.push(format!("{}:{}: {why}", target.address, target.https)),
        }
    }
    failed(&errors.join("; "))
}
