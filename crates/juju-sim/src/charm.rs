//! A charm's own files, as far as Juju reads them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::action_error::ActionError;
use crate::model::Juju;
use crate::secret::is_secret_id;

/// A charm's metadata, options and actions.
#[derive(Clone, Debug, Default)]
pub struct Charm {
    /// Name.
    pub name: String,
    /// Workload containers.
    pub containers: Vec<String>,
    /// Storage.
    pub storage: Vec<String>,
    /// Resources.
    pub resources: Vec<String>,
    /// Endpoints and their roles.
    pub endpoints: BTreeMap<String, Role>,
    /// Options by name.
    pub options: BTreeMap<String, OptionSpec>,
    /// Actions by name.
    pub actions: BTreeMap<String, ActionSpec>,
}

/// What an endpoint is to a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It provides.
    Provider,
    /// It requires.
    Requirer,
    /// It is between units of one application.
    Peer,
}

/// An option of `config.yaml`.
#[derive(Clone, Debug, Deserialize)]
pub struct OptionSpec {
    /// `string`, `int`, `float`, `boolean` or `secret`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Default.
    #[serde(default)]
    pub default: Value,
}

/// An action of `actions.yaml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ActionSpec {
    /// Parameters, each a JSON schema.
    pub params: BTreeMap<String, Value>,
    /// Parameters that must be given.
    pub required: Vec<String>,
    /// Whether others than these may be given; by default Juju 3 allows it, Juju 4 does not.
    #[serde(rename = "additionalProperties")]
    pub additional: Option<bool>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    containers: BTreeMap<String, Value>,
    #[serde(default)]
    storage: BTreeMap<String, Value>,
    #[serde(default)]
    resources: BTreeMap<String, Value>,
    #[serde(default)]
    provides: BTreeMap<String, Value>,
    #[serde(default)]
    requires: BTreeMap<String, Value>,
    #[serde(default)]
    peers: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    options: BTreeMap<String, OptionSpec>,
}

impl Charm {
    /// Reads `metadata.yaml`, and `config.yaml` and `actions.yaml` where they are.
    pub fn read(directory: &Path) -> anyhow::Result<Self> {
        let metadata: Option<Metadata> = yaml(directory, "metadata.yaml")?;
        let Some(metadata) = metadata else {
            bail!("{} has no metadata.yaml", directory.display());
        };
        let config: Config = yaml(directory, "config.yaml")?.unwrap_or_default();
        let charm = Self {
            name: metadata.name,
            containers: metadata.containers.into_keys().collect(),
            storage: metadata.storage.into_keys().collect(),
            resources: metadata.resources.into_keys().collect(),
            endpoints: [
                (metadata.provides, Role::Provider),
                (metadata.requires, Role::Requirer),
                (metadata.peers, Role::Peer),
            ]
            .into_iter()
            .flat_map(|(names, role)| names.into_keys().map(move |name| (name, role)))
            .collect(),
            options: config.options,
            actions: yaml(directory, "actions.yaml")?.unwrap_or_default(),
        };
        for (name, option) in &charm.options {
            if !option.default.is_null() {
                charm.check_option(name, &option.default).context("config.yaml")?;
            }
        }
        for name in charm.actions.keys() {
            if !name.starts_with(|c: char| c.is_ascii_lowercase()) || name.starts_with("juju-") {
                bail!("actions.yaml: Juju refuses the action name {name:?}");
            }
        }
        Ok(charm)
    }

    /// Whether Juju would accept a value for an option.
    pub fn check_option(&self, name: &str, value: &Value) -> anyhow::Result<()> {
        let Some(option) = self.options.get(name) else {
            bail!("unknown option {name:?}");
        };
        let fits = match option.kind.as_str() {
            "string" => value.is_string(),
            "int" => value.is_i64(),
            "float" => value.is_number(),
            "boolean" => value.is_boolean(),
            "secret" => value.as_str().is_some_and(is_secret),
            other => bail!("option {name:?} has the unknown type {other:?}"),
        };
        if !fits {
            bail!("option {name:?} is a {}, not {value}", option.kind);
        }
        Ok(())
    }

    /// Parameters of an action with defaults.
    pub fn action_parameters(
        &self,
        name: &str,
        given: &Map<String, Value>,
        juju: Juju,
    ) -> Result<Map<String, Value>, ActionError> {
        // Juju 4.0 keeps every parameter as a text, and reads back numbers and truth only.
        let kept: Map<String, Value> = match juju {
            Juju::V3_6 => given.clone(),
            Juju::V4_0 => given.iter().map(|(key, value)| (key.clone(), as_kept(value))).collect(),
        };
        let given = &kept;
        let additional_by_default = juju == Juju::V3_6;
        let Some(spec) = self.actions.get(name) else {
            return Err(ActionError::NotDefined(name.to_owned()));
        };
        let action = name.to_owned();
        for required in &spec.required {
            if !given.contains_key(required) {
                let (parameter, given) = (required.clone(), Value::Object(given.clone()));
                return Err(ActionError::Missing { action, parameter, given });
            }
        }
        for (key, value) in given {
            let Some(schema) = spec.params.get(key) else {
                if spec.additional.unwrap_or(additional_by_default) {
                    continue;
                }
                let (parameter, given) = (key.clone(), Value::Object(given.clone()));
                return Err(ActionError::NotAllowed { action, parameter, given });
            };
            check_parameter(&action, key, value, schema)?;
        }
        let mut parameters: Map<String, Value> = spec
            .params
            .iter()
            .filter(|(_, schema)| !schema["default"].is_null())
            .map(|(key, schema)| (key.clone(), schema["default"].clone()))
            .collect();
        parameters.extend(given.clone());
        Ok(parameters)
    }
}

/// A parameter as Juju 4.0 keeps it: lists, maps and nothing as Go prints them.
fn as_kept(value: &Value) -> Value {
    match value {
        Value::Array(_) | Value::Object(_) | Value::Null => Value::String(printed(value)),
        other => other.clone(),
    }
}

/// A value as Go prints it by `%v`.
fn printed(value: &Value) -> String {
    match value {
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(printed).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(map) => {
            let items = map.iter().map(|(key, value)| format!("{key}:{}", printed(value)));
            format!("map[{}]", items.collect::<Vec<_>>().join(" "))
        }
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        other => other.to_string(),
    }
}

/// `secret:ID`, or `secret://MODEL/ID` of another model.
fn is_secret(uri: &str) -> bool {
    let id = uri.strip_prefix("secret:");
    let id = id.map(|id| id.rsplit('/').next().unwrap_or_default());
    id.is_some_and(is_secret_id)
}

fn yaml<T: DeserializeOwned>(directory: &Path, name: &str) -> anyhow::Result<Option<T>> {
    let path = directory.join(name);
    if !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_yaml::from_str(&text).with_context(|| path.display().to_string())
}

/// An error unless a value has the type of its parameter, and is one of its values.
fn check_parameter(
    action: &str,
    key: &str,
    value: &Value,
    schema: &Value,
) -> Result<(), ActionError> {
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => vec![kind.as_str().unwrap_or("string")],
    };
    let fits = |kind: &&str| match *kind {
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    if !kinds.iter().any(fits) {
        let kind = match kinds.as_slice() {
            [kind] => (*kind).to_owned(),
            kinds => format!("[{}]", kinds.join(",")),
        };
        let (parameter, given) = (key.to_owned(), value.clone());
        return Err(ActionError::WrongType { action: action.to_owned(), parameter, kind, given });
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        let (parameter, given) = (key.to_owned(), value.clone());
        let values = Value::Array(values.clone());
        return Err(ActionError::NotInEnum { action: action.to_owned(), parameter, values, given });
    }
    Ok(())
}
