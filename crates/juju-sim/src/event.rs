//! What Juju fires at a charm.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::Relation;
use crate::secret::Secret;

/// What is fired.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A hook, with what else Juju puts into its environment.
    Hook {
        /// Its name.
        name: String,
        /// Variables.
        environment: BTreeMap<String, String>,
    },
    /// An action that a user runs.
    Action {
        /// Its name.
        name: String,
        /// The parameters given.
        parameters: Map<String, Value>,
    },
}

impl Event {
    /// A hook with nothing of its own in the environment.
    pub fn hook(name: &str) -> Self {
        Self::Hook { name: name.into(), environment: BTreeMap::new() }
    }

    /// The Pebble of a container answers.
    pub fn pebble_ready(container: &str) -> Self {
        Self::Hook {
            name: format!("{container}-pebble-ready"),
            environment: [("JUJU_WORKLOAD_NAME".into(), container.into())].into(),
        }
    }

    /// Something happened to a relation: `created`, `joined`, `changed`,
    /// `departed` or `broken`. A remote unit is named in those that have one.
    pub fn relation(relation: &Relation, what: &str, unit: Option<&str>) -> Self {
        let mut environment: BTreeMap<String, String> = [
            ("JUJU_RELATION", relation.endpoint.clone()),
            ("JUJU_RELATION_ID", relation.name()),
            ("JUJU_REMOTE_APP", relation.remote_application.clone()),
            // Juju sets it, empty, where there is none.
            ("JUJU_REMOTE_UNIT", unit.unwrap_or_default().to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        if what == "departed" {
            environment.insert("JUJU_DEPARTING_UNIT".into(), unit.unwrap_or_default().to_owned());
        }
        Self::Hook { name: format!("{}-relation-{what}", relation.endpoint), environment }
    }

    /// Something happened to a secret: `changed` for who reads it, `rotate`,
    /// `expired` or `remove` for its owner, the last two of a revision.
    pub fn secret(what: &str, secret: &Secret, label: &str, revision: Option<u32>) -> Self {
        // Juju itself writes the id in two ways.
        let id = match revision {
            Some(_) => secret.id.clone(),
            None => format!("secret:{}", secret.id),
        };
        let mut environment: BTreeMap<String, String> =
            [("JUJU_SECRET_ID".into(), id), ("JUJU_SECRET_LABEL".into(), label.into())].into();
        if let Some(revision) = revision {
            environment.insert("JUJU_SECRET_REVISION".into(), revision.to_string());
        }
        Self::Hook { name: format!("secret-{what}"), environment }
    }

    /// A check of a container's Pebble has `failed` or `recovered`.
    pub fn pebble_check(container: &str, check: &str, what: &str) -> Self {
        Self::Hook {
            name: format!("{container}-pebble-check-{what}"),
            environment: [
                ("JUJU_WORKLOAD_NAME".into(), container.into()),
                ("JUJU_PEBBLE_CHECK_NAME".into(), check.into()),
            ]
            .into(),
        }
    }

    /// A container's Pebble got a custom notice.
    pub fn pebble_notice(container: &str, id: &str, key: &str) -> Self {
        Self::Hook {
            name: format!("{container}-pebble-custom-notice"),
            environment: [
                ("JUJU_WORKLOAD_NAME".into(), container.into()),
                ("JUJU_NOTICE_ID".into(), id.into()),
                ("JUJU_NOTICE_TYPE".into(), "custom".into()),
                ("JUJU_NOTICE_KEY".into(), key.into()),
            ]
            .into(),
        }
    }

    /// An action with parameters, a JSON object.
    pub fn action(name: &str, parameters: Value) -> Self {
        let parameters = match parameters {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        Self::Action { name: name.into(), parameters }
    }
}
