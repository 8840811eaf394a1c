//! Plans: the changes that apply remedies, and those that revert them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use printable::line;
use serde_json::{Value, json};

use super::edit::{Edit, Target};
use super::managed::{
    Managed, ManagedObject, differences, foreign_managers, is_applied_by_us, is_kept, remedy_of,
};
use super::record::{self, Entry, Record};
use super::{Break, Consent, Decision, DesiredState, HeldBack, Leftover, Remedy, diff};
use crate::facts::Facts;
use crate::facts::known::Known;
use crate::policy::Policy;
use crate::views::{Context, MissingFact};

/// Limits on the records of one remedy for the objects of one namespace, by number and by total
/// bytes: a tenant must not be able to fill the cluster's storage with them.
const MOST_RECORDS: usize = 50;
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// An operation on one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Create a managed object.
    Create(ManagedObject),
    /// Restore a managed object that has drifted; the other field managers that changed it.
    Restore(ManagedObject, Vec<String>),
    /// Delete a managed object.
    Delete(ManagedObject),
    /// Edit an object that others manage; the record of the edit.
    Edit(Edit, ManagedObject),
    /// Restore the recorded previous state, then delete the record.
    Revert(Entry, ManagedObject),
}

/// A planned change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The remedy that requires it.
    pub remedy: Remedy,
    /// Operation to perform.
    pub operation: Operation,
    /// Differences, one per line: `FIELD: CURRENT -> DESIRED`.
    pub diff: Vec<String>,
}

impl Change {
    /// Subject of the change.
    pub fn target(&self) -> Target {
        match &self.operation {
            Operation::Create(own) | Operation::Restore(own, _) | Operation::Delete(own) => {
                Target::Object(own.reference())
            }
            Operation::Edit(edit, _) => edit.target(),
            Operation::Revert(entry, _) => entry.edit.target(),
        }
    }

    /// Applied through the Juju API.
    pub fn is_of_juju(&self) -> bool {
        match &self.operation {
            Operation::Edit(edit, _) => edit.is_of_juju(),
            Operation::Revert(entry, _) => entry.edit.is_of_juju(),
            _ => false,
        }
    }

    fn verb(&self) -> &'static str {
        match &self.operation {
            Operation::Create(_) => "create",
            Operation::Restore(_, by) if by.is_empty() => "change",
            Operation::Restore(..) => "restore",
            Operation::Delete(_) => "delete",
            Operation::Edit(Edit::Labels { .. }, _) => "label",
            Operation::Edit(Edit::Removal(_), _) => "remove",
            Operation::Edit(Edit::Settings { .. } | Edit::Configuration { .. }, _) => "configure",
            Operation::Edit(Edit::Relation { .. }, _) => "integrate",
            Operation::Revert(..) => "revert",
        }
    }

    /// JSON form, for a saved plan.
    fn data(&self) -> Value {
        let manifest = match &self.operation {
            Operation::Create(own) | Operation::Restore(own, _) => &own.object,
            _ => &Value::Null,
        };
        json!({
            "remedy": self.remedy.name(),
            "does": self.verb(),
            "target": self.target().to_string(),
            "diff": self.diff,
            "manifest": manifest,
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ", self.remedy, self.verb())?;
        match &self.operation {
            Operation::Edit(Edit::Relation { endpoints }, _) => {
                f.write_str(&endpoints.join(" "))?
            }
            _ => write!(f, "{}", self.target())?,
        }
        if let Operation::Restore(_, by) = &self.operation
            && !by.is_empty()
        {
            write!(f, ", changed by {}", line(&by.join(", ")))?;
        }
        self.diff.iter().try_for_each(|text| write!(f, "\n  {}", line(text)))
    }
}

/// Changes that reach the desired state, and what is skipped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Changes to apply, in order.
    pub changes: Vec<Change>,
    /// What is skipped of each remedy, with the reason.
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

/// Origin of a request for remedies, which decides how long they stay applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requester {
    /// The charm's option: remedies stay enforced, and those removed from it are reverted.
    Option,
    /// An operator, once: remedies stay applied until they are undone.
    Person,
}

/// Plans the changes that apply these remedies, as far as `consent` allows. `own` are the managed
/// objects that exist. A remedy that depends on a fact that could not be read is skipped.
pub fn plan(
    facts: &Facts,
    policy: &Policy,
    own: &Managed,
    remedies: &BTreeSet<Remedy>,
    consent: &Consent,
) -> Plan {
    let requester = consent.requester();
    let context = &Context::new(facts, policy, None);
    let mut plan = Plan { ignored: own.ignored.clone(), ..Plan::default() };
    for &remedy in Remedy::ALL {
        let is_selected = remedies.contains(&remedy);
        let state = match is_selected {
            false => DesiredState::nothing(Leftover::Delete),
            true => match remedy.decide(context) {
                Ok(Decision::Apply(state)) => state,
                Ok(Decision::Skip(why)) => {
                    plan.notes.push((remedy, why));
                    DesiredState::nothing(Leftover::Keep)
                }
                Ok(Decision::Remove(why)) => {
                    plan.notes.push((remedy, why));
                    DesiredState::nothing(Leftover::Delete)
                }
                Err(MissingFact(why)) => {
                    let why = format!("it depends on an unknown fact: {why}");
                    plan.notes.push((remedy, why));
                    continue;
                }
            },
        };
        let mut planned = Planned {
            platform: context.namespace(),
            remedy,
            requester,
            is_selected,
            plan: &mut plan,
        };
        let is_of_remedy = |object: &&Value| remedy_of(object) == Some(remedy);
        planned.objects(&state, own.objects.iter().filter(is_of_remedy).collect());
        let records = own.records.iter().filter(|record| record.remedy == remedy);
        let (stale, records) = records.partition(|record| is_gone(record, facts));
        planned.delete_stale(stale);
        planned.edits(state.edits, records);
        planned.pending(own.pending.iter().filter(is_of_remedy).collect());
        let of = |text: String| (remedy, text);
        plan.notes.extend(state.notes.into_iter().map(of));
        plan.breaks.extend(state.breaks);
    }
    consent.confine(&mut plan);
    plan
}

/// Namespace of an edited object, or the edited Namespace itself.
fn namespace_of(edit: &Edit) -> Option<String> {
    match edit.target() {
        Target::Object(object) if object.kind == "Namespace" => Some(object.name),
        Target::Object(object) => Some(object.namespace),
        Target::Application(_) | Target::Relation(_) | Target::Configuration(_) => None,
    }
}

/// The namespace of a record's edit is known to be deleted.
fn is_gone(record: &Record, facts: &Facts) -> bool {
    let (Some(name), Known::Known(all)) = (namespace_of(&record.entry.edit), &facts.namespaces)
    else {
        return false;
    };
    let is_whole = all.installed && all.unread.is_empty() && !all.items.is_empty();
    is_whole && !all.items.iter().any(|known| known.metadata.name == name)
}

/// Plans the changes of one remedy.
struct Planned<'a> {
    platform: &'a str,
    remedy: Remedy,
    requester: Requester,
    is_selected: bool,
    plan: &'a mut Plan,
}

impl Planned<'_> {
    /// An existing object outside the desired state is to be deleted.
    fn is_deleted(&self, leftover: &Leftover, object: &Value) -> bool {
        let namespace = object["metadata"]["namespace"].as_str();
        let may = match leftover {
            Leftover::Keep => false,
            Leftover::DeleteIn(names) => namespace.is_some_and(|name| names.contains(name)),
            Leftover::Delete => true,
        };
        may && match self.requester {
            Requester::Option => is_kept(object),
            Requester::Person => self.is_selected,
        }
    }

    fn objects(&mut self, state: &DesiredState, present: Vec<&Value>) {
        let key = |object: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let meta = &object["metadata"];
            let (namespace, name) = (text(&meta["namespace"]), text(&meta["name"]));
            (text(&object["kind"]), namespace, name)
        };
        let mut left: BTreeMap<_, &Value> = present.into_iter().map(|o| (key(o), o)).collect();
        let new = state.objects.iter().map(|desired| (desired, true));
        let kept = state.kept.iter().map(|desired| (desired, false));
        for (desired, is_made) in new.chain(kept) {
            let kind = desired.kind.kind.to_owned();
            let present = left.remove(&(kind, desired.namespace.clone(), desired.name.clone()));
            if present.is_none() && !is_made {
                continue;
            }
            let kept = self.requester == Requester::Option || present.is_some_and(is_kept);
            let own = ManagedObject::new(desired, self.platform, self.remedy, kept);
            self.plan.changes.extend(change(self.remedy, own, present));
        }
        for object in left.into_values() {
            if self.is_deleted(&state.leftover, object) {
                self.plan.delete(self.remedy, object);
            }
        }
    }

    /// Deletes records of objects that are gone: they have nothing to revert.
    fn delete_stale(&mut self, records: Vec<&Record>) {
        let is_selected = self.is_selected || self.requester == Requester::Option;
        for record in records.into_iter().filter(|_| is_selected) {
            self.plan.changes.push(Change {
                remedy: self.remedy,
                operation: Operation::Delete(record.own.clone()),
                diff: vec!["its namespace is gone; nothing to revert".into()],
            });
        }
    }

    /// Deletes records whose edit has not started once the remedy is not selected.
    fn pending(&mut self, pending: Vec<&Value>) {
        let gone = pending.into_iter().filter(|object| match self.requester {
            Requester::Option => !self.is_selected && is_kept(object),
            Requester::Person => false,
        });
        let deletes: Vec<_> = gone.filter_map(|o| deletion(self.remedy, o)).collect();
        self.plan.changes.extend(deletes);
    }

    fn edits(&mut self, edits: Vec<Edit>, records: Vec<&Record>) {
        let recorded: BTreeMap<Target, &Record> =
            records.iter().map(|record| (record.entry.edit.target(), *record)).collect();
        // By namespace: number and total bytes of records.
        let mut room: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for record in &records {
            if let Some(namespace) = namespace_of(&record.entry.edit) {
                let (number, bytes) = room.entry(namespace).or_default();
                *number += 1;
                *bytes += record.own.size();
            }
        }
        let mut refused: BTreeMap<String, usize> = BTreeMap::new();
        for edit in edits {
            // Juju edits are checked once secrets are stripped from them.
            if !edit.is_of_juju() && !self.remedy.may_edit(&edit, self.platform) {
                let why = format!("{}: outside what this remedy may edit", edit.target());
                self.plan.notes.push((self.remedy, why));
                continue;
            }
            let record = match recorded.get(&edit.target()) {
                // The record of the first edit reverts later ones too.
                Some(earlier) => earlier.own.clone(),
                None => {
                    if let Some(namespace) = namespace_of(&edit) {
                        let (number, bytes) = room.entry(namespace.clone()).or_default();
                        if *number >= MOST_RECORDS || *bytes >= MOST_BYTES {
                            *refused.entry(namespace).or_default() += 1;
                            continue;
                        }
                        *number += 1;
                    }
                    let desired = record::desired(&edit, self.platform, self.remedy);
                    let kept = self.requester == Requester::Option;
                    ManagedObject::new(&desired, self.platform, self.remedy, kept)
                }
            };
            let diff = edit.lines();
            self.plan.changes.push(Change {
                remedy: self.remedy,
                operation: Operation::Edit(edit, record),
                diff,
            });
        }
        for (namespace, number) in refused {
            let why = format!(
                "{number} objects in namespace {namespace}, which has reached the limit of \
                 records; change them by hand, or undo some"
            );
            self.plan.notes.push((self.remedy, why));
        }
        // Earlier edits of a selected remedy stay.
        if self.requester == Requester::Option && !self.is_selected {
            let gone = records.into_iter().filter(|record| record.kept);
            self.plan.changes.extend(gone.map(revert));
        }
    }
}

/// A remedy that cannot be undone, because the option `enforce` would apply it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the charm enforces {0} and would apply it again; remove it from the option enforce")]
pub struct StillEnforced(pub Remedy);

/// Plans the reversal of these remedies.
pub fn undo(own: &Managed, remedies: &BTreeSet<Remedy>) -> Result<Plan, StillEnforced> {
    let is_undone = |remedy: Option<Remedy>| remedy.is_some_and(|of| remedies.contains(&of));
    let of_objects = own.objects.iter().chain(&own.pending);
    let kept = of_objects
        .filter(|object| is_kept(object))
        .filter_map(remedy_of)
        .chain(own.records.iter().filter(|of| of.kept).map(|of| of.remedy))
        .find(|remedy| is_undone(Some(*remedy)));
    if let Some(remedy) = kept {
        return Err(StillEnforced(remedy));
    }
    let mut plan = revert_where(own, |remedy, _| is_undone(Some(remedy)));
    let untouched = remedies.iter().filter(|remedy| {
        let mut changes = plan.changes.iter();
        !changes.any(|change| change.remedy == **remedy)
    });
    plan.notes = untouched.map(|remedy| (*remedy, "not applied".into())).collect();
    Ok(plan)
}

/// Plans the reversal of everything that operators applied by hand.
pub fn undo_all(own: &Managed) -> Plan {
    revert_where(own, |_, is_kept| !is_kept)
}

/// Plans the deletion of all managed objects and the reversal of all edits.
pub fn remove_all(own: &Managed) -> Plan {
    revert_where(own, |_, _| true)
}

/// Deletes what a remedy created and reverts what it edited, where the predicate holds.
fn revert_where(own: &Managed, goes: impl Fn(Remedy, bool) -> bool) -> Plan {
    let mut plan = Plan { ignored: own.ignored.clone(), ..Plan::default() };
    let all = |objects: &'_ [Value]| -> Vec<(Remedy, Value)> {
        let of_remedy =
            objects.iter().filter_map(|object| Some((remedy_of(object)?, object.clone())));
        let gone = of_remedy.filter(|(remedy, object)| goes(*remedy, is_kept(object)));
        gone.collect()
    };
    for (remedy, object) in all(&own.objects) {
        plan.delete(remedy, &object);
    }
    let records = own.records.iter();
    let gone = records.filter(|record| goes(record.remedy, record.kept));
    plan.changes.extend(gone.map(revert));
    let pending = all(&own.pending);
    let deletions = pending.iter().filter_map(|(of, object)| deletion(*of, object));
    plan.changes.extend(deletions);
    plan
}

fn change(remedy: Remedy, own: ManagedObject, present: Option<&Value>) -> Option<Change> {
    let field = own.kind.content;
    let Some(present) = present else {
        return Some(Change {
            remedy,
            diff: diff::lines(field, &Value::Null, &own.object[field]),
            operation: Operation::Create(own),
        });
    };
    let diff = differences(present, &own);
    (!diff.is_empty()).then(|| Change {
        remedy,
        operation: Operation::Restore(own, foreign_managers(present)),
        diff,
    })
}

impl Plan {
    /// Deletes a managed object. One that the charm never applied got its name and labels from
    /// another client, and is left alone.
    fn delete(&mut self, remedy: Remedy, object: &Value) {
        match is_applied_by_us(object) {
            true => self.changes.extend(deletion(remedy, object)),
            false => self.ignored.extend(ManagedObject::read(object).map(|own| {
                let name = own.reference();
                format!("{name} carries labels of this charm, but the charm did not create it")
            })),
        }
    }
}

fn deletion(remedy: Remedy, object: &Value) -> Option<Change> {
    Some(Change {
        remedy,
        operation: Operation::Delete(ManagedObject::read(object)?),
        diff: Vec::new(),
    })
}

/// Restores the state of a record.
fn revert(record: &Record) -> Change {
    Change {
        remedy: record.remedy,
        operation: Operation::Revert(record.entry.clone(), record.own.clone()),
        diff: Vec::new(),
    }
}
