//! Reports of several clusters, as data.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::model::{Report, Tool};

/// Identifier of the schema, with its version.
pub const SCHEMA: &str = "ckf-hardening/fleet/v1";

/// Reports of several clusters, in the order in which their contexts were given.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Fleet {
    /// `ckf-hardening/fleet/v1`.
    pub schema: String,
    /// The program that wrote the report.
    pub tool: Tool,
    /// A cluster for each context.
    pub clusters: Vec<Member>,
}

/// A cluster of a fleet.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Member {
    /// Context of the kubeconfig, or a number if names are redacted.
    pub context: String,
    /// Result of its audit.
    pub outcome: Outcome,
    /// Why it was not audited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Its report, as `docs/report-v1.schema.json` describes it; absent if it was not audited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
}

/// Result of the audit of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It has a report.
    Audited,
    /// It has no Charmed Kubeflow, and was not named.
    Skipped,
    /// It could not be audited.
    Failed,
}

impl Member {
    /// A cluster with its report.
    pub fn audited(context: String, report: Report) -> Self {
        Self { context, outcome: Outcome::Audited, problem: None, report: Some(report) }
    }

    /// A cluster without one, and why.
    pub fn without(context: String, outcome: Outcome, problem: String) -> Self {
        Self { context, outcome, problem: Some(problem), report: None }
    }

    /// Drops the evidence, which only JSON has: of a large fleet it is most of the memory.
    pub fn drop_evidence(&mut self) {
        for control in self.report.iter_mut().flat_map(|report| &mut report.controls) {
            control.findings = Vec::new();
            control.waived = Vec::new();
            control.limits = Vec::new();
        }
    }
}

impl Fleet {
    /// The report of these clusters.
    pub fn new(clusters: Vec<Member>) -> Self {
        let tool = Tool { name: crate::facts::CHARM.into(), version: crate::VERSION.into() };
        Self { schema: SCHEMA.into(), tool, clusters }
    }

    /// Clusters that have a report, with their names.
    pub(super) fn audited(&self) -> impl Iterator<Item = (&str, &Report)> {
        self.clusters.iter().filter_map(|one| Some((one.context.as_str(), one.report.as_ref()?)))
    }

    /// One line: how many clusters, and how many of them fail something.
    pub fn status_line(&self) -> String {
        let count = |outcome| self.clusters.iter().filter(|one| one.outcome == outcome).count();
        let open = self.audited().filter(|(_, report)| report.summary.fail > 0).count();
        let mut line = format!(
            "{} contexts: {} audited, {open} with open findings",
            self.clusters.len(),
            count(Outcome::Audited)
        );
        for (number, what) in [
            (count(Outcome::Failed), "could not be audited"),
            (count(Outcome::Skipped), "without Charmed Kubeflow"),
        ] {
            if number > 0 {
                line.push_str(&format!(", {number} {what}"));
            }
        }
        line
    }
}

/// Statuses by how bad they are for who audits several clusters: one that could not be audited
/// (2), then open findings (1), then too much that was not assessed (3).
pub fn worst(one: u8, other: u8) -> u8 {
    let rank = |status: u8| match status {
        0 => 0,
        3 => 1,
        1 => 2,
        _ => 3,
    };
    match rank(one).cmp(&rank(other)) {
        Ordering::Less => other,
        _ => one,
    }
}
