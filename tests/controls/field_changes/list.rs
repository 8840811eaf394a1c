//! The reviewed list: fields that cannot matter, each with its reason; and what the changes need
//! to know of the kinds.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::changes::Values;

/// The data file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Names of objects that decide something although others look like them.
    pub apart: Vec<String>,
    /// Good objects of kinds that no platform has by itself.
    pub objects: Vec<Value>,
    /// Other values of fields, by the field's name.
    pub values: Values,
    /// Fields to add, by kind.
    pub fields: BTreeMap<String, Vec<Added>>,
    /// Fields that cannot matter.
    pub listed: Vec<Row>,
}

/// Fields to add.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Added {
    /// Where, as a pattern of a JSON pointer.
    pub at: String,
    /// The fields with their values.
    pub add: Value,
}

/// Fields that cannot matter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Kinds, by name.
    pub kinds: Vec<String>,
    /// Objects, as `namespace/name` with `*` for any characters; all if absent.
    #[serde(default)]
    pub object: Option<String>,
    /// JSON pointers: `*` for any characters of a part, `**` at the end for what is below too.
    pub paths: Vec<String>,
    /// What is done to them; anything if absent.
    #[serde(default)]
    pub how: Option<String>,
    /// Why they cannot matter.
    pub reason: String,
}

impl Row {
    /// Whether the row lists a change.
    pub fn lists(&self, kind: &str, object: &str, how: &str, path: &str) -> bool {
        self.kinds.iter().any(|of| of == kind || of == "*")
            && self.object.as_ref().is_none_or(|of| is_like(of, object))
            && self.how.as_ref().is_none_or(|of| of == how)
            && self.paths.iter().any(|of| is_path(of, path))
    }
}

fn is_path(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut seen) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), seen.next()) {
            (Some("**"), _) | (None, None) => return true,
            (Some(wanted), Some(seen)) if is_like(wanted, seen) => {}
            _ => return false,
        }
    }
}

/// Whether a text is a pattern's, with `*` for any characters.
fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            (0..=text.len()).any(|at| text.is_char_boundary(at) && is_like(rest, &text[at..]))
        }),
    }
}
