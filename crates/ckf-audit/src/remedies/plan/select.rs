//! The changes by which the cluster and Juju reach the state that remedies desire.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::change::{Change, ClusterOperation, Operation};
use super::model::{Plan, deletion};
use super::revert::revert;
use crate::facts::Facts;
use crate::facts::known::Known;
use crate::policy::Policy;
use crate::remedies::consent::{Consent, Requester};
use crate::remedies::desired::{Decision, DesiredState, Leftover};
use crate::remedies::diff;
use crate::remedies::edit::{Edit, Target};
use crate::remedies::managed::{ManagedObject, differences, foreign_managers, is_kept, remedy_of};
use crate::remedies::ownership::Managed;
use crate::remedies::record::{self, Record};
use crate::remedies::remedy::Remedy;
use crate::views::{Context, MissingFact};

/// Limits on the records of one remedy for the objects of one namespace, by number and by total
/// bytes: a tenant must not be able to fill the cluster's storage with them.
const MOST_RECORDS: usize = 50;
const MOST_BYTES: usize = 4 * 1024 * 1024;

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
    let Edit::Cluster(edit) = edit else { return None };
    let object = edit.object();
    Some(match object.kind.as_str() {
        "Namespace" => object.name.clone(),
        _ => object.namespace.clone(),
    })
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
                operation: ClusterOperation::Delete(record.own.clone()).into(),
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
            if let Edit::Cluster(edit) = &edit
                && !self.remedy.may_edit_object(edit, self.platform)
            {
                let why = format!("{}: outside what this remedy may edit", edit.object());
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
                operation: Operation::edit(edit, record),
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

fn change(remedy: Remedy, own: ManagedObject, present: Option<&Value>) -> Option<Change> {
    let field = own.kind.content;
    let Some(present) = present else {
        return Some(Change {
            remedy,
            diff: diff::lines(field, &Value::Null, &own.object[field]),
            operation: ClusterOperation::Create(own).into(),
        });
    };
    let diff = differences(present, &own);
    (!diff.is_empty()).then(|| Change {
        remedy,
        operation: ClusterOperation::Restore(own, foreign_managers(present)).into(),
        diff,
    })
}
