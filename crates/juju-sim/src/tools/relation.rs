//! `relation-ids`, `relation-list`, `relation-get`, `relation-set`,
//! `relation-model-get`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::state::from_file;
use crate::commit::RelationWrite;
use crate::failure::Failure;
use crate::flags::Arguments;
use crate::format::{self, FORMAT, OUTPUT};
use crate::model::{Gone, Juju, Model, Relation};
use crate::protocol::Request;
use crate::session::{Hook, Session, hook};

/// The flag that names a relation.
pub const RELATION: (&[&str], bool) = (&["relation", "r"], true);
const APP: (&[&str], bool) = (&["app"], false);
const FILE: (&[&str], bool) = (&["file"], true);

pub fn ids(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[FORMAT, OUTPUT])?;
    arguments.at_most(1)?;
    let running = hook(session)?.relation;
    let own = running.and_then(|id| session.model.relation(id));
    let endpoint = match (arguments.positionals.first(), own) {
        (Some(endpoint), _) => endpoint.clone(),
        (None, Some(relation)) => relation.endpoint.clone(),
        (None, None) => return Err(Failure::usage("no endpoint name specified")),
    };
    // 3.6 leaves out a relation that is being broken; 4.0 was seen to list it.
    let hidden = |r: &Relation| r.broken && session.model.juju == Juju::V3_6;
    let of_endpoint = session.model.relations.iter();
    let names: Vec<String> =
        of_endpoint.filter(|r| r.endpoint == endpoint && !hidden(r)).map(Relation::name).collect();
    format::print(&json!(names), &arguments)
}

pub fn list(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[FORMAT, OUTPUT, RELATION, APP])?;
    arguments.at_most(0)?;
    let relation = chosen(session, &arguments)?;
    let value = if arguments.is_on("app") {
        json!(relation.remote_application)
    } else if relation.broken {
        json!([])
    } else {
        json!(relation.remote_units.keys().collect::<Vec<_>>())
    };
    format::print(&value, &arguments)
}

/// The relation that `-r` names, else the hook's.
pub fn chosen<'a>(session: &'a Session, arguments: &Arguments) -> Result<&'a Relation, Failure> {
    let Some(text) = arguments.value("relation") else {
        let running = session.hook.as_ref().and_then(|hook| hook.relation);
        return running
            .and_then(|id| session.model.relation(id))
            .ok_or_else(|| Failure::usage("no relation id specified"));
    };
    let wrong = |why: &str| Failure::usage(format!("invalid value {text:?} for option -r: {why}"));
    let number = text.rsplit(':').next().unwrap_or_default();
    let id = number.parse().map_err(|_| wrong("invalid relation id"))?;
    session.model.relation(id).ok_or_else(|| wrong("relation not found"))
}

pub fn get(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[FORMAT, OUTPUT, RELATION, APP])?;
    arguments.at_most(2)?;
    let relation = chosen(session, &arguments)?;
    let running = session.hook.as_ref();
    let in_own_hook = running.is_some_and(|h| h.relation == Some(relation.id));
    let remote_unit = running.and_then(|h| h.remote_unit.as_deref()).filter(|_| in_own_hook);
    let name = match arguments.positionals.get(1) {
        Some(name) => name.as_str(),
        None => match remote_unit {
            Some(unit) => unit,
            // A hook of the whole application.
            None if in_own_hook => relation.remote_application.as_str(),
            None => return Err(Failure::usage("no unit or application specified")),
        },
    };
    let is_application = !name.contains('/');
    let given = arguments.positionals.get(1).is_some();
    if is_application && given && !arguments.is_on("app") {
        return Err(Failure::usage(format!("expected unit name, got application name {name:?}")));
    }
    let bag = if is_application || arguments.is_on("app") {
        let application = name.split('/').next().unwrap_or_default();
        application_bag(session, relation, application)?
    } else {
        unit_bag(session, relation, name)?
    };
    let value = match arguments.positionals.first().map(String::as_str) {
        None | Some("-") => json!(bag),
        Some(key) => bag.get(key).map_or(Value::Null, |value| json!(value)),
    };
    format::print(&value, &arguments)
}

type Bag = BTreeMap<String, String>;

fn application_bag(
    session: &Session,
    relation: &Relation,
    application: &str,
) -> Result<Bag, Failure> {
    let model = &session.model;
    if application == model.application() {
        if relation.gone != Gone::No {
            return Err(denied(session, true));
        }
        if !model.leader && model.juju == Juju::V3_6 {
            return Err(Failure::run("permission denied"));
        }
        return Ok(pending(session, relation, true, &relation.application_data));
    }
    if relation.gone == Gone::Removed {
        return Err(removed(session));
    }
    if application != relation.remote_application {
        return Err(Failure::run(match model.juju {
            Juju::V3_6 => "relation unit not found",
            Juju::V4_0 => "getting relation endpoint UUID: application not found in relation",
        }));
    }
    Ok(relation.remote_application_data.clone())
}

/// What Juju says of an own bag in a relation that is gone.
fn denied(session: &Session, application: bool) -> Failure {
    Failure::run(match (session.model.juju, application) {
        (Juju::V4_0, true) => "permission denied (unauthorized access)",
        _ => "permission denied",
    })
}

/// What Juju says of a bag of the other side in a relation that was removed.
fn removed(session: &Session) -> Failure {
    Failure::run(match session.model.juju {
        Juju::V3_6 => "permission denied",
        Juju::V4_0 => "getting regular relation by key: relation not found",
    })
}

fn unit_bag(session: &Session, relation: &Relation, unit: &str) -> Result<Bag, Failure> {
    if unit == session.model.unit {
        if relation.gone != Gone::No {
            return Err(denied(session, false));
        }
        return Ok(pending(session, relation, false, &relation.unit_data));
    }
    // Data of a unit that departs stays readable, and of a relation that is gone what of it is
    // listed still.
    let units = [&relation.remote_units, &relation.sibling_units];
    if let Some(known) = units.into_iter().find_map(|units| units.get(unit)) {
        return Ok(known.clone());
    }
    if relation.gone == Gone::Removed {
        return Err(removed(session));
    }
    let departs = |hook: &Hook| {
        hook.relation == Some(relation.id) && hook.remote_unit.as_deref() == Some(unit)
    };
    if session.hook.as_ref().is_some_and(departs) {
        return Ok(Bag::new());
    }
    Err({
        Failure::run(match session.model.juju {
            Juju::V3_6 => format!(
                "cannot read settings for unit {unit:?} in relation {:?}: unit {unit:?}: settings not found",
                relation.name()
            ),
            Juju::V4_0 => "relation unit not found".into(),
        })
    })
}

/// An own bag as the hook sees it.
fn pending(session: &Session, relation: &Relation, application: bool, committed: &Bag) -> Bag {
    let mut bag = committed.clone();
    let writes = session.hook.iter().flat_map(|hook| &hook.pending.relations);
    for write in writes.filter(|w| w.relation == relation.id && w.application == application) {
        write.apply(&mut bag);
    }
    bag
}

pub fn set(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let spec = &[FORMAT, RELATION, APP, FILE];
    let arguments = Arguments::parse(&request.arguments, spec)?;
    let relation = chosen(session, &arguments)?.id;
    let mut pairs: Bag = Bag::new();
    for pair in &arguments.positionals {
        match pair.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                if pairs.insert(key.into(), value.into()).is_some() {
                    return Err(Failure::usage(format!("key {key:?} specified more than once")));
                }
            }
            _ => {
                return Err(Failure::usage(format!("expected \"key=value\", got {pair:?}")));
            }
        }
    }
    let mut values = from_file(&arguments, request)?;
    values.extend(pairs);
    let application = arguments.is_on("app");
    if application && !session.model.leader {
        return Err(Failure::run("cannot write relation settings"));
    }
    let writes =
        values.into_iter().map(|(key, value)| RelationWrite { relation, application, key, value });
    hook(session)?.pending.relations.extend(writes);
    Ok(String::new())
}

pub fn model_get(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[FORMAT, OUTPUT, RELATION])?;
    arguments.at_most(0)?;
    let uuid = model_of(&session.model, chosen(session, &arguments)?);
    format::print(&json!({"uuid": uuid}), &arguments)
}

fn model_of<'a>(model: &'a Model, relation: &'a Relation) -> &'a str {
    relation.remote_model.as_deref().unwrap_or(&model.uuid)
}
