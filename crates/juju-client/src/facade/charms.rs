//! Charms: what the charms of the model that is logged in to say of themselves.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::wire::{Facade, or_default};
use crate::Error;
use crate::connection::Connection;

const FACADE: Facade = Facade { name: "Charms", versions: &[5, 6, 7] };

/// A charm.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct CharmInfo {
    /// Its revision.
    pub revision: i64,
    /// Its metadata; none if Juju does not tell.
    pub meta: Option<CharmMeta>,
}

/// A charm's metadata, as far as it is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct CharmMeta {
    /// Name.
    pub name: String,
    /// Its workload containers, by name.
    #[serde(deserialize_with = "or_default")]
    pub containers: BTreeMap<String, CharmContainer>,
}

/// A workload container of a charm.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct CharmContainer {
    /// The resource that is its image.
    pub resource: String,
}

impl Connection {
    /// A charm, by its URL as the status shows it; needs `read`.
    pub fn charm_info(&mut self, url: &str) -> Result<CharmInfo, Error> {
        self.call(&FACADE, "CharmInfo", serde_json::json!({"url": url}))
    }
}
