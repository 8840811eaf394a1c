//! Identifiers of findings for services that track them: unique in a report, and the same in the
//! next report of the same evidence.

use std::collections::BTreeMap;

use super::model::{ControlReport, fingerprint};
use crate::controls::Finding;
use crate::facts::object::ObjectRef;

/// A finding with its identifier. Evidence of replicas is equal, so they are numbered.
pub(super) struct Identified<'a> {
    pub finding: &'a Finding,
    /// Digest of the evidence.
    pub digest: String,
    /// Number among the findings of equal evidence, from 1.
    pub occurrence: usize,
}

impl Identified<'_> {
    /// Identifier that is unique in the report.
    pub fn id(&self) -> String {
        match self.occurrence {
            1 => self.digest.clone(),
            number => format!("{}-{number}", self.digest),
        }
    }
}

/// Open findings of a control, with their identifiers.
pub(super) fn open(control: &ControlReport) -> impl Iterator<Item = Identified<'_>> {
    identified(control, control.findings.iter())
}

/// Waived findings of a control, with their identifiers.
pub(super) fn waived(control: &ControlReport) -> impl Iterator<Item = Identified<'_>> {
    identified(control, control.waived.iter().map(|waived| &waived.finding))
}

fn identified<'a>(
    control: &'a ControlReport,
    findings: impl Iterator<Item = &'a Finding>,
) -> impl Iterator<Item = Identified<'a>> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    findings.map(move |finding| {
        let digest = fingerprint(&control.id, finding);
        let occurrence = seen.entry(digest.clone()).or_default();
        *occurrence += 1;
        Identified { finding, digest, occurrence: *occurrence }
    })
}

/// Identifier of a control's verdict, for one without findings.
pub(super) fn of_verdict(namespace: &str, control: &ControlReport) -> String {
    crate::digest(format!("{namespace} {} {}", control.id, control.verdict.name()))
}

/// Kind, namespace and name of an object, as a path.
pub(super) fn path(object: &ObjectRef) -> String {
    let mut parts = vec![object.kind.as_str(), object.namespace.as_str(), object.name.as_str()];
    parts.retain(|part| !part.is_empty());
    parts.join("/")
}
