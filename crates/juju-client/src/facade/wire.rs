//! Types that the facades share on the wire.

use serde::{Deserialize, Deserializer, Serialize};

/// A facade and the versions of it that are understood.
#[derive(Debug)]
pub(crate) struct Facade {
    pub(crate) name: &'static str,
    pub(crate) versions: &'static [u32],
}

/// Tags, as most methods take them.
#[derive(Serialize)]
pub(super) struct Entities {
    pub(super) entities: Vec<Entity>,
}

#[derive(Serialize)]
pub(super) struct Entity {
    pub(super) tag: String,
}

impl Entities {
    pub(super) fn one(tag: String) -> Self {
        Self { entities: vec![Entity { tag }] }
    }
}

/// Result of an item of a bulk call, or its error.
#[derive(Deserialize)]
pub(super) struct Wrapped<T> {
    pub(super) result: T,
}

/// Nothing, of an item that has only an error to return.
#[derive(Deserialize)]
pub(super) struct Nothing {}

/// Go sends an empty list or map as `null`.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A name without the kind of its tag.
pub(super) fn untagged<'a>(tag: &'a str, kind: &str) -> &'a str {
    tag.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-')).unwrap_or(tag)
}
