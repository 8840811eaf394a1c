//! Changes of the controller's and the model's configuration, recorded with the earlier values.

use std::collections::BTreeMap;

use log::warn;
use serde_json::Value;

use super::model::{JujuError, Model};
use super::recorded::Recorded;
use crate::remedies::{Configured, JujuEdit, Setting};

type Options = BTreeMap<String, Setting>;

/// Sets options, once their earlier values are recorded.
pub(super) fn set(
    recorded: &Recorded<'_>,
    model: &mut dyn Model,
    of: Configured,
    options: &Options,
) -> Result<(), JujuError> {
    let known = read(model, of)?;
    let with_before = options.iter().map(|(name, setting)| {
        let before = known.get(name).map(text);
        (name.clone(), Setting { before, after: setting.after.clone() })
    });
    recorded.write(JujuEdit::Configuration { of, options: with_before.collect() })?;
    let values = options.iter();
    let values = values.map(|(name, setting)| (name.as_str(), setting.after.as_deref())).collect();
    write(model, of, &values, &known)
}

/// Restores recorded options, unless they were set since.
pub(super) fn restore(
    model: &mut dyn Model,
    of: Configured,
    options: &Options,
) -> Result<(), JujuError> {
    let known = read(model, of)?;
    let mut back = BTreeMap::new();
    for (name, setting) in options {
        let seen = known.get(name).map(text);
        if seen == setting.after {
            back.insert(name.as_str(), setting.before.as_deref());
        } else if seen != setting.before {
            warn!("{name} of {of} stays as it is: it was set by someone else meanwhile");
        }
    }
    write(model, of, &back, &known)
}

fn read(model: &mut dyn Model, of: Configured) -> Result<BTreeMap<String, Value>, JujuError> {
    Ok(match of {
        Configured::Controller => model.controller()?.controller_config()?,
        Configured::Model => model.connect()?.model_config()?,
        Configured::Commands => {
            let blocks = model.connect()?.blocks()?.into_iter();
            blocks.map(|block| (block.kind, Value::String(block.message))).collect()
        }
    })
}

/// A value as it is recorded: 3.6 lists methods, 4.0 has them in one text.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => {
            let all: Vec<String> = all.iter().map(text).collect();
            all.join(",")
        }
        other => other.to_string(),
    }
}

/// A text in the form that the controller has the option in.
fn like(known: Option<&Value>, text: &str) -> Value {
    match known {
        Some(Value::Array(_)) => {
            text.split(',').filter(|part| !part.is_empty()).map(Value::from).collect()
        }
        Some(Value::Bool(_)) => Value::from(text == "true"),
        Some(Value::Number(_)) => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
        Some(_) => text.into(),
        None => match (text.parse::<bool>(), text.parse::<i64>()) {
            (Ok(flag), _) => flag.into(),
            (_, Ok(number)) => number.into(),
            _ => text.into(),
        },
    }
}

fn write(
    model: &mut dyn Model,
    of: Configured,
    values: &BTreeMap<&str, Option<&str>>,
    known: &BTreeMap<String, Value>,
) -> Result<(), JujuError> {
    if of == Configured::Commands {
        let model = model.connect()?;
        for (kind, message) in values {
            match message {
                Some(message) => model.disable_commands(kind, message)?,
                None => model.enable_commands(kind)?,
            }
        }
        return Ok(());
    }
    let mut config = BTreeMap::new();
    for (name, value) in values {
        match value {
            Some(value) => {
                config.insert((*name).to_owned(), like(known.get(*name), value));
            }
            None => warn!("{name} of {of} stays as it is: it had no value before"),
        }
    }
    if config.is_empty() {
        return Ok(());
    }
    match of {
        Configured::Controller => model.controller()?.set_controller_config(&config)?,
        Configured::Model | Configured::Commands => model.connect()?.set_model_config(&config)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn value_is_written_in_the_form_in_which_it_was_read() {
        for (known, to, expected) in [
            (json!(["A.B"]), "ReadOnlyMethods", json!(["ReadOnlyMethods"])),
            (json!("A.B"), "ReadOnlyMethods", json!("ReadOnlyMethods")),
            (json!(false), "true", json!(true)),
            (json!(5), "10", json!(10)),
        ] {
            assert_eq!(like(Some(&known), to), expected);
            assert_eq!(like(Some(&known), &text(&known)), known, "what it was is restored");
        }
        assert_eq!(like(None, "10"), json!(10));
    }
}
