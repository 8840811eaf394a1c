//! Limits of the platform, by which findings cannot be fixed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog;
use crate::controls::Finding;
use crate::finding::count;
use crate::policy::is_like;

/// A limit of the platform, and the findings that it covers: no operator can fix these, and the
/// report says where upstream has them and what keeps the harm small.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PlatformLimit {
    /// Why an operator cannot fix it.
    pub why: String,
    /// URL of the issue or advisory upstream.
    pub issue: String,
    /// What keeps the harm small meanwhile.
    pub mitigation: String,
    /// Positions in `findings` of the findings that it covers, from 0.
    pub findings: Vec<usize>,
}

impl PlatformLimit {
    /// Limits of a control that cover some of these findings.
    pub(super) fn of(control: &catalog::Control, findings: &[Finding]) -> Vec<Self> {
        let covering = |limit: &catalog::Limit| {
            let is_covered = |finding: &Finding| {
                is_like(&limit.field, &finding.field) && is_like(&limit.seen, &finding.seen)
            };
            let all = findings.iter().enumerate();
            let covered = all.filter(|(_, finding)| is_covered(finding)).map(|(at, _)| at);
            Self {
                why: limit.why.trim().to_owned(),
                issue: limit.issue.trim().to_owned(),
                mitigation: limit.mitigation.trim().to_owned(),
                findings: covered.collect(),
            }
        };
        let all = control.limits.iter().map(covering);
        all.filter(|limit| !limit.findings.is_empty()).collect()
    }
}

impl std::fmt::Display for PlatformLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { why, issue, mitigation, findings } = self;
        let number = count(findings.len(), "finding");
        write!(
            f,
            "{number} by a limit of the platform: {why} See {issue}. Mitigation: {mitigation}"
        )
    }
}
