//! Differences between two reports, by evidence.

use std::collections::{BTreeMap, BTreeSet};

use printable::line;
use serde::Serialize;

use super::model::{ControlReport, Report, fingerprint};
use crate::catalog::Severity;
use crate::controls::{Finding, Verdict};

/// Change of evidence between two reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Only in the new report.
    New,
    /// Only in the old report.
    Fixed,
    /// In both reports.
    Unchanged,
}

impl Fate {
    /// Lower case, as output prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Fixed => "fixed",
            Self::Unchanged => "unchanged",
        }
    }
}

/// Evidence with its change.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Id of the control.
    pub control: String,
    /// Severity of the control in the report that has the evidence.
    pub severity: Severity,
    /// Whether it is new, fixed or unchanged.
    pub fate: Fate,
    /// Digest of the evidence, see [`fingerprint`].
    pub fingerprint: String,
    /// The evidence.
    pub finding: Finding,
}

/// Differences between two reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    /// Evidence of both reports: new, then fixed, then unchanged, each most severe first.
    pub changes: Vec<Change>,
    /// Controls that one report lacks or did not assess, with both verdicts; their evidence is not
    /// compared.
    pub incomparable: BTreeMap<String, String>,
}

impl Diff {
    /// Compares two reports.
    pub fn of(old: &Report, new: &Report) -> Self {
        let by_id = |report: &'_ Report| -> BTreeMap<String, ControlReport> {
            let all = report.controls.iter();
            all.map(|c| (c.id.clone(), c.clone())).collect()
        };
        let (old, new) = (by_id(old), by_id(new));
        let ids: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let mut diff = Self::default();
        for id in ids {
            match (old.get(id), new.get(id)) {
                (Some(was), Some(is)) if is_assessed(was) && is_assessed(is) => {
                    diff.changes.extend(compare(was, is));
                }
                (was, is) => {
                    let verdict = |control: Option<&ControlReport>| {
                        control.map_or("absent", |control| control.verdict.name())
                    };
                    let why = format!("{} -> {}", verdict(was), verdict(is));
                    // A control that neither report assessed is no difference.
                    if was.map(|control| control.verdict) != is.map(|control| control.verdict) {
                        diff.incomparable.insert(id.clone(), why);
                    }
                }
            }
        }
        diff.changes.sort_by(|one, other| {
            let key = |c: &Change| (c.fate, std::cmp::Reverse(c.severity));
            (key(one), &one.control, &one.finding).cmp(&(
                key(other),
                &other.control,
                &other.finding,
            ))
        });
        diff
    }

    /// There is evidence with this change, of at least this severity.
    pub fn has(&self, fate: Fate, threshold: Severity) -> bool {
        let mut changes = self.changes.iter();
        changes.any(|change| change.fate == fate && change.severity >= threshold)
    }

    /// Number of pieces of evidence with this change.
    pub fn count(&self, fate: Fate) -> usize {
        let changes = self.changes.iter();
        changes.filter(|change| change.fate == fate).count()
    }

    /// As text: a line for each new and fixed finding, and totals.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for fate in [Fate::New, Fate::Fixed] {
            for change in self.changes.iter().filter(|change| change.fate == fate) {
                let Change { control, severity, finding, .. } = change;
                out.push_str(&format!(
                    "{} {control} ({}) {}: {} is {}\n",
                    fate.name(),
                    severity.name(),
                    finding.object,
                    line(&finding.field),
                    line(&finding.seen)
                ));
            }
        }
        for (control, why) in &self.incomparable {
            out.push_str(&format!("incomparable {control}: {}\n", line(why)));
        }
        out.push_str(&format!(
            "{} new, {} fixed, {} unchanged, {} incomparable\n",
            self.count(Fate::New),
            self.count(Fate::Fixed),
            self.count(Fate::Unchanged),
            crate::controls::count(self.incomparable.len(), "control")
        ));
        out
    }
}

/// The control was assessed, so its evidence is complete.
fn is_assessed(control: &ControlReport) -> bool {
    matches!(
        control.verdict,
        Verdict::Pass | Verdict::Fail | Verdict::NotApplicable | Verdict::Waived
    )
}

fn compare(was: &ControlReport, is: &ControlReport) -> Vec<Change> {
    let by_digest = |control: &ControlReport| -> BTreeMap<String, Finding> {
        // A waived finding still exists.
        let waived = control.waived.iter().map(|waived| &waived.finding);
        let findings = control.findings.iter().chain(waived);
        findings.map(|finding| (fingerprint(&control.id, finding), finding.clone())).collect()
    };
    let (old, new) = (by_digest(was), by_digest(is));
    let change = |of: &ControlReport, fate, (digest, finding): (&String, &Finding)| Change {
        control: of.id.clone(),
        severity: of.severity,
        fate,
        fingerprint: digest.clone(),
        finding: finding.clone(),
    };
    let now = new.iter().map(|entry| {
        let fate = match old.contains_key(entry.0) {
            true => Fate::Unchanged,
            false => Fate::New,
        };
        change(is, fate, entry)
    });
    let gone = old.iter().filter(|(digest, _)| !new.contains_key(*digest));
    let gone = gone.map(|entry| change(was, Fate::Fixed, entry));
    now.chain(gone).collect()
}
