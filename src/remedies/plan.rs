//! What is to be changed for remedies to hold, and for them to go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use juju_charm::printable::line;
use serde_json::{Value, json};

use super::edit::{Edit, Record, Target};
use super::own::{OwnObject, differences, foreign_managers, is_kept, remedy_of};
use super::{Decision, Remedy, Wants, diff};
use crate::controls::context::{Context, Missing};
use crate::facts::Facts;
use crate::policy::Policy;

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
    /// An edit is to be put back, and its record is to go.
    PutBack(Edit, OwnObject),
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
            Deed::Edit(edit, _) | Deed::PutBack(edit, _) => edit.target(),
        }
    }

    /// Whether Juju carries it out.
    pub fn is_of_juju(&self) -> bool {
        match &self.deed {
            Deed::Edit(edit, _) | Deed::PutBack(edit, _) => edit.is_of_juju(),
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
        self.diff
            .iter()
            .try_for_each(|text| write!(f, "\n  {}", line(text)))
    }
}

/// What is to be changed, and why a remedy changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The changes.
    pub changes: Vec<Change>,
    /// What is left as it is, with the reason.
    pub notes: Vec<(Remedy, String)>,
    /// What of today would stop.
    pub cuts: Vec<(Remedy, String)>,
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

    /// What the changes reach, a line for each remedy that has some.
    pub fn reach(&self) -> Vec<String> {
        let remedies: BTreeSet<Remedy> = self.changes.iter().map(|change| change.remedy).collect();
        let mut lines = Vec::new();
        for remedy in remedies {
            let about = remedy.about();
            let risk = about.risk.name();
            lines.push(format!("{remedy}: risk {risk}: {}", about.reach));
            let of_remedy = self.cuts.iter().filter(|(of, _)| *of == remedy);
            lines.extend(of_remedy.map(|(_, cut)| format!("{remedy}: would cut: {}", line(cut))));
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
        let lines: Vec<String> = changes.chain(notes).collect();
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

/// What is to be changed for these remedies to hold. `own` is every object of ours as
/// it is. What depends on something that could not be read is left as it is.
pub fn plan(
    facts: &Facts,
    policy: &Policy,
    own: &[Value],
    remedies: &BTreeSet<Remedy>,
    asker: Asker,
) -> Plan {
    let context = &Context::new(facts, policy, None);
    let mut plan = Plan::default();
    for &remedy in Remedy::ALL {
        let is_asked = remedies.contains(&remedy);
        let wants = match is_asked {
            false => Wants::default(),
            true => match remedy.decide(context) {
                Ok(Decision::Wanted(wants)) => wants,
                Ok(Decision::Unwanted(why)) => {
                    plan.notes.push((remedy, why));
                    Wants::default()
                }
                Err(Missing(why)) => {
                    let why = format!("what it depends on is not known: {why}");
                    plan.notes.push((remedy, why));
                    continue;
                }
            },
        };
        let of_remedy = own
            .iter()
            .filter(|object| remedy_of(object) == Some(remedy));
        let (records, objects): (Vec<&Value>, Vec<&Value>) =
            of_remedy.partition(|object| Record::read(object).is_some());
        let mut planned = Planned {
            platform: context.namespace(),
            remedy,
            asker,
            is_asked,
            changes: &mut plan.changes,
        };
        planned.objects(&wants, objects);
        planned.edits(wants.edits, records);
        let of = |text: String| (remedy, text);
        plan.notes.extend(wants.notes.into_iter().map(of));
        plan.cuts.extend(wants.cuts.into_iter().map(of));
    }
    plan
}

/// Changes of one remedy.
struct Planned<'a> {
    platform: &'a str,
    remedy: Remedy,
    asker: Asker,
    is_asked: bool,
    changes: &'a mut Vec<Change>,
}

impl Planned<'_> {
    /// Whether what is there and not wanted is to go.
    fn goes(&self, object: &Value) -> bool {
        match self.asker {
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
        for wanted in &wants.objects {
            let kind = wanted.kind.kind.to_owned();
            let present = left.remove(&(kind, wanted.namespace.clone(), wanted.name.clone()));
            let kept = self.asker == Asker::Option || present.is_some_and(is_kept);
            let own = OwnObject::new(wanted, self.platform, self.remedy, kept);
            self.changes.extend(change(self.remedy, own, present));
        }
        let gone = left.into_values().filter(|object| self.goes(object));
        let gone: Vec<_> = gone
            .filter_map(|object| delete(self.remedy, object))
            .collect();
        self.changes.extend(gone);
    }

    fn edits(&mut self, edits: Vec<Edit>, records: Vec<&Value>) {
        let recorded: BTreeMap<Target, (&Value, Edit)> = records
            .iter()
            .filter_map(|object| {
                let edit = Record::read(object)?;
                Some((edit.target(), (*object, edit)))
            })
            .collect();
        for edit in edits {
            let earlier = recorded.get(&edit.target());
            let diff = edit.lines();
            let (edit, kept) = match earlier {
                // Who edited it first undoes it.
                Some((object, earlier)) => (edit.after(earlier), is_kept(object)),
                None => (edit, self.asker == Asker::Option),
            };
            let wanted = Record::wanted(&edit, self.platform, self.remedy);
            let record = OwnObject::new(&wanted, self.platform, self.remedy, kept);
            self.changes.push(Change {
                remedy: self.remedy,
                deed: Deed::Edit(edit, record),
                diff,
            });
        }
        // What was edited for a remedy that is asked for stays as it is.
        if self.asker == Asker::Option && !self.is_asked {
            let gone = records.into_iter().filter(|object| is_kept(object));
            let gone: Vec<_> = gone
                .filter_map(|object| take_away(self.remedy, object))
                .collect();
            self.changes.extend(gone);
        }
    }
}

/// The changes that take these remedies away, or the reason that it is not to be done.
pub fn undo(own: &[Value], remedies: &BTreeSet<Remedy>) -> Result<Plan, String> {
    let mut plan = Plan::default();
    for object in own {
        let Some(remedy) = remedy_of(object).filter(|remedy| remedies.contains(remedy)) else {
            continue;
        };
        if is_kept(object) {
            return Err(format!(
                "the charm keeps {remedy}, and would put it back; take it out of the option enforce"
            ));
        }
        plan.changes.extend(take_away(remedy, object));
    }
    let untouched = remedies.iter().filter(|remedy| {
        let mut changes = plan.changes.iter();
        !changes.any(|change| change.remedy == **remedy)
    });
    plan.notes = untouched
        .map(|remedy| (*remedy, "it is not applied".into()))
        .collect();
    Ok(plan)
}

/// The changes that take away all that people applied by hand.
pub fn undo_all(own: &[Value]) -> Plan {
    take_all(own.iter().filter(|object| !is_kept(object)))
}

/// The changes that take all objects of ours away, and put back all that was edited.
pub fn remove_all(own: &[Value]) -> Plan {
    take_all(own.iter())
}

fn take_all<'a>(own: impl Iterator<Item = &'a Value>) -> Plan {
    let changes = own.filter_map(|object| take_away(remedy_of(object)?, object));
    Plan {
        changes: changes.collect(),
        ..Plan::default()
    }
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

fn delete(remedy: Remedy, object: &Value) -> Option<Change> {
    Some(Change {
        remedy,
        deed: Deed::Delete(OwnObject::read(object)?),
        diff: Vec::new(),
    })
}

/// Takes an object of ours away; with a record, what it records is put back.
fn take_away(remedy: Remedy, object: &Value) -> Option<Change> {
    match Record::read(object) {
        None => delete(remedy, object),
        Some(edit) => Some(Change {
            remedy,
            deed: Deed::PutBack(edit, OwnObject::read(object)?),
            diff: Vec::new(),
        }),
    }
}
