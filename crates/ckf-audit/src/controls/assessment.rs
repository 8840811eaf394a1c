//! The assessment of a control: its verdict with the evidence.

use std::borrow::Cow;

use crate::catalog::{Control, Severity};
use crate::finding::{Finding, Verdict};
use crate::policy::Waiver;

/// A control's verdict with its evidence.
#[derive(Clone, Debug)]
pub struct Assessment {
    /// The control.
    pub control: Cow<'static, Control>,
    /// Severity, with the overrides of the policy.
    pub severity: Severity,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub reason: String,
    /// Evidence that is open.
    pub findings: Vec<Finding>,
    /// Evidence whose risk is accepted.
    pub waived: Vec<Waived>,
}

/// Evidence whose risk is accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Waived {
    /// The evidence.
    pub finding: Finding,
    /// The waiver.
    pub by: Waiver,
}
