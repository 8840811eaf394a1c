//! Identities that may use Pebble's API.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::client::Client;
use super::error::Error;

/// Access of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are Pebble's")]
pub enum Access {
    Admin,
    Read,
    Metrics,
    Untrusted,
}

/// An identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its access.
    pub access: Access,
    /// A user of the container, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<Local>,
}

/// A user of the container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Local {
    /// User id.
    pub user_id: u32,
}

impl Identity {
    /// A user of the container.
    pub fn local(user_id: u32, access: Access) -> Self {
        Self { access, local: Some(Local { user_id }) }
    }
}

impl Client {
    /// All identities by name.
    pub fn identities(&self) -> Result<BTreeMap<String, Identity>, Error> {
        let found: Option<BTreeMap<String, Identity>> = self.get("/v1/identities", &[])?;
        Ok(found.unwrap_or_default())
    }

    /// Adds identities, or replaces those of the same names.
    pub fn replace_identities(&self, identities: &BTreeMap<&str, Identity>) -> Result<(), Error> {
        let body = json!({"action": "replace", "identities": identities});
        self.post::<Option<Value>>("/v1/identities", &body).map(drop)
    }

    /// Removes identities; those that are not there are none.
    pub fn remove_identities(&self, names: &[&str]) -> Result<(), Error> {
        // Null is Pebble's way to remove by replacing.
        let none: BTreeMap<&str, Value> = names.iter().map(|name| (*name, Value::Null)).collect();
        let body = json!({"action": "remove", "identities": none});
        self.post::<Option<Value>>("/v1/identities", &body).map(drop)
    }
}
