//! Changes to an object: every field removed, every value another of its type, every item of a
//! list removed and doubled, and fields added that the kind knows and the object lacks.

use std::collections::BTreeMap;

use ckf_worlds::base64;
use serde_json::{Value, json};

/// A change to one field.
pub struct Change {
    /// What is done: `removed`, `changed`, `duplicated` or `added`.
    pub how: &'static str,
    /// JSON pointer to the field.
    pub path: String,
    /// The object afterwards, once for each value that the field is given.
    pub objects: Vec<Value>,
}

/// Parts of an object that are its identity, or that no user writes.
const NO_FIELDS: [&str; 7] = [
    "/apiVersion",
    "/kind",
    "/metadata/name",
    "/metadata/namespace",
    "/metadata/managedFields",
    "/metadata/ownerReferences",
    "/status",
];

/// Other values of fields whose values are few, by the last part of their path; lists count by
/// the name of the list.
pub type Values = BTreeMap<String, Vec<Value>>;

/// All changes of one field of an object.
pub fn of(object: &Value, values: &Values, added: &[(String, Value)]) -> Vec<Change> {
    let mut all = Vec::new();
    walk(object, object, String::new(), values, &mut all);
    for (at, field) in added {
        for place in places(object, at) {
            let parent = object.pointer(&place).expect("the place is there");
            for (key, value) in field.as_object().expect("added fields are a map") {
                if parent.get(key).is_none() {
                    let mut object = object.clone();
                    object.pointer_mut(&place).expect("it is there")[key] = value.clone();
                    let path = format!("{place}/{}", key.replace('/', "~1"));
                    all.push(Change { how: "added", path, objects: vec![object] });
                }
            }
        }
    }
    all
}

fn walk(root: &Value, value: &Value, path: String, values: &Values, all: &mut Vec<Change>) {
    if NO_FIELDS.contains(&&*path) {
        return;
    }
    // Without metadata there is no object.
    if !matches!(&*path, "" | "/metadata") {
        all.push(Change {
            how: "removed",
            objects: vec![removed(root, &path)],
            path: path.clone(),
        });
    }
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
                walk(root, value, path, values, all);
            }
        }
        Value::Array(list) => {
            for (index, item) in list.iter().enumerate() {
                let mut doubled = root.clone();
                let items = doubled.pointer_mut(&path).and_then(Value::as_array_mut);
                items.expect("it is a list").push(item.clone());
                let path = format!("{path}/{index}");
                let objects = vec![doubled];
                all.push(Change { how: "duplicated", path: path.clone(), objects });
                walk(root, item, path, values, all);
            }
        }
        leaf => {
            let others = others(leaf, &path, values);
            let objects = others.into_iter().map(|other| {
                let mut object = root.clone();
                *object.pointer_mut(&path).expect("the field is there") = other;
                object
            });
            all.push(Change { how: "changed", objects: objects.collect(), path: path.clone() });
        }
    }
}

fn removed(root: &Value, path: &str) -> Value {
    let mut object = root.clone();
    let (parent, key) = path.rsplit_once('/').expect("a pointer has a slash");
    match object.pointer_mut(parent).expect("the parent is there") {
        Value::Object(map) => drop(map.remove(&key.replace("~1", "/").replace("~0", "~"))),
        Value::Array(list) => drop(list.remove(key.parse().expect("an index"))),
        _ => unreachable!("a parent has parts"),
    }
    object
}

/// Other values of a field, of its type.
fn others(leaf: &Value, path: &str, values: &Values) -> Vec<Value> {
    let named = path.rsplit('/').find(|part| part.parse::<usize>().is_err()).unwrap_or_default();
    let mut all = values.get(named).cloned().unwrap_or_default();
    match leaf {
        Value::Bool(value) => all.push(json!(!value)),
        Value::Number(number) => {
            all.extend([json!(0), json!(number.as_i64().unwrap_or_default() + 1)]);
        }
        Value::String(_) if path.starts_with("/data/") => all.push(base64("other").into()),
        Value::String(_) => all.extend([json!("other"), json!("*")]),
        _ => {}
    }
    all.retain(|other| other != leaf);
    all
}

/// Pointers to the places that a pattern means.
fn places(object: &Value, pattern: &str) -> Vec<String> {
    let mut all = vec![(String::new(), object)];
    for part in pattern.split('/').skip(1) {
        let mut next = Vec::new();
        for (path, value) in all {
            match (value, part) {
                (Value::Array(list), "*") => next.extend(
                    list.iter().enumerate().map(|(index, item)| (format!("{path}/{index}"), item)),
                ),
                (value, part) => {
                    next.extend(value.get(part).map(|item| (format!("{path}/{part}"), item)));
                }
            }
        }
        all = next;
    }
    all.retain(|(_, value)| value.is_object());
    all.into_iter().map(|(path, _)| path).collect()
}
