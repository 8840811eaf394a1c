//! Relations and their databags: `relation-ids`, `relation-list`,
//! `relation-get`, `relation-set`, `relation-model-get`. Writes are buffered.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::tool::{self, ToolError};

/// A databag: what one side of a relation sends to the other.
pub type Databag = BTreeMap<String, String>;

/// A relation, for example `db:7`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relation(String);

/// Owner of a databag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side<'a> {
    /// A unit's.
    Unit(&'a str),
    /// An application's. A unit that is not the leader may not read its own.
    Application(&'a str),
}

/// The relations of an endpoint.
pub fn of_endpoint(endpoint: &str) -> Result<Vec<Relation>, ToolError> {
    let ids: Vec<String> = tool::json("relation-ids", &["--", endpoint])?;
    Ok(ids.into_iter().map(Relation).collect())
}

impl Relation {
    /// The relation that an event names.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Its id, for example `db:7`.
    pub fn id(&self) -> &str {
        &self.0
    }

    /// Whether it is a relation of this endpoint.
    pub fn is_of(&self, endpoint: &str) -> bool {
        self.0.split_once(':').is_some_and(|(own, _)| own == endpoint)
    }

    fn flag(&self) -> String {
        format!("--relation={}", self.0)
    }

    /// Its remote units, or for a peer relation the other units.
    pub fn units(&self) -> Result<Vec<String>, ToolError> {
        tool::json("relation-list", &[&self.flag()])
    }

    /// Its remote application; `None` in a relation that is gone.
    pub fn application(&self) -> Result<Option<String>, ToolError> {
        tool::json("relation-list", &[&self.flag(), "--app"])
    }

    /// Reads a databag.
    pub fn get(&self, side: Side<'_>) -> Result<Databag, ToolError> {
        let flag = self.flag();
        match side {
            Side::Unit(unit) => tool::json("relation-get", &[&flag, "--", "-", unit]),
            Side::Application(app) => tool::json("relation-get", &[&flag, "--app", "--", "-", app]),
        }
    }

    /// Writes into this unit's databag. A key with an empty value is deleted.
    pub fn set(&self, values: &Databag) -> Result<(), ToolError> {
        self.write(&[], values)
    }

    /// Writes into this application's databag; only the leader may.
    pub fn set_application(&self, values: &Databag) -> Result<(), ToolError> {
        self.write(&["--app"], values)
    }

    fn write(&self, more: &[&str], values: &Databag) -> Result<(), ToolError> {
        let flag = self.flag();
        let mut arguments = vec![flag.as_str(), "--file", "-"];
        arguments.extend(more);
        // JSON is YAML; a map of strings cannot fail to be written.
        let text = serde_json::to_vec(values).unwrap_or_default();
        tool::run_with_input("relation-set", &arguments, &text).map(drop)
    }

    /// UUID of the model at the other side. Juju 3.6.2 or later.
    pub fn model_uuid(&self) -> Result<String, ToolError> {
        #[derive(Default, Deserialize)]
        struct Model {
            uuid: String,
        }
        let model: Model = tool::json("relation-model-get", &[&self.flag()])?;
        Ok(model.uuid)
    }
}
