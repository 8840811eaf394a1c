//! Values of the metrics: of the last audit, and of the running agent.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::certificates::CertificateTimes;
use crate::agent::input::{AgentInput, CredentialState};
use crate::agent::repaired::Repaired;
use crate::catalog::Severity;
use crate::controls::Verdict;
use crate::facts::requests;
use crate::facts::watch::Counts;
use crate::images::{Inventory, Row};
use crate::report::{ControlReport, Report};

/// What the agent counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Numbers {
    /// Audits, whole or partial.
    pub audits: u64,
    /// Controls that were assessed, in all audits together.
    pub assessed: u64,
    /// Duration of the last audit, in seconds.
    pub seconds: f64,
}

/// Images of the platform, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Images {
    pub(super) all: usize,
    pub(super) unexpected: usize,
    pub(super) newer: usize,
    pub(super) unknown: usize,
}

impl Images {
    /// Counts them.
    pub fn of(inventory: &Inventory) -> Self {
        let rows = &inventory.rows;
        let count = |is: fn(&Row) -> bool| rows.iter().filter(|row| is(row)).count();
        Self {
            all: rows.len(),
            unexpected: count(|row| !row.states.is_empty()),
            newer: count(|row| !row.newer.is_empty()),
            unknown: count(|row| row.unknown.is_some()),
        }
    }

    /// Facts that it is of.
    pub const FIELDS: [&'static str; 5] = ["pods", "juju", "rocks", "charmhub", "ledger"];
}

/// What metrics say of the last audit.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    pub(super) controls: Vec<Line>,
    pub(super) open: Vec<(Severity, usize)>,
    pub(super) unread: usize,
    /// Score, in percent.
    pub(super) score: u32,
    pub(super) collected_at: i64,
    pub(super) open_since: BTreeMap<String, Timestamp>,
    pub(super) numbers: Numbers,
    pub(super) certificates: Vec<CertificateTimes>,
    pub(super) images: Images,
    pub(super) credentials: BTreeMap<String, CredentialState>,
    pub(super) is_leader: bool,
    pub(super) enforces: bool,
}

/// A control, as far as metrics go.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) id: String,
    pub(super) section: String,
    pub(super) severity: Severity,
    pub(super) verdict: Verdict,
    pub(super) findings: usize,
}

/// What else a summary is made of.
pub struct Parts<'a> {
    /// When each open control began to fail.
    pub open_since: &'a BTreeMap<String, Timestamp>,
    /// What the agent counts.
    pub numbers: Numbers,
    /// Certificates of the gateway.
    pub certificates: Vec<CertificateTimes>,
    /// Images, counted.
    pub images: Images,
    /// The charm's input.
    pub input: &'a AgentInput,
    /// Whether anything is enforced.
    pub enforces: bool,
}

impl Summary {
    /// Of a report.
    pub fn of(report: &Report, parts: Parts<'_>) -> Self {
        let line = |control: &ControlReport| Line {
            id: control.id.clone(),
            section: control.section.clone(),
            severity: control.severity,
            verdict: control.verdict,
            findings: control.findings.len(),
        };
        let mut open_since = parts.open_since.clone();
        open_since.retain(|id, _| {
            let mut controls = report.controls.iter();
            controls.any(|control| control.id == *id && control.verdict == Verdict::Fail)
        });
        let at = report.cluster.collected_at.parse::<Timestamp>();
        Self {
            controls: report.controls.iter().map(line).collect(),
            open: Severity::ALL.map(|severity| (severity, report.open_of(severity))).into(),
            unread: report.cluster.unknown.len(),
            score: report.score.passed,
            collected_at: at.map_or(0, |at| at.as_second()),
            open_since,
            numbers: parts.numbers,
            certificates: parts.certificates,
            images: parts.images,
            credentials: parts.input.credentials.clone(),
            is_leader: parts.input.is_leader,
            enforces: parts.enforces,
        }
    }
}

/// State of the running agent.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// Counts of repairs.
    pub repaired: Repaired,
    /// What watching costs.
    pub watches: Counts,
    /// Requests to the API server.
    pub requests: requests::Counts,
    /// Connections that were refused.
    pub refused: u64,
}
