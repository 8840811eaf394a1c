//! TLS handshakes with the gateway, through its Service.
//!
//! The configuration says what should be served; a handshake shows what is served.

pub use ckf_model::handshake::*;

mod client;
mod hello;
mod target;
pub mod webhooks;

use std::time::{Duration, Instant};

use self::client::Client;
pub use self::target::{Target, Vantage, targets};
use super::Facts;
use super::known::{Known, Unknown};

/// Deadline of all handshakes together.
const DEADLINE: Duration = Duration::from_secs(20);

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
