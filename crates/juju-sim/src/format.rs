//! Output as Juju's tools print it: `smart`, `json` and `yaml`.

use serde::Serialize;
use serde_yaml::Value;

use crate::failure::Failure;
use crate::flags::Arguments;

/// Names of the flag.
pub const FORMAT: (&[&str], bool) = (&["format"], true);
/// Names of the flag for a file to print to.
pub const OUTPUT: (&[&str], bool) = (&["output", "o"], true);

/// Prints a value in the format that the arguments ask for.
pub fn print<T: Serialize>(value: &T, arguments: &Arguments) -> Result<String, Failure> {
    print_or(value, arguments, "smart")
}

/// Prints a value in the format that the arguments ask for, else in this one.
pub fn print_or<T: Serialize>(
    value: &T,
    arguments: &Arguments,
    default: &str,
) -> Result<String, Failure> {
    let tree = || serde_yaml::to_value(value).map_err(|e| Failure::run(e.to_string()));
    match arguments.value("format").unwrap_or(default) {
        "json" => json(value),
        "yaml" => Ok(yaml(&tree()?)),
        "smart" => Ok(smart(&tree()?)),
        other => Err(Failure::usage(format!(
            "invalid value {other:?} for option --format: unknown format {other:?}"
        ))),
    }
}

/// One line, in which Go escapes what HTML would read.
fn json<T: Serialize>(value: &T) -> Result<String, Failure> {
    let text = serde_json::to_string(value).map_err(|e| Failure::run(e.to_string()))?;
    Ok(text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026") + "\n")
}

fn yaml(value: &Value) -> String {
    match value {
        Value::Mapping(map) if map.is_empty() => "{}\n".into(),
        Value::Mapping(map) => entries(map, "", 1),
        other => yaml_value(other, 0).trim_start().to_owned(),
    }
}

fn entries(map: &serde_yaml::Mapping, indent: &str, depth: usize) -> String {
    map.iter()
        .map(|(key, value)| format!("{indent}{}:{}", scalar(key), yaml_value(value, depth)))
        .collect()
}

fn yaml_value(value: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth.max(1));
    match value {
        Value::Mapping(map) if map.is_empty() => " {}\n".into(),
        Value::Mapping(map) => format!("\n{}", entries(map, &indent, depth + 1)),
        Value::Sequence(list) if list.is_empty() => " []\n".into(),
        Value::Sequence(list) => {
            let indent = "  ".repeat(depth.saturating_sub(1));
            let item = |value: &Value| match value {
                // The first key stands beside the dash.
                Value::Mapping(map) => {
                    let inner = entries(map, &format!("{indent}  "), depth + 1);
                    format!("{indent}- {}", inner.trim_start())
                }
                other => format!("{indent}-{}", yaml_value(other, depth + 1)),
            };
            format!("\n{}", list.iter().map(item).collect::<String>())
        }
        Value::String(text) if text.contains('\n') => {
            let lines: String = text.lines().map(|line| format!("{indent}{line}\n")).collect();
            let keep = if text.ends_with('\n') { "|" } else { "|-" };
            format!(" {keep}\n{lines}")
        }
        other => format!(" {}\n", scalar(other)),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if looks_like_another_type(text) => format!("{text:?}"),
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        // Go writes a whole float without its point.
        Value::Number(number) => serde_json::to_string(number).unwrap_or_default(),
        _ => String::new(),
    }
}

/// Whether YAML reads a text unquoted as that text, if as a string at all.
fn is_plain(text: &str) -> bool {
    !text.starts_with(|c: char| " !&*-?#%@`\"'{[|>,:".contains(c))
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
}

/// Whether YAML reads a text unquoted as a number, a boolean or nothing.
fn looks_like_another_type(text: &str) -> bool {
    let other = !matches!(serde_yaml::from_str::<Value>(text), Ok(Value::String(_)));
    // YAML 1.1 reads more words and numbers than YAML 1.2 does, and Go knows both.
    let old = ["yes", "no", "on", "off", "y", "n"].contains(&text.to_ascii_lowercase().as_str());
    let octal = text.len() > 1 && text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    text.is_empty() || (other && is_plain(text)) || old || octal
}

fn smart(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "True\n".into(),
        Value::Bool(false) => "False\n".into(),
        Value::String(text) if text.is_empty() => String::new(),
        Value::String(text) => format!("{text}\n"),
        Value::Sequence(list) => list.iter().map(smart).collect(),
        other => yaml(other),
    }
}
