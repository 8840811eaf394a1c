//! Client: the status of the model that is logged in to.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::wire::{Facade, or_default};
use crate::Error;
use crate::connection::Connection;

const FACADE: Facade = Facade { name: "Client", versions: &[6, 7, 8] };

/// A model's status, as `juju status` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct FullStatus {
    /// The model.
    pub model: ModelStatus,
    /// Its applications, by name.
    #[serde(deserialize_with = "or_default")]
    pub applications: BTreeMap<String, ApplicationStatus>,
    /// Applications of other models that it consumes, by name.
    #[serde(deserialize_with = "or_default", rename = "remote-applications")]
    pub remote_applications: BTreeMap<String, RemoteApplicationStatus>,
}

/// An application of another model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct RemoteApplicationStatus {
    /// URL of its offer.
    pub offer_url: String,
}

/// The model itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ModelStatus {
    /// Name.
    pub name: String,
    /// Juju's version in it.
    pub version: String,
    /// A newer one that it could be upgraded to.
    pub available_version: String,
}

/// An application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ApplicationStatus {
    /// URL of its charm, with the revision: `ch:amd64/dex-auth-612`.
    pub charm: String,
    /// Channel that it follows.
    pub charm_channel: String,
    /// Base that its charm runs on.
    pub base: Base,
    /// A newer revision in that channel; empty if there is none.
    pub can_upgrade_to: String,
    /// Applications that it is related to, by its endpoint.
    #[serde(deserialize_with = "or_default")]
    pub relations: BTreeMap<String, Vec<String>>,
    /// Whether it is exposed.
    pub exposed: bool,
    /// `alive`, `dying` or `dead`.
    pub life: String,
    /// Its workload status.
    pub status: Status,
    /// Its units, by name.
    #[serde(deserialize_with = "or_default")]
    pub units: BTreeMap<String, UnitStatus>,
}

/// An operating system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Base {
    /// For example `ubuntu`.
    pub name: String,
    /// For example `24.04/stable`.
    pub channel: String,
}

impl Base {
    /// Its version, for example `24.04`.
    pub fn version(&self) -> &str {
        self.channel.split('/').next().unwrap_or_default()
    }
}

impl ApplicationStatus {
    /// The unit that leads; if none is said to, as when a leader was just lost, any one.
    pub fn leader(&self) -> Option<&str> {
        let leader = self.units.iter().find(|(_, unit)| unit.leader);
        let (name, _) = leader.or_else(|| self.units.iter().next())?;
        Some(name)
    }
}

/// A unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct UnitStatus {
    /// Its workload status.
    pub workload_status: Status,
    /// Status of its agent.
    pub agent_status: Status,
    /// Whether it leads.
    pub leader: bool,
}

/// A status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Status {
    /// For example `active`, `blocked`, `error`.
    pub status: String,
    /// In words.
    pub info: String,
    /// Since when, RFC 3339.
    pub since: Option<String>,
}

impl Connection {
    /// The status of all applications and units; needs `read`.
    pub fn status(&mut self) -> Result<FullStatus, Error> {
        let params = serde_json::json!({"patterns": []});
        self.call(&FACADE, "FullStatus", params)
    }
}
