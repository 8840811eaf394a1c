//! The agent's audit, as the charm of the same pod reads it: a hook then lists nothing that the
//! agent has listed.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::images::Ledger;
use crate::report::Report;

/// Where it is served, to this pod only.
pub const PATH: &str = "/internal/v1/audit";
/// Its path in version 0.1.0, served for a charm of that version.
pub const OLD_PATH: &str = "/api/v1/found";
/// Longest wait for an answer from this pod.
const WITHIN: Duration = Duration::from_secs(3);
/// Longest answer, in bytes: a report of a hundred thousand findings.
const LONGEST: u64 = 64 * 1024 * 1024;

/// The agent's last audit.
#[derive(Clone, Debug, Deserialize)]
pub struct AgentAudit {
    /// The agent's status.
    #[serde(flatten)]
    pub status: AgentStatus,
    /// The verdicts.
    pub report: Report,
}

/// The agent's status, published with its report. The aliases are the names of version 0.1.0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct AgentStatus {
    /// Digest of the input that it assessed by and has enforced; empty until it has.
    #[serde(alias = "told")]
    pub input: String,
    /// Whether most kinds of objects can be read, and the agent is neither stale nor stuck.
    pub healthy: bool,
    /// Why not everything in the option `enforce` could be applied.
    #[serde(alias = "refused", skip_serializing_if = "Option::is_none")]
    pub enforcement_error: Option<String>,
    /// Changes of it that wait for consent, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_back: Option<String>,
    /// Images that run, noted after those of before.
    pub ledger: Ledger,
}

impl AgentStatus {
    /// The JSON of an audit: that of a status, with a report that is JSON already.
    pub fn with(status: &str, report: &Arc<str>) -> String {
        // A status is a map with at least one key.
        let open = status.strip_suffix('}').unwrap_or(status);
        format!("{open},\"report\":{report}}}")
    }
}

/// Fetches the audit of the agent at an address of this pod. It is an error if no agent answers.
pub fn fetch(at: SocketAddr) -> anyhow::Result<AgentAudit> {
    // An agent of version 0.1.0 has the old path only.
    let text = get(at, PATH).or_else(|why| get(at, OLD_PATH).map_err(|_| why))?;
    serde_json::from_str(&text).context("the agent's audit")
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
    fn audit_is_read_as_it_is_served_and_as_version_0_1_0_served_it() {
        let report = Report::audit(&Facts::default(), &Policy::default(), None, Vec::new());
        let status = AgentStatus {
            input: "digest".into(),
            healthy: true,
            enforcement_error: Some("no filters today".into()),
            ..AgentStatus::default()
        };
        let text = serde_json::to_string(&status).unwrap();
        let old = text.replace("\"input\"", "\"told\"").replace("enforcement-error", "refused");
        assert_ne!(old, text);
        for text in [text, old] {
            let served = AgentStatus::with(&text, &json::render(&report).into());
            let audit: AgentAudit = serde_json::from_str(&served).unwrap();
            assert_eq!((&audit.status, &audit.report), (&status, &report));
        }
    }
}
