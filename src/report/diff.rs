//! What is new between two reports, by the evidence itself.

use std::collections::{BTreeMap, BTreeSet};

use juju_charm::printable::line;
use serde::Serialize;

use super::{ControlReport, Report, fingerprint};
use crate::catalog::Severity;
use crate::controls::{Finding, Verdict};

/// What became of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It was not there before.
    New,
    /// It is gone.
    Fixed,
    /// It was there, and is.
    Unchanged,
}

impl Fate {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Fixed => "fixed",
            Self::Unchanged => "unchanged",
        }
    }
}

/// Evidence, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The control.
    pub control: String,
    /// Its severity, of the report that has the evidence.
    pub severity: Severity,
    /// What became of it.
    pub fate: Fate,
    /// Stands for the evidence.
    pub fingerprint: String,
    /// The evidence.
    pub finding: Finding,
}

/// What differs between two reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    /// Evidence of both, new before fixed before unchanged, worst first.
    pub changes: Vec<Change>,
    /// Controls that one of both could not judge, or has not, with what each says: nothing
    /// is told of their evidence.
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
                (Some(was), Some(is)) if is_judged(was) && is_judged(is) => {
                    diff.changes.extend(compare(was, is));
                }
                (was, is) => {
                    let says = |control: Option<&ControlReport>| {
                        control.map_or("not in it", |control| control.verdict.name())
                    };
                    let why = format!("{} -> {}", says(was), says(is));
                    // What neither could judge is no difference.
                    if says(was) != says(is) {
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

    /// Whether evidence of a fate, of a severity or worse, is among it.
    pub fn has(&self, fate: Fate, threshold: Severity) -> bool {
        let mut changes = self.changes.iter();
        changes.any(|change| change.fate == fate && change.severity >= threshold)
    }

    /// How much of each fate there is.
    pub fn count(&self, fate: Fate) -> usize {
        let changes = self.changes.iter();
        changes.filter(|change| change.fate == fate).count()
    }

    /// As text: what is new and what is fixed, and how much is unchanged.
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

/// Whether the evidence of a control is all there is.
fn is_judged(control: &ControlReport) -> bool {
    matches!(
        control.verdict,
        Verdict::Pass | Verdict::Fail | Verdict::NotApplicable | Verdict::Waived
    )
}

fn compare(was: &ControlReport, is: &ControlReport) -> Vec<Change> {
    let marked = |control: &ControlReport| -> BTreeMap<String, Finding> {
        // What is waived is still there.
        let waived = control.waived.iter().map(|waived| &waived.finding);
        let findings = control.findings.iter().chain(waived);
        findings.map(|finding| (fingerprint(&control.id, finding), finding.clone())).collect()
    };
    let (old, new) = (marked(was), marked(is));
    let change = |of: &ControlReport, fate, (mark, finding): (&String, &Finding)| Change {
        control: of.id.clone(),
        severity: of.severity,
        fate,
        fingerprint: mark.clone(),
        finding: finding.clone(),
    };
    let now = new.iter().map(|entry| {
        let fate = match old.contains_key(entry.0) {
            true => Fate::Unchanged,
            false => Fate::New,
        };
        change(is, fate, entry)
    });
    let gone = old.iter().filter(|(mark, _)| !new.contains_key(*mark));
    let gone = gone.map(|entry| change(was, Fate::Fixed, entry));
    now.chain(gone).collect()
}
