//! Answers of a controller, and how they are said.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// Why a call, or an item of it, is refused.
#[derive(Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) message: String,
    pub(super) code: &'static str,
    pub(super) info: Option<Value>,
}

pub(super) type Reply = Result<Value, Refusal>;

pub(super) fn refuse<T>(message: impl Into<String>, code: &'static str) -> Result<T, Refusal> {
    Err(Refusal { message: message.into(), code, info: None })
}

pub(super) fn denied<T>() -> Result<T, Refusal> {
    refuse("permission denied", "unauthorized access")
}

impl Refusal {
    fn item(self) -> Value {
        json!({"error": {"message": self.message, "code": self.code}})
    }
}

/// Tags, as most methods take them.
#[derive(Deserialize)]
pub(super) struct Entities {
    #[serde(default)]
    pub(super) entities: Vec<Entity>,
}

#[derive(Deserialize)]
pub(super) struct Entity {
    pub(super) tag: String,
}

/// Results item by item; Go says `null` for none.
pub(super) fn each<T>(items: Vec<T>, mut answer: impl FnMut(T) -> Reply) -> Reply {
    if items.is_empty() {
        return Ok(json!({"results": null}));
    }
    let results = items.into_iter().map(|item| answer(item).unwrap_or_else(Refusal::item));
    Ok(json!({"results": results.collect::<Vec<_>>()}))
}

/// Parameters in the form that a method wants; what it does not know it lets pass.
pub(super) fn parse<T: DeserializeOwned>(params: &Value) -> Result<T, Refusal> {
    // Go takes `null` for what is empty.
    let empty = Value::Object(Map::new());
    let params = if params.is_null() { empty } else { without_null(params) };
    serde_json::from_value(params).or_else(|error| refuse(format!("json: {error}"), ""))
}

fn without_null(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), without_null(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_null).collect(),
        other => other.clone(),
    }
}

/// Whether it is a name of a user: two letters or digits at least, with `.+-` between them, and
/// for one who is not local a domain.
pub(super) fn is_user_name(name: &str) -> bool {
    let plain = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let part = |part: &str| {
        plain(part.chars().next())
            && plain(part.chars().last())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || ".+-".contains(c))
    };
    let (local, domain) = name.split_once('@').map_or((name, None), |(l, d)| (l, Some(d)));
    local.len() > 1 && part(local) && domain.is_none_or(part)
}

/// The name in a tag of a kind.
pub(super) fn name_of<'a>(tag: &'a str, kind: &str) -> Result<&'a str, Refusal> {
    let name = tag.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-'));
    match name {
        Some(name) if kind == "user" && is_user_name(name) => Ok(name),
        Some(name) if kind != "user" && !name.is_empty() && !name.contains('@') => Ok(name),
        _ if tag.contains('-') => refuse(format!("{tag:?} is not a valid {kind} tag"), ""),
        _ => refuse(format!("{tag:?} is not a valid tag"), ""),
    }
}
