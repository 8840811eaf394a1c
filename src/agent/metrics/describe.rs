//! Descriptions of the metrics, for the reference.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::certificates::CertificateTimes;
use super::exposition::{classic, render};
use super::summary::{Images, Numbers, Parts, Running, Summary};
use crate::agent::input::{AgentInput, CredentialState};
use crate::facts::Facts;
use crate::policy::Policy;
use crate::report::Report;

/// Description of a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name in Prometheus.
    pub name: String,
    /// `gauge` or `counter`.
    pub kind: String,
    /// Its help text.
    pub help: String,
    /// Names of its labels.
    pub labels: Vec<String>,
}

/// All metrics.
pub fn all() -> Vec<Described> {
    let report = Report::audit(&Facts::default(), &Policy::default(), None, Vec::new());
    let times = CertificateTimes { source: "served", not_after: 0, renewal: 0 };
    let credential = CredentialState {
        rotated: Some(Timestamp::UNIX_EPOCH),
        due: Some(Timestamp::UNIX_EPOCH),
        ..CredentialState::default()
    };
    let input = AgentInput {
        credentials: BTreeMap::from([("dex".to_owned(), credential)]),
        ..AgentInput::default()
    };
    let mut summary = Summary::of(
        &report,
        Parts {
            open_since: &BTreeMap::new(),
            numbers: Numbers::default(),
            certificates: vec![times],
            images: Images::default(),
            input: &input,
            enforces: false,
        },
    );
    summary.open_since.insert("TLS-01".to_owned(), Timestamp::UNIX_EPOCH);
    let running =
        Running { requests: BTreeMap::from([(("pods", "list"), 1)]), ..Running::default() };
    let text = render(&summary, &running, true);
    described(&classic(&text))
}

/// Reads metrics in the text format.
fn described(text: &str) -> Vec<Described> {
    let mut all: Vec<Described> = Vec::new();
    for line in text.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(name), Some(help)) => all.push(Described {
                name: name.to_owned(),
                kind: String::new(),
                help: help.trim_end_matches('.').to_owned(),
                labels: Vec::new(),
            }),
            (Some("#"), Some("TYPE"), Some(_), Some(kind)) => {
                if let Some(last) = all.last_mut() {
                    kind.clone_into(&mut last.kind);
                }
            }
            _ => {
                let braced = line.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
                if let (Some((labels, _)), Some(last)) = (braced, all.last_mut())
                    && last.labels.is_empty()
                {
                    let pairs = labels.split("\",").filter_map(|pair| pair.split_once('='));
                    last.labels = pairs.map(|(name, _)| name.to_owned()).collect();
                }
            }
        }
    }
    all
}
