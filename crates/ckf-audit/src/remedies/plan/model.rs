//! A plan: changes, and what is skipped or held back.

use std::collections::BTreeSet;
use std::fmt;

use printable::line;
use serde_json::Value;

use super::change::{Change, ClusterOperation};
use super::held_back::HeldBack;
use crate::remedies::breaks::Break;
use crate::remedies::managed::{ManagedObject, is_applied_by_us};
use crate::remedies::remedy::Remedy;

/// Changes that reach the desired state, and what is skipped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Changes to apply, in order.
    pub changes: Vec<Change>,
    /// Skipped parts of each remedy, with the reason.
    pub notes: Vec<(Remedy, String)>,
    /// Existing flows that the changes would break, including changes that are held back.
    pub breaks: Vec<Break>,
    /// Changes that are not applied until the operator consents.
    pub held_back: Vec<HeldBack>,
    /// Objects that carry the charm's labels and are not managed, with the reason.
    pub ignored: Vec<String>,
}

impl Plan {
    /// At least one change is applied through the Juju API.
    pub fn is_of_juju(&self) -> bool {
        self.changes.iter().any(Change::is_of_juju)
    }

    /// JSON form of the changes: plans with equal data make the same changes.
    pub fn data(&self) -> Value {
        self.changes.iter().map(Change::data).collect()
    }

    /// Impact of the changes, including those held back: a line per remedy, and one per break.
    pub fn reach(&self) -> Vec<String> {
        let changes = self.changes.iter();
        let held_back = self.held_back.iter().map(|held| &held.change);
        let remedies: BTreeSet<Remedy> =
            changes.chain(held_back).map(|change| change.remedy).collect();
        let mut lines = Vec::new();
        for remedy in remedies {
            let breaks = || self.breaks.iter().filter(|broken| broken.remedy == remedy);
            let about = remedy.about();
            let worst = breaks().map(|broken| broken.risk).max();
            let risk = about.risk.max(worst.unwrap_or(about.risk)).name();
            lines.push(format!("{remedy}: risk {risk}: {}", about.reach));
            lines.extend(breaks().map(|broken| format!("{remedy}: would break: {broken}")));
        }
        lines
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changes = self.changes.iter().map(ToString::to_string);
        let changed: BTreeSet<Remedy> = self.changes.iter().map(|change| change.remedy).collect();
        let notes = self.notes.iter().map(|(remedy, why)| {
            let skipped = match changed.contains(remedy) {
                true => "partly skipped",
                false => "skipped",
            };
            format!("{remedy}: {skipped}: {}", line(why))
        });
        let held_back = self.held_back.iter().map(|held| {
            let remedy = held.change.remedy;
            format!(
                "{held}; allow it with --allow-disruption or the option allow-disruption={remedy}"
            )
        });
        let ignored = self.ignored.iter().map(|why| format!("ignored: {why}"));
        let lines: Vec<String> = changes.chain(notes).chain(held_back).chain(ignored).collect();
        match lines.is_empty() {
            true => f.write_str("no changes"),
            false => f.write_str(&lines.join("\n")),
        }
    }
}

impl Plan {
    /// Deletes a managed object. One that the charm never applied got its name and labels from
    /// another client, and is left alone.
    pub(super) fn delete(&mut self, remedy: Remedy, object: &Value) {
        match is_applied_by_us(object) {
            true => self.changes.extend(deletion(remedy, object)),
            false => self.ignored.extend(ManagedObject::read(object).map(|own| {
                let name = own.reference();
                format!("{name} carries labels of this charm, but the charm did not create it")
            })),
        }
    }
}

pub(super) fn deletion(remedy: Remedy, object: &Value) -> Option<Change> {
    let operation = ClusterOperation::Delete(ManagedObject::read(object)?);
    Some(Change { remedy, operation: operation.into(), diff: Vec::new() })
}
