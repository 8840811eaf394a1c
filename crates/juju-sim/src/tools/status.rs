//! `status-get`, `status-set`.

use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::flags::Arguments;
use crate::format::{self, FORMAT, OUTPUT};
use crate::model::{Forgotten, Status};
use crate::protocol::Request;
use crate::session::{Session, hook};

const APPLICATION: (&[&str], bool) = (&["application"], false);
const SETTABLE: &[&str] = &["maintenance", "blocked", "waiting", "active"];

pub fn get(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let spec = &[FORMAT, OUTPUT, APPLICATION, (&["include-data"] as &[&str], false)];
    let arguments = Arguments::parse(&request.arguments, spec)?;
    arguments.at_most(0)?;
    if session.model.forgotten == Forgotten::Unit {
        let unit = &session.model.unit;
        return Err(Failure::run(match arguments.is_on("application") {
            true => "finding application status: permission denied".to_owned(),
            false => format!("finding workload status: unit {unit:?} not found"),
        }));
    }
    let with_data = arguments.is_on("include-data");
    let structured = with_data || arguments.value("format").is_some_and(|f| f != "smart");
    let now = session.model.status.clone();
    let leader = session.model.leader;
    let application = session.model.application_status.clone();
    let unit = session.model.unit.clone();
    let others = session.model.other_units.clone();
    // Juju asks the controller once a hook and keeps the answer.
    let seen = hook(session)?.status_seen.get_or_insert(now.clone()).clone();
    let describe = |status: &Status| {
        let mut map = Map::new();
        map.insert("status".into(), json!(status.name));
        if with_data {
            map.insert("message".into(), json!(status.message));
            map.insert("status-data".into(), json!({}));
        }
        Value::Object(map)
    };
    if !arguments.is_on("application") {
        let value = if structured { describe(&seen) } else { json!(seen.name) };
        return format::print(&value, &arguments);
    }
    if !leader {
        return Err(Failure::run("finding application status: this unit is not the leader"));
    }
    let application = application.unwrap_or(Status::new("unknown", ""));
    if !structured {
        return format::print(&json!(application.name), &arguments);
    }
    let mut described = describe(&application);
    let mut units: Map<String, Value> =
        others.iter().map(|(unit, status)| (unit.clone(), describe(status))).collect();
    units.insert(unit, describe(&now));
    described["units"] = Value::Object(units);
    format::print(&json!({"application-status": described}), &arguments)
}

pub fn set(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[APPLICATION])?;
    let Some(name) = arguments.positionals.first() else {
        return Err(Failure::usage("invalid args, require <status> [message]"));
    };
    if !SETTABLE.contains(&name.as_str()) {
        return Err(Failure::usage(format!(
            "invalid status {name:?}, expected one of [{}]",
            SETTABLE.join(" ")
        )));
    }
    arguments.at_most(2)?;
    if session.model.forgotten == Forgotten::Unit {
        let unit = &session.model.unit;
        return Err(Failure::run(format!("unit {unit:?} not found")));
    }
    let message = arguments.positionals.get(1).map_or("", String::as_str);
    let status = Status::new(name, message);
    if !arguments.is_on("application") {
        session.model.status = status.clone();
        session.model.status_history.push(status);
    } else if session.model.leader {
        session.model.application_status = Some(status);
    } else {
        return Err(Failure::run("this unit is not the leader"));
    }
    Ok(String::new())
}
