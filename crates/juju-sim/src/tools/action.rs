//! `action-get`, `action-set`, `action-log`, `action-fail`.

use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::flags::Arguments;
use crate::format::{self, FORMAT, OUTPUT};
use crate::protocol::Request;
use crate::session::{Action, Session, hook};

const RESERVED: &[&str] = &["stdout", "stdout-encoding", "stderr", "stderr-encoding"];

fn running(session: &mut Session) -> Result<&mut Action, Failure> {
    hook(session)?.action.as_mut().ok_or_else(|| Failure::run("not running an action"))
}

pub fn get(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[FORMAT, OUTPUT])?;
    arguments.at_most(1)?;
    let parameters = Value::Object(running(session)?.parameters.clone());
    let value = match arguments.positionals.first() {
        None => parameters,
        Some(path) => path
            .split('.')
            .try_fold(&parameters, |value, key| value.get(key))
            .cloned()
            .unwrap_or(Value::Null),
    };
    format::print(&value, &arguments)
}

pub fn set(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[])?;
    let mut pairs = Vec::new();
    for argument in &arguments.positionals {
        let Some((path, value)) = argument.split_once('=') else {
            return Err(Failure::usage(format!(
                "argument {argument:?} must be of the form key...=value"
            )));
        };
        let keys: Vec<&str> = path.split('.').collect();
        for key in &keys {
            if RESERVED.contains(key) {
                return Err(Failure::usage(format!("cannot set reserved action key {key:?}")));
            }
            if !is_key(key) {
                return Err(Failure::usage(format!(
                    "key {key:?} must start and end with lowercase alphanumeric, and contain only lowercase alphanumeric and hyphens"
                )));
            }
        }
        pairs.push((keys, value));
    }
    let results = &mut running(session)?.result.results;
    for (keys, value) in pairs {
        put(results, &keys, value);
    }
    Ok(String::new())
}

fn is_key(key: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    key.starts_with(inner) && key.ends_with(inner) && key.chars().all(|c| inner(c) || c == '-')
}

fn put(map: &mut Map<String, Value>, keys: &[&str], value: &str) {
    match keys {
        [] => {}
        [last] => {
            map.insert((*last).into(), value.into());
        }
        [first, rest @ ..] => {
            let inner = map.entry(*first).or_insert_with(|| Value::Object(Map::new()));
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

pub fn log(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[])?;
    if arguments.positionals.is_empty() && hook(session)?.action.is_some() {
        return Err(Failure::usage("no message specified"));
    }
    let message = arguments.positionals.join(" ");
    running(session)?.result.log.push(message);
    Ok(String::new())
}

pub fn fail(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[])?;
    arguments.at_most(1)?;
    let message = arguments
        .positionals
        .first()
        .map_or("action failed without reason given, check action for errors", String::as_str);
    running(session)?.result.failed = Some(message.to_owned());
    Ok(String::new())
}
