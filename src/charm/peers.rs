//! The peer relation: data that the units of the application share.

use juju_charm::relation::{self, Databag, Relation};

/// The endpoint in `metadata.yaml`.
const ENDPOINT: &str = "peers";

/// The peer relation; a unit that is being removed has none.
pub fn relation() -> anyhow::Result<Option<Relation>> {
    Ok(relation::of_endpoint(ENDPOINT)?.into_iter().next())
}

/// Whether writing `desired` changes a databag: an empty value deletes its key.
pub fn differs(present: &Databag, desired: &Databag) -> bool {
    desired
        .iter()
        .any(|(key, value)| present.get(key).map(String::as_str).unwrap_or_default() != value)
}
