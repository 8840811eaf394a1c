//! `state-get`, `state-set`, `state-delete`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::failure::Failure;
use crate::flags::Arguments;
use crate::format::{self, FORMAT, OUTPUT};
use crate::model::Juju;
use crate::protocol::Request;
use crate::session::{Session, hook};

const LONGEST_KEY: usize = 256;
const LONGEST_VALUE: usize = 65_536;

pub fn get(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let spec = &[FORMAT, OUTPUT, (&["strict"] as &[&str], false)];
    let arguments = Arguments::parse(&request.arguments, spec)?;
    arguments.at_most(1)?;
    let juju = session.model.juju;
    let pending = hook(session)?.pending.clone();
    let state = pending.state(&session.model);
    let value = match arguments.positionals.first().map(String::as_str) {
        None | Some("-") => {
            let json = arguments.value("format") == Some("json");
            if state.is_empty() && json && juju == Juju::V4_0 {
                Value::Null
            } else {
                state.into_iter().map(|(k, v)| (k, Value::String(v))).collect()
            }
        }
        Some(key) => match state.get(key) {
            Some(value) => Value::String(value.clone()),
            None if arguments.is_on("strict") => {
                return Err(Failure::run(format!("{key:?} not found")));
            }
            None => Value::String(String::new()),
        },
    };
    format::print(&value, &arguments)
}

pub fn set(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let spec = &[(&["file"] as &[&str], true)];
    let arguments = Arguments::parse(&request.arguments, spec)?;
    let mut values = from_file(&arguments, request)?;
    for pair in &arguments.positionals {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(Failure::usage(format!("expected \"key=value\", got {pair:?}")));
        };
        values.insert(key.to_owned(), value.to_owned());
    }
    for (key, value) in &values {
        for (what, length, longest) in
            [("key", key.len(), LONGEST_KEY), ("value", value.len(), LONGEST_VALUE)]
        {
            if length > longest {
                return Err(Failure::run(format!(
                    "max allowed {what} length ({longest}): quota limit exceeded"
                )));
            }
        }
    }
    let pending = &mut hook(session)?.pending;
    pending.state.extend(values.into_iter().map(|(k, v)| (k, Some(v))));
    Ok(String::new())
}

/// The values that `--file` gives: from a file, or with `-` from the input.
pub fn from_file(
    arguments: &Arguments,
    request: &Request,
) -> Result<BTreeMap<String, String>, Failure> {
    match arguments.value("file") {
        None => Ok(BTreeMap::new()),
        Some("-") => parse(request.input.as_deref().ok_or(Failure::NeedsInput)?),
        Some(path) => {
            let at = std::path::Path::new(&request.directory).join(path);
            let text = std::fs::read_to_string(&at)
                .map_err(|_| Failure::run(format!("open {path}: no such file or directory")))?;
            parse(&text)
        }
    }
}

/// A map of strings from YAML, as tools read it from a file.
pub fn parse(yaml: &str) -> Result<BTreeMap<String, String>, Failure> {
    let value: Value =
        serde_yaml::from_str(yaml).map_err(|e| Failure::run(format!("yaml: {e}")))?;
    match value {
        Value::Null => Ok(BTreeMap::new()),
        Value::Object(map) => Ok(map
            .into_iter()
            .map(|(key, value)| {
                let text = match value {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                (key, text)
            })
            .collect()),
        other => {
            let kind = if other.is_array() { "!!seq" } else { "!!str" };
            Err(Failure::run(format!(
                "yaml: unmarshal errors:\n  line 1: cannot unmarshal {kind} into map[string]string"
            )))
        }
    }
}

pub fn delete(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[])?;
    arguments.at_most(1)?;
    if let Some(key) = arguments.positionals.first() {
        hook(session)?.pending.state.insert(key.clone(), None);
    }
    Ok(String::new())
}
