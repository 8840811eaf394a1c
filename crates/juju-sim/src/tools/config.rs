//! `config-get`.

use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::flags::Arguments;
use crate::format::{self, FORMAT, OUTPUT};
use crate::protocol::Request;
use crate::session::Session;

pub fn get(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let spec = &[FORMAT, OUTPUT, (&["all", "a"] as &[&str], false)];
    let arguments = Arguments::parse(&request.arguments, spec)?;
    arguments.at_most(1)?;
    let options: Map<String, Value> = session
        .charm
        .options
        .iter()
        .map(|(name, spec)| {
            let set = session.model.options.get(name).cloned();
            (name.clone(), whole(set.unwrap_or_else(|| spec.default.clone())))
        })
        .collect();
    let key = arguments.positionals.first();
    let value = match (key, arguments.is_on("all")) {
        (Some(_), true) => {
            return Err(Failure::usage("cannot use argument --all together with key"));
        }
        (Some(key), false) => options.get(key).cloned().unwrap_or(Value::Null),
        (None, true) => Value::Object(options),
        (None, false) => options.into_iter().filter(|(_, v)| !v.is_null()).collect(),
    };
    format::print(&value, &arguments)
}

/// Go prints a float that is whole as an integer.
fn whole(value: Value) -> Value {
    match value.as_f64() {
        Some(number) if value.is_f64() && number.fract() == 0.0 => Value::from(number as i64),
        _ => value,
    }
}
