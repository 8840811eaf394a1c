//! Metrics in the form of OpenMetrics. Labels are of the catalogue, of severities, of kinds that
//! are known and of credentials that the operator names: nothing of the cluster makes a series.

mod certificates;
mod describe;
mod exposition;

pub use self::certificates::{CertificateTimes, certificates};
pub use self::describe::{Described, all};
pub use self::exposition::{classic, render};

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::input::{AgentInput, CredentialState};
use super::repaired::Repaired;
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
    all: usize,
    wrong: usize,
    newer: usize,
    unknown: usize,
}

impl Images {
    /// Counts them.
    pub fn of(inventory: &Inventory) -> Self {
        let rows = &inventory.rows;
        let count = |is: fn(&Row) -> bool| rows.iter().filter(|row| is(row)).count();
        Self {
            all: rows.len(),
            wrong: count(|row| !row.states.is_empty()),
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
    controls: Vec<Line>,
    open: Vec<(Severity, usize)>,
    unread: usize,
    /// Score, in percent.
    score: u32,
    collected_at: i64,
    open_since: BTreeMap<String, Timestamp>,
    numbers: Numbers,
    certificates: Vec<CertificateTimes>,
    images: Images,
    credentials: BTreeMap<String, CredentialState>,
    is_leader: bool,
    enforces: bool,
}

/// A control, as far as metrics go.
#[derive(Clone, Debug)]
struct Line {
    id: String,
    section: String,
    severity: Severity,
    verdict: Verdict,
    findings: usize,
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

/// What goes on meanwhile.
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
