//! What the charm's own files say: `metadata.yaml`, `config.yaml`, `actions.yaml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A charm's metadata, options and actions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Charm {
    /// What it is.
    pub metadata: Metadata,
    /// Options by name.
    pub options: BTreeMap<String, OptionSpec>,
    /// Actions by name.
    pub actions: BTreeMap<String, ActionSpec>,
}

/// What a charm is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// Name.
    pub name: String,
    /// A line about it.
    pub summary: String,
    /// Workload containers.
    pub containers: BTreeMap<String, Value>,
    /// Endpoints that it provides.
    pub provides: BTreeMap<String, Endpoint>,
    /// Endpoints that it requires.
    pub requires: BTreeMap<String, Endpoint>,
    /// Endpoints between its units.
    pub peers: BTreeMap<String, Endpoint>,
    /// Resources.
    pub resources: BTreeMap<String, Value>,
    /// Storage.
    pub storage: BTreeMap<String, Value>,
}

/// An endpoint.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// Interface.
    pub interface: String,
    /// Most relations that it takes.
    pub limit: Option<u32>,
    /// Whether the charm works without it.
    pub optional: bool,
}

/// An option.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct OptionSpec {
    /// `string`, `int`, `float`, `boolean` or `secret`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Default.
    pub default: Value,
    /// What it is for.
    pub description: String,
}

/// An action.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ActionSpec {
    /// What it does.
    pub description: String,
    /// Parameters, each a JSON schema.
    pub params: BTreeMap<String, Value>,
    /// Parameters that must be given.
    pub required: Vec<String>,
}

/// Why a charm's own file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("{}: {source}", path.display())]
    Yaml {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_yaml::Error,
    },
}

impl Charm {
    /// Reads the files of a charm's directory, which
    /// [`Unit::charm_directory`](crate::Unit) names. A charm need not have
    /// options or actions.
    pub fn read(directory: &Path) -> Result<Self, MetadataError> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Config {
            options: BTreeMap<String, OptionSpec>,
        }
        let config: Option<Config> = yaml(&directory.join("config.yaml"), true)?;
        Ok(Self {
            metadata: yaml(&directory.join("metadata.yaml"), false)?.unwrap_or_default(),
            options: config.unwrap_or_default().options,
            actions: yaml(&directory.join("actions.yaml"), true)?.unwrap_or_default(),
        })
    }
}

fn yaml<T: DeserializeOwned>(path: &Path, optional: bool) -> Result<Option<T>, MetadataError> {
    let path = path.to_owned();
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            serde_yaml::from_str(&text).map_err(|source| MetadataError::Yaml { path, source })
        }
        Err(error) if optional && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(MetadataError::File { path, source }),
    }
}
