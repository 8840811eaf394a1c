//! What the agent found, as the charm of the same pod reads it: a hook then lists nothing
//! that the agent has listed.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::report::Report;
use crate::rocks::Ledger;

/// Where it is served, to this pod only.
pub const PATH: &str = "/api/v1/found";
/// Longest wait for an answer from this pod.
const WITHIN: Duration = Duration::from_secs(3);
/// Longest answer, in bytes: a report of a hundred thousand findings.
const LONGEST: u64 = 64 * 1024 * 1024;

/// What the agent found.
#[derive(Clone, Debug, Deserialize)]
pub struct Found {
    /// What stands beside the report.
    #[serde(flatten)]
    pub head: Head,
    /// The verdicts.
    pub report: Report,
}

/// What stands beside the report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Head {
    /// Mark of what the charm told when it was found.
    pub told: String,
    /// Whether the cluster is read as it should be.
    pub healthy: bool,
    /// What of the option `enforce` could not be put right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// What of it waits for consent, in a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_back: Option<String>,
    /// Which images run, noted after those of before.
    pub ledger: Ledger,
}

impl Head {
    /// As JSON, with a report that is JSON already.
    pub fn with(head: &str, report: &Arc<str>) -> String {
        // A head is a map with at least one key.
        let open = head.strip_suffix('}').unwrap_or(head);
        format!("{open},\"report\":{report}}}")
    }
}

/// Asks the agent at an address of this pod. It is an error if none answers, or another one.
pub fn ask(at: SocketAddr) -> anyhow::Result<Found> {
    serde_json::from_str(&get(at, PATH)?).context("what the agent found")
}

/// Whether the agent at an address of this pod runs well.
pub fn is_well(at: SocketAddr) -> bool {
    get(at, "/healthz").is_ok_and(|text| text == "ok\n")
}

/// The body of an answer with status 200. Every hook asks, so it is asked without a runtime,
/// TLS or proxies, which nothing in this pod needs: HTTP/1.0 has the answer end with the
/// connection.
fn get(at: SocketAddr, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect_timeout(&at, WITHIN)?;
    stream.set_read_timeout(Some(WITHIN))?;
    stream.set_write_timeout(Some(WITHIN))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {at}\r\n\r\n")?;
    let mut text = String::new();
    stream.take(LONGEST).read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").context("no answer of HTTP")?;
    match head.split_whitespace().nth(1) {
        Some("200") => Ok(body.to_owned()),
        status => bail!("the agent answers {}", status.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use crate::policy::Policy;
    use crate::report::json;

    #[test]
    fn what_is_served_is_what_is_read() {
        let report = Report::audit(&Facts::default(), &Policy::default(), None, Vec::new());
        let head = Head { told: "mark".into(), healthy: true, ..Head::default() };
        let text = serde_json::to_string(&head).unwrap();
        let served = Head::with(&text, &json::render(&report).into());
        let found: Found = serde_json::from_str(&served).unwrap();
        assert_eq!((found.head, found.report), (head, report));
    }
}
