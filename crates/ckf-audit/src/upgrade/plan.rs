//! A plan of an upgrade, as data.

use serde::Serialize;

use super::steps::Step;
use crate::controls::Verdict;

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpgradePlan {
    /// The release that runs.
    pub from: String,
    /// The release after the upgrade.
    pub to: String,
    /// What has to be fixed before.
    pub blockers: Vec<String>,
    /// What could not be looked at.
    pub unknown: Vec<String>,
    /// What to know before, about support.
    pub notes: Vec<String>,
    /// Refreshes, in the order of the guide.
    pub steps: Vec<Step>,
    /// Controls whose verdict would be another one.
    pub verdicts: Vec<VerdictChange>,
}

/// A control whose verdict would be another one if only images and channels change.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerdictChange {
    /// Its id.
    pub control: String,
    /// Its title.
    pub title: String,
    /// Its verdict now.
    pub before: Verdict,
    /// Its verdict after the upgrade.
    pub after: Verdict,
    /// Open evidence after it, each as object, field and value.
    pub findings: Vec<String>,
}

impl UpgradePlan {
    /// It may be begun, as far as everything could be looked at.
    pub fn is_ready(&self) -> bool {
        self.blockers.is_empty() && self.unknown.is_empty()
    }
}
