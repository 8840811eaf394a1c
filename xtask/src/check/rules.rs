//! `deny.toml`: the rules for dependencies, which cargo-deny reads too.

use anyhow::Context as _;
use toml::{Table, Value};

use crate::run::root;

/// The rules that the steps `licences` and `advisories` apply.
pub struct Rules {
    /// SPDX identifiers of licences that a shipped crate may have.
    pub licences: Vec<String>,
    /// Crates that must not be linked, each with the reason.
    pub refused: Vec<(String, String)>,
    /// Advisories that are accepted, each with the reason.
    pub accepted: Vec<(String, String)>,
    /// Members of the workspace that are not shipped.
    pub unshipped: Vec<String>,
}

impl Rules {
    /// Reads `deny.toml`.
    pub fn read() -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(root().join("deny.toml")).context("deny.toml")?;
        let table: Table = text.parse().context("deny.toml")?;
        Ok(Self {
            licences: texts(&table, "licenses", "allow")?,
            refused: reasoned(&table, "bans", "deny", "crate")?,
            accepted: reasoned(&table, "advisories", "ignore", "id")?,
            unshipped: texts(&table, "graph", "exclude")?,
        })
    }
}

fn list<'a>(table: &'a Table, section: &str, key: &str) -> anyhow::Result<&'a Vec<Value>> {
    let value = table.get(section).and_then(|section| section.get(key));
    let list = value.and_then(Value::as_array);
    list.with_context(|| format!("deny.toml has no list {key} in [{section}]"))
}

fn texts(table: &Table, section: &str, key: &str) -> anyhow::Result<Vec<String>> {
    let values = list(table, section, key)?.iter();
    Ok(values.filter_map(Value::as_str).map(str::to_owned).collect())
}

/// Entries of the form `{ KEY = "...", reason = "..." }`.
fn reasoned(
    table: &Table,
    section: &str,
    key: &str,
    name: &str,
) -> anyhow::Result<Vec<(String, String)>> {
    let entries = list(table, section, key)?.iter().map(|entry| {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).map(str::to_owned);
        let pair = text(name).zip(text("reason"));
        pair.with_context(|| format!("an entry of {key} in [{section}] needs {name} and reason"))
    });
    entries.collect()
}
