//! Counts of verdicts, and the score.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::control::ControlReport;
use crate::catalog::Severity;
use crate::controls::Verdict;

/// Number of controls by verdict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Summary {
    /// Verdict pass.
    pub pass: usize,
    /// Verdict fail.
    pub fail: usize,
    /// Verdict waived.
    pub waived: usize,
    /// Verdict not-applicable.
    pub not_applicable: usize,
    /// Verdict not-assessed.
    pub not_assessed: usize,
}

impl Summary {
    pub(crate) fn of(controls: &[ControlReport]) -> Self {
        let mut summary = Self::default();
        for control in controls {
            match control.verdict {
                Verdict::Pass => summary.pass += 1,
                Verdict::Fail => summary.fail += 1,
                Verdict::Waived => summary.waived += 1,
                Verdict::NotApplicable => summary.not_applicable += 1,
                Verdict::NotAssessed => summary.not_assessed += 1,
            }
        }
        summary
    }

    /// Number of controls that are counted.
    pub fn total(&self) -> usize {
        self.pass + self.fail + self.waived + self.not_applicable + self.not_assessed
    }
}

/// Share of assessed controls that pass, and share of controls that was assessed; neither is
/// meaningful without the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Score {
    /// Passing share of the controls that pass, fail or are waived, in percent, weighted by
    /// severity: critical 10, high 6, medium 3, low 1, info 0. Rounded down.
    pub passed: u32,
    /// Assessed share of the applicable controls, in percent. Rounded down.
    pub covered: u32,
}

impl Score {
    pub(crate) fn of(controls: &[ControlReport]) -> Self {
        let weight = |control: &ControlReport| match control.severity {
            Severity::Critical => 10,
            Severity::High => 6,
            Severity::Medium => 3,
            Severity::Low => 1,
            Severity::Info => 0,
        };
        let (mut passed, mut assessed, mut covered, mut applicable) = (0, 0, 0, 0);
        for control in controls {
            match control.verdict {
                Verdict::Pass => {
                    (passed, assessed) = (passed + weight(control), assessed + weight(control))
                }
                Verdict::Fail | Verdict::Waived => assessed += weight(control),
                Verdict::NotApplicable => continue,
                Verdict::NotAssessed => {}
            }
            applicable += 1;
            covered += u32::from(control.verdict != Verdict::NotAssessed);
        }
        let percent = |part: u32, whole: u32| (100 * part).checked_div(whole).unwrap_or(0);
        Self { passed: percent(passed, assessed), covered: percent(covered, applicable) }
    }
}
