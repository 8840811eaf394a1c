//! The verdict of a control, with its evidence.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bounds::limited;
use super::limits::PlatformLimit;
use crate::catalog::{self, Severity};
use crate::controls::{Assessment, Finding, Verdict, Waived};
use crate::facts::object::ObjectRef;

/// Verdict of a control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ControlReport {
    /// Id, for example `TLS-01`.
    pub id: String,
    /// Title from the catalogue.
    pub title: String,
    /// What is wrong, for a control that fails or is waived.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub headline: String,
    /// Section of the security guide.
    pub section: String,
    /// Severity in the audit's profile.
    pub severity: Severity,
    /// Outcome of the check.
    pub verdict: Verdict,
    /// Reason for the verdict, in a sentence.
    pub reason: String,
    /// Open evidence.
    pub findings: Vec<Finding>,
    /// Evidence that a waiver covers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<WaivedFinding>,
    /// How to fix it.
    pub fix: String,
    /// Why it matters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Requirements of other frameworks that it maps to.
    #[serde(default, skip_serializing_if = "catalog::Mappings::is_empty")]
    pub mappings: catalog::Mappings,
    /// Advice on the fix, for a control that fails or is waived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<catalog::Advice>,
    /// Limits of the platform by which some of the findings cannot be fixed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<PlatformLimit>,
    /// Catalogue data of a custom control, which the policy defines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnControl>,
}

/// Catalogue data of a custom control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct OwnControl {
    /// Rationale of the control.
    pub why: String,
    /// Requirements of other frameworks that it maps to.
    pub mappings: catalog::Mappings,
}

impl ControlReport {
    /// Open findings that an operator can fix: those that no limit of the platform covers.
    pub fn fixable(&self) -> usize {
        let is_covered = |at: &usize| self.limits.iter().any(|limit| limit.findings.contains(at));
        (0..self.findings.len()).filter(|at| !is_covered(at)).count()
    }

    /// Rationale and mappings, of the catalogue or of a custom control.
    pub(crate) fn known(&self) -> Option<(&str, &catalog::Mappings)> {
        let of_catalogue = || {
            let known = catalog::control(&self.id)?;
            Some((known.why.as_str(), &known.mappings))
        };
        let own = self.own.as_ref();
        own.map(|own| (own.why.as_str(), &own.mappings)).or_else(of_catalogue)
    }

    /// What is wrong with a control that fails or is waived, else what should hold.
    pub fn headline(&self) -> &str {
        match self.headline.as_str() {
            "" => &self.title,
            headline => headline,
        }
    }

    /// The objects that are not as they should be, each once.
    pub fn objects(&self) -> Vec<&ObjectRef> {
        let waived = self.waived.iter().map(|waived| &waived.finding);
        let mut objects: Vec<&ObjectRef> =
            self.findings.iter().chain(waived).map(|finding| &finding.object).collect();
        objects.dedup();
        objects
    }
}

/// Evidence that a waiver covers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WaivedFinding {
    /// The evidence.
    pub finding: Finding,
    /// Who is responsible for the waiver.
    pub owner: String,
    /// Reason for the waiver.
    pub reason: String,
    /// Last day on which the waiver applies.
    pub until: String,
}

impl std::fmt::Display for WaivedFinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (owner, until, reason) = (&self.owner, &self.until, &self.reason);
        write!(f, "{}: waived by {owner} until {until}: {reason}", self.finding)
    }
}

impl From<&Assessment> for ControlReport {
    fn from(assessment: &Assessment) -> Self {
        assessment.clone().into()
    }
}

/// Moves the findings: a large deployment has tens of thousands.
impl From<Assessment> for ControlReport {
    fn from(a: Assessment) -> Self {
        let findings = limited(a.findings);
        Self {
            limits: PlatformLimit::of(&a.control, &findings),
            id: a.control.id.clone(),
            title: a.control.title.clone(),
            headline: match a.verdict {
                Verdict::Fail | Verdict::Waived => a.control.finding.clone(),
                _ => String::new(),
            },
            section: a.control.section.clone(),
            severity: a.severity,
            verdict: a.verdict,
            reason: a.reason,
            findings,
            waived: a.waived.iter().map(WaivedFinding::from).collect(),
            fix: a.control.fix.clone(),
            why: a.control.why.trim().to_owned(),
            mappings: a.control.mappings.clone(),
            advice: match (&a.control, a.verdict) {
                // Only where there is something to fix, so that more reports fit an action's result.
                (Cow::Borrowed(control), Verdict::Fail | Verdict::Waived) => Some(control.advice()),
                _ => None,
            },
            own: match &a.control {
                Cow::Borrowed(_) => None,
                Cow::Owned(control) => Some(OwnControl {
                    why: control.why.clone(),
                    mappings: control.mappings.clone(),
                }),
            },
        }
    }
}

impl From<&Waived> for WaivedFinding {
    fn from(waived: &Waived) -> Self {
        Self {
            finding: waived.finding.clone(),
            owner: waived.by.owner.clone(),
            reason: waived.by.reason.clone(),
            until: waived.by.expires.to_string(),
        }
    }
}
