//! What is to be changed for remedies to hold, and for them to go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use juju_charm::printable::line;
use serde_json::{Value, json};

use super::edit::{Edit, Target};
use super::own::{
    Own, OwnObject, differences, foreign_managers, is_applied_by_us, is_kept, remedy_of,
};
use super::record::{self, Entry, Record};
use super::{Break, Consent, Decision, HeldBack, Leftover, Remedy, Wants, diff};
use crate::facts::Facts;
use crate::facts::known::Known;
use crate::policy::Policy;
use crate::views::{Context, Missing};

/// How many records, and of how many bytes together, a remedy may have of the objects of one
/// namespace: who may write there must not fill the cluster's storage by them.
const MOST_RECORDS: usize = 50;
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// An object of ours is to be made.
    Create(OwnObject),
    /// An object of ours is to be made what it was; the managers that changed it, beside us.
    Restore(OwnObject, Vec<String>),
    /// An object of ours is to go.
    Delete(OwnObject),
    /// What is somebody else's is to be edited, with the record of it.
    Edit(Edit, OwnObject),
    /// What a record holds is to be put back, and the record is to go.
    PutBack(Entry, OwnObject),
}

/// A change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The remedy.
    pub remedy: Remedy,
    /// What is to be done.
    pub deed: Deed,
    /// What differs, a line each: field, what is there, what is to be.
    pub diff: Vec<String>,
}

impl Change {
    /// What is changed.
    pub fn target(&self) -> Target {
        match &self.deed {
            Deed::Create(own) | Deed::Restore(own, _) | Deed::Delete(own) => {
                Target::Object(own.reference())
            }
            Deed::Edit(edit, _) => edit.target(),
            Deed::PutBack(entry, _) => entry.edit.target(),
        }
    }

    /// Whether Juju carries it out.
    pub fn is_of_juju(&self) -> bool {
        match &self.deed {
            Deed::Edit(edit, _) => edit.is_of_juju(),
            Deed::PutBack(entry, _) => entry.edit.is_of_juju(),
            _ => false,
        }
    }

    fn verb(&self) -> &'static str {
        match &self.deed {
            Deed::Create(_) => "create",
            Deed::Restore(_, by) if by.is_empty() => "change",
            Deed::Restore(..) => "restore",
            Deed::Delete(_) => "delete",
            Deed::Edit(Edit::Labels { .. }, _) => "label",
            Deed::Edit(Edit::Removal(_), _) => "remove",
            Deed::Edit(Edit::Settings { .. }, _) => "configure",
            Deed::Edit(Edit::Relation { .. }, _) => "make",
            Deed::PutBack(..) => "put back",
        }
    }

    /// The change as data, for a plan that is kept.
    fn data(&self) -> Value {
        let manifest = match &self.deed {
            Deed::Create(own) | Deed::Restore(own, _) => &own.object,
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
        write!(f, "{}: {} {}", self.remedy, self.verb(), self.target())?;
        if let Deed::Restore(_, by) = &self.deed
            && !by.is_empty()
        {
            write!(f, ", which {} changed", line(&by.join(", ")))?;
        }
        self.diff.iter().try_for_each(|text| write!(f, "\n  {}", line(text)))
    }
}

/// What is to be changed, and why a remedy changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The changes.
    pub changes: Vec<Change>,
    /// What is left as it is, with the reason.
    pub notes: Vec<(Remedy, String)>,
    /// Flows of today that the changes would stop, those that are held back among them.
    pub breaks: Vec<Break>,
    /// Changes that wait for consent: they are not made.
    pub held_back: Vec<HeldBack>,
    /// What carries our labels and is not ours, so that it is left alone.
    pub ignored: Vec<String>,
}

impl Plan {
    /// Whether Juju carries out some of it.
    pub fn is_of_juju(&self) -> bool {
        self.changes.iter().any(Change::is_of_juju)
    }

    /// The changes as data: two plans that say the same do the same.
    pub fn data(&self) -> Value {
        self.changes.iter().map(Change::data).collect()
    }

    /// What the changes reach, those that are held back too, a line for each remedy.
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
            let how_much = match changed.contains(remedy) {
                true => "not all",
                false => "nothing",
            };
            format!("{remedy}: {how_much}, for {}", line(why))
        });
        let held_back = self.held_back.iter().map(|held| {
            let remedy = held.change.remedy;
            format!(
                "{held}; --allow-disruption, or the option allow-disruption={remedy}, allows it"
            )
        });
        let ignored = self.ignored.iter().map(|why| format!("ignored: {why}"));
        let lines: Vec<String> = changes.chain(notes).chain(held_back).chain(ignored).collect();
        match lines.is_empty() {
            true => f.write_str("all is as it should be"),
            false => f.write_str(&lines.join("\n")),
        }
    }
}

/// Who asks for remedies, which tells what becomes of them later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// The charm's option: they are kept, and others that it kept go.
    Option,
    /// A person, once: they stay until that person undoes them.
    Person,
}

/// What is to be changed for these remedies to hold, as far as it was agreed to. `own` is what
/// is there of ours. What depends on something that could not be read is left as it is.
pub fn plan(
    facts: &Facts,
    policy: &Policy,
    own: &Own,
    remedies: &BTreeSet<Remedy>,
    consent: &Consent,
) -> Plan {
    let asker = consent.asker();
    let context = &Context::new(facts, policy, None);
    let mut plan = Plan { ignored: own.ignored.clone(), ..Plan::default() };
    for &remedy in Remedy::ALL {
        let is_asked = remedies.contains(&remedy);
        let wants = match is_asked {
            false => Wants::nothing(Leftover::Goes),
            true => match remedy.decide(context) {
                Ok(Decision::Wanted(wants)) => wants,
                Ok(Decision::Leave(why)) => {
                    plan.notes.push((remedy, why));
                    Wants::nothing(Leftover::Stays)
                }
                Ok(Decision::Gone(why)) => {
                    plan.notes.push((remedy, why));
                    Wants::nothing(Leftover::Goes)
                }
                Err(Missing(why)) => {
                    let why = format!("what it depends on is not known: {why}");
                    plan.notes.push((remedy, why));
                    continue;
                }
            },
        };
        let mut planned =
            Planned { platform: context.namespace(), remedy, asker, is_asked, plan: &mut plan };
        let is_of_remedy = |object: &&Value| remedy_of(object) == Some(remedy);
        planned.objects(&wants, own.objects.iter().filter(is_of_remedy).collect());
        let records = own.records.iter().filter(|record| record.remedy == remedy);
        let (stale, records) = records.partition(|record| is_gone(record, facts));
        planned.forget(stale);
        planned.edits(wants.edits, records);
        planned.pending(own.pending.iter().filter(is_of_remedy).collect());
        let of = |text: String| (remedy, text);
        plan.notes.extend(wants.notes.into_iter().map(of));
        plan.breaks.extend(wants.breaks);
    }
    consent.confine(&mut plan);
    plan
}

/// The namespace of the object that a record is about, which may be the object itself.
fn namespace_of(edit: &Edit) -> Option<String> {
    match edit.target() {
        Target::Object(object) if object.kind == "Namespace" => Some(object.name),
        Target::Object(object) => Some(object.namespace),
        Target::Application(_) | Target::Relation(_) => None,
    }
}

/// Whether the namespace that a record is about is known to be gone.
fn is_gone(record: &Record, facts: &Facts) -> bool {
    let (Some(name), Known::Known(all)) = (namespace_of(&record.entry.edit), &facts.namespaces)
    else {
        return false;
    };
    let is_whole = all.installed && all.unread.is_empty() && !all.items.is_empty();
    is_whole && !all.items.iter().any(|known| known.metadata.name == name)
}

/// Changes of one remedy.
struct Planned<'a> {
    platform: &'a str,
    remedy: Remedy,
    asker: Asker,
    is_asked: bool,
    plan: &'a mut Plan,
}

impl Planned<'_> {
    /// Whether what is there and not wanted is to go.
    fn goes(&self, leftover: &Leftover, object: &Value) -> bool {
        let namespace = object["metadata"]["namespace"].as_str();
        let may = match leftover {
            Leftover::Stays => false,
            Leftover::GoesFrom(names) => namespace.is_some_and(|name| names.contains(name)),
            Leftover::Goes => true,
        };
        may && match self.asker {
            Asker::Option => is_kept(object),
            Asker::Person => self.is_asked,
        }
    }

    fn objects(&mut self, wants: &Wants, present: Vec<&Value>) {
        let key = |object: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let meta = &object["metadata"];
            let (namespace, name) = (text(&meta["namespace"]), text(&meta["name"]));
            (text(&object["kind"]), namespace, name)
        };
        let mut left: BTreeMap<_, &Value> = present.into_iter().map(|o| (key(o), o)).collect();
        let new = wants.objects.iter().map(|wanted| (wanted, true));
        let kept = wants.kept.iter().map(|wanted| (wanted, false));
        for (wanted, is_made) in new.chain(kept) {
            let kind = wanted.kind.kind.to_owned();
            let present = left.remove(&(kind, wanted.namespace.clone(), wanted.name.clone()));
            if present.is_none() && !is_made {
                continue;
            }
            let kept = self.asker == Asker::Option || present.is_some_and(is_kept);
            let own = OwnObject::new(wanted, self.platform, self.remedy, kept);
            self.plan.changes.extend(change(self.remedy, own, present));
        }
        for object in left.into_values() {
            if self.goes(&wants.leftover, object) {
                self.plan.delete(self.remedy, object);
            }
        }
    }

    /// Takes away records of what is gone: there is nothing that they could revert.
    fn forget(&mut self, records: Vec<&Record>) {
        let is_asked = self.is_asked || self.asker == Asker::Option;
        for record in records.into_iter().filter(|_| is_asked) {
            self.plan.changes.push(Change {
                remedy: self.remedy,
                deed: Deed::Delete(record.own.clone()),
                diff: vec!["its namespace is gone, and nothing is left to revert".into()],
            });
        }
    }

    /// Takes away records whose edit has not begun, where no edit is asked for.
    fn pending(&mut self, pending: Vec<&Value>) {
        let gone = pending.into_iter().filter(|object| match self.asker {
            Asker::Option => !self.is_asked && is_kept(object),
            Asker::Person => false,
        });
        let deletes: Vec<_> = gone.filter_map(|o| deletion(self.remedy, o)).collect();
        self.plan.changes.extend(deletes);
    }

    fn edits(&mut self, edits: Vec<Edit>, records: Vec<&Record>) {
        let recorded: BTreeMap<Target, &Record> =
            records.iter().map(|record| (record.entry.edit.target(), *record)).collect();
        // By namespace: how many records there are, and of how many bytes.
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
            // What it sets of Juju's is known once secrets are taken out.
            if !edit.is_of_juju() && !self.remedy.may_edit(&edit, self.platform) {
                let why = format!("{}: it is beyond what is edited here", edit.target());
                self.plan.notes.push((self.remedy, why));
                continue;
            }
            let record = match recorded.get(&edit.target()) {
                // Who edited it first undoes it.
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
                    let wanted = record::wanted(&edit, self.platform, self.remedy);
                    let kept = self.asker == Asker::Option;
                    OwnObject::new(&wanted, self.platform, self.remedy, kept)
                }
            };
            let diff = edit.lines();
            self.plan.changes.push(Change {
                remedy: self.remedy,
                deed: Deed::Edit(edit, record),
                diff,
            });
        }
        for (namespace, number) in refused {
            let why = format!(
                "namespace {namespace} has as many records as one may have, and {number} more \
                 objects there are left; change them by hand, or undo some"
            );
            self.plan.notes.push((self.remedy, why));
        }
        // What was edited for a remedy that is asked for stays as it is.
        if self.asker == Asker::Option && !self.is_asked {
            let gone = records.into_iter().filter(|record| record.kept);
            self.plan.changes.extend(gone.map(revert));
        }
    }
}

/// The changes that take these remedies away, or the reason that it is not to be done.
pub fn undo(own: &Own, remedies: &BTreeSet<Remedy>) -> Result<Plan, String> {
    let is_undone = |remedy: Option<Remedy>| remedy.is_some_and(|of| remedies.contains(&of));
    let of_objects = own.objects.iter().chain(&own.pending);
    let kept = of_objects
        .filter(|object| is_kept(object))
        .filter_map(remedy_of)
        .chain(own.records.iter().filter(|of| of.kept).map(|of| of.remedy))
        .find(|remedy| is_undone(Some(*remedy)));
    if let Some(remedy) = kept {
        return Err(format!(
            "the charm keeps {remedy}, and would put it back; take it out of the option enforce"
        ));
    }
    let mut plan = take(own, |remedy, _| is_undone(Some(remedy)));
    let untouched = remedies.iter().filter(|remedy| {
        let mut changes = plan.changes.iter();
        !changes.any(|change| change.remedy == **remedy)
    });
    plan.notes = untouched.map(|remedy| (*remedy, "it is not applied".into())).collect();
    Ok(plan)
}

/// The changes that take away all that people applied by hand.
pub fn undo_all(own: &Own) -> Plan {
    take(own, |_, is_kept| !is_kept)
}

/// The changes that take all objects of ours away, and put back all that was edited.
pub fn remove_all(own: &Own) -> Plan {
    take(own, |_, _| true)
}

/// Takes away what a remedy made, and reverts what it edited, where that is to go.
fn take(own: &Own, goes: impl Fn(Remedy, bool) -> bool) -> Plan {
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

fn change(remedy: Remedy, own: OwnObject, present: Option<&Value>) -> Option<Change> {
    let field = own.kind.content;
    let Some(present) = present else {
        return Some(Change {
            remedy,
            diff: diff::lines(field, &Value::Null, &own.object[field]),
            deed: Deed::Create(own),
        });
    };
    let diff = differences(present, &own);
    (!diff.is_empty()).then(|| Change {
        remedy,
        deed: Deed::Restore(own, foreign_managers(present)),
        diff,
    })
}

impl Plan {
    /// Deletes an object of ours. One that we never applied has our name and labels from
    /// somebody else, and is theirs.
    fn delete(&mut self, remedy: Remedy, object: &Value) {
        match is_applied_by_us(object) {
            true => self.changes.extend(deletion(remedy, object)),
            false => self.ignored.extend(OwnObject::read(object).map(|own| {
                let name = own.reference();
                format!("{name} carries labels of this charm, but somebody else made it")
            })),
        }
    }
}

fn deletion(remedy: Remedy, object: &Value) -> Option<Change> {
    Some(Change { remedy, deed: Deed::Delete(OwnObject::read(object)?), diff: Vec::new() })
}

/// Puts back what a record holds.
fn revert(record: &Record) -> Change {
    Change {
        remedy: record.remedy,
        deed: Deed::PutBack(record.entry.clone(), record.own.clone()),
        diff: Vec::new(),
    }
}
