//! `storage-list`, `storage-get`, `storage-add`.

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::flags::Arguments;
use crate::format::{self, FORMAT, OUTPUT};
use crate::protocol::Request;
use crate::session::{Session, hook};

pub fn list(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[FORMAT, OUTPUT])?;
    arguments.at_most(1)?;
    let name = arguments.positionals.first();
    let of_name = |id: &str| name.is_none_or(|name| id.split('/').next() == Some(name));
    let storage = session.model.storage.iter();
    let ids: Vec<&str> = storage.map(|s| s.id.as_str()).filter(|id| of_name(id)).collect();
    format::print(&ids, &arguments)
}

pub fn get(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let spec = &[FORMAT, OUTPUT, (&["s"] as &[&str], true)];
    let arguments = Arguments::parse(&request.arguments, spec)?;
    arguments.at_most(1)?;
    let Some(id) = arguments.value("s") else {
        return Err(Failure::usage("no storage instance specified"));
    };
    let Some(storage) = session.model.storage.iter().find(|s| s.id == id) else {
        return Err(Failure::usage(format!(
            "invalid value {id:?} for option -s: storage instance {id:?} not found"
        )));
    };
    let value = match arguments.positionals.first().map(String::as_str) {
        None => json!({"kind": storage.kind, "location": storage.location}),
        Some("kind") => Value::String(storage.kind.clone()),
        Some("location") => Value::String(storage.location.clone()),
        Some(other) => {
            return Err(Failure::run(format!("invalid storage attribute {other:?}")));
        }
    };
    format::print(&value, &arguments)
}

pub fn add(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[])?;
    if arguments.positionals.is_empty() {
        return Err(Failure::usage("storage add requires a storage directive"));
    }
    for directive in &arguments.positionals {
        let (name, count) = directive.split_once('=').unwrap_or((directive, "1"));
        let known = |part: &str| {
            part.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse::<u64>().is_ok()
        };
        if !count.split(',').any(known) {
            return Err(Failure::usage(format!(
                "cannot parse directive for storage {name:?}: unrecognized storage directive {count:?} not valid"
            )));
        }
        hook(session)?.pending.storage.push(name.to_owned());
    }
    Ok(String::new())
}
