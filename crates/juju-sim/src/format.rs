//! Output as Juju's tools print it: `smart`, `json` and `yaml`.

use serde_json::Value;

use crate::flags::Arguments;
use crate::tools::Failure;

/// Names of the flag.
pub const FORMAT: (&[&str], bool) = (&["format"], true);
/// Names of the flag for a file to print to.
pub const OUTPUT: (&[&str], bool) = (&["output", "o"], true);

/// Prints a value in the format that the arguments ask for.
pub fn print(value: &Value, arguments: &Arguments) -> Result<String, Failure> {
    match arguments.value("format").unwrap_or("smart") {
        "json" => Ok(json(value)),
        "yaml" => Ok(yaml(value)),
        "smart" => Ok(smart(value)),
        other => Err(Failure::usage(format!(
            "invalid value {other:?} for option --format: unknown format {other:?}"
        ))),
    }
}

/// One line, in which Go escapes what HTML would read.
fn json(value: &Value) -> String {
    let text = value.to_string();
    text.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        + "\n"
}

fn yaml(value: &Value) -> String {
    match value {
        // Go writes a whole float without its point.
        Value::String(text) if looks_like_another_type(text) => format!("{text:?}\n"),
        Value::Object(map) if map.is_empty() => "{}\n".into(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| format!("{key}:{}", yaml_value(value, 1)))
            .collect(),
        other => yaml_value(other, 0).trim_start().to_owned(),
    }
}

fn yaml_value(value: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth.max(1));
    match value {
        Value::Object(map) if map.is_empty() => " {}\n".into(),
        Value::Object(map) => {
            let inner = map
                .iter()
                .map(|(key, value)| format!("{indent}{key}:{}", yaml_value(value, depth + 1)));
            format!("\n{}", inner.collect::<String>())
        }
        Value::Array(list) if list.is_empty() => " []\n".into(),
        Value::Array(list) => {
            let indent = "  ".repeat(depth.saturating_sub(1));
            let inner = list
                .iter()
                .map(|value| format!("{indent}-{}", yaml_value(value, depth + 1)));
            format!("\n{}", inner.collect::<String>())
        }
        Value::String(text) if text.contains('\n') => {
            let lines: String = text
                .lines()
                .map(|line| format!("{indent}{line}\n"))
                .collect();
            let keep = if text.ends_with('\n') { "|" } else { "|-" };
            format!(" {keep}\n{lines}")
        }
        Value::String(text) if looks_like_another_type(text) => format!(" {text:?}\n"),
        Value::String(text) => format!(" {text}\n"),
        other => format!(" {other}\n"),
    }
}

fn looks_like_another_type(text: &str) -> bool {
    let plain = !text.starts_with(|c: char| " !&*-?#%@`\"'{[|>,:".contains(c))
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #");
    let is_text = matches!(serde_yaml::from_str::<Value>(text), Ok(Value::String(_)));
    // YAML 1.1 reads more words and numbers than YAML 1.2 does, and Go knows both.
    let old = ["yes", "no", "on", "off", "y", "n"].contains(&text.to_ascii_lowercase().as_str());
    let octal = text.len() > 1 && text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    !text.contains('\n') && (!plain || !is_text || old || octal)
}

fn smart(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "True\n".into(),
        Value::Bool(false) => "False\n".into(),
        Value::String(text) if text.is_empty() => String::new(),
        Value::String(text) => format!("{text}\n"),
        Value::Array(list) => list.iter().map(smart).collect(),
        other => yaml(other),
    }
}
