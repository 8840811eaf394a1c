//! Edits of objects that others manage.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::record::RecordKey;
use crate::facts::juju::holds_no_secret;
use crate::facts::object::ObjectRef;

/// An edit of an object that others manage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edit {
    /// Sets labels of an object.
    Labels {
        /// The object.
        object: ObjectRef,
        /// By label key.
        labels: BTreeMap<String, Label>,
    },
    /// Deletes an object.
    Removal(Removal),
    /// Sets options of an application.
    Settings {
        /// The application.
        application: String,
        /// By option name.
        options: BTreeMap<String, Setting>,
        /// Options whose previous value may be a secret, with its keyed digest (none if it was
        /// unset). The value itself is not recorded, so it cannot be restored.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        unrecorded: BTreeMap<String, Option<String>>,
    },
    /// Integrates two endpoints.
    Relation {
        /// Each as `APPLICATION:ENDPOINT`.
        endpoints: [String; 2],
    },
    /// Configures the controller or the platform's model.
    Configuration {
        /// What is configured.
        of: Configured,
        /// By name of the option, or of the set of commands. None of these holds a secret.
        options: BTreeMap<String, Setting>,
    },
}

/// What a remedy configures in Juju beside applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Configured {
    /// The controller's configuration.
    Controller,
    /// The configuration of the platform's model.
    Model,
    /// Sets of commands that are disabled in the platform's model; the value is the message.
    Commands,
}

impl fmt::Display for Configured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Controller => "the controller's configuration",
            Self::Model => "the model's configuration",
            Self::Commands => "the model's disabled commands",
        })
    }
}

/// Value of a label, none if the label is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Label {
    /// Value before the first edit.
    pub before: Option<String>,
    /// Desired value.
    pub after: Option<String>,
}

/// Deletion of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Removal {
    /// The object.
    pub object: ObjectRef,
    /// Reason for the deletion: each offending field with its value.
    pub why: String,
    /// The object without the fields that the API server sets; none until it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Value>,
}

/// Value of an option, none for the charm's default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Setting {
    /// Value before the first edit; none until it was read.
    pub before: Option<String>,
    /// Desired value.
    pub after: Option<String>,
}

/// Subject of a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// An object of the cluster.
    Object(ObjectRef),
    /// An application of the model.
    Application(String),
    /// A relation of the model.
    Relation(String),
    /// Configuration of the controller or the model.
    Configuration(Configured),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(object) => object.fmt(f),
            Self::Application(name) => write!(f, "application {name}"),
            Self::Relation(endpoints) => write!(f, "relation {endpoints}"),
            Self::Configuration(of) => of.fmt(f),
        }
    }
}

impl Edit {
    /// Subject of the edit.
    pub fn target(&self) -> Target {
        match self {
            Self::Labels { object, .. } => Target::Object(object.clone()),
            Self::Removal(removal) => Target::Object(removal.object.clone()),
            Self::Settings { application, .. } => Target::Application(application.clone()),
            Self::Relation { endpoints } => Target::Relation(endpoints.join(" ")),
            Self::Configuration { of, .. } => Target::Configuration(*of),
        }
    }

    /// Applied through the Juju API.
    pub fn is_of_juju(&self) -> bool {
        let of_cluster = matches!(self, Self::Labels { .. } | Self::Removal(_));
        !of_cluster
    }

    /// The differences, one per line.
    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Self::Labels { labels, .. } => labels
                .iter()
                .map(|(name, label)| {
                    let before = shown(label.before.as_deref(), "(unset)");
                    let after = shown(label.after.as_deref(), "(unset)");
                    format!("metadata.labels.{name}: {before} -> {after}")
                })
                .collect(),
            Self::Removal(removal) => vec![removal.why.clone()],
            Self::Settings { options, .. } => options
                .iter()
                .map(|(name, setting)| {
                    if !holds_no_secret(name) {
                        return format!("{name}: (value hidden, may be secret)");
                    }
                    let after = shown(setting.after.as_deref(), "the charm's default");
                    match &setting.before {
                        Some(before) => format!("{name}: {before} -> {after}"),
                        None => format!("{name} -> {after}"),
                    }
                })
                .collect(),
            Self::Relation { endpoints } => vec![format!("juju integrate {}", endpoints.join(" "))],
            Self::Configuration { options, .. } => options
                .iter()
                .map(|(name, setting)| {
                    let after = shown(setting.after.as_deref(), "(unset)");
                    match &setting.before {
                        Some(before) => format!("{name}: {before} -> {after}"),
                        None => format!("{name} -> {after}"),
                    }
                })
                .collect(),
        }
    }

    /// This edit with the previous values of the first edit of the same target.
    pub fn after(mut self, earlier: &Self) -> Self {
        match (&mut self, earlier) {
            (Self::Labels { labels, .. }, Self::Labels { labels: first, .. }) => {
                for (name, label) in first {
                    let edited = labels.entry(name.clone());
                    edited.or_insert_with(|| label.clone()).before = label.before.clone();
                }
            }
            (
                Self::Settings { options, unrecorded, .. },
                Self::Settings { options: first, unrecorded: first_unrecorded, .. },
            ) => {
                for (name, setting) in first {
                    let edited = options.entry(name.clone());
                    edited.or_insert_with(|| setting.clone()).before = setting.before.clone();
                }
                unrecorded.extend(first_unrecorded.clone());
            }
            (Self::Configuration { options, .. }, Self::Configuration { options: first, .. }) => {
                for (name, setting) in first {
                    let edited = options.entry(name.clone());
                    edited.or_insert_with(|| setting.clone()).before = setting.before.clone();
                }
            }
            _ => {}
        }
        self
    }

    /// This edit in the form that may be recorded: of an option that may be a secret, only a
    /// keyed digest of the previous value.
    pub fn without_secrets(mut self, key: &RecordKey) -> Self {
        if let Self::Settings { application, options, unrecorded } = &mut self {
            options.retain(|name, setting| {
                let is_recorded = holds_no_secret(name);
                if !is_recorded {
                    let before = setting.before.as_deref();
                    let digest = before.map(|value| key.digest(application, name, value));
                    unrecorded.insert(name.clone(), digest);
                }
                is_recorded
            });
        }
        self
    }
}

/// API version and plural name of a kind whose objects are edited.
pub fn edited_kind(kind: &str) -> Option<(&'static str, &'static str)> {
    match kind {
        "Namespace" => Some(("v1", "namespaces")),
        "Secret" => Some(("v1", "secrets")),
        "RoleBinding" => Some(("rbac.authorization.k8s.io/v1", "rolebindings")),
        "AuthorizationPolicy" => Some(("security.istio.io/v1beta1", "authorizationpolicies")),
        _ => None,
    }
}

fn shown<'a>(value: Option<&'a str>, none: &'a str) -> &'a str {
    match value {
        None => none,
        Some("") => "\"\"",
        Some(value) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(of: &[(&str, Option<&str>, &str)]) -> Edit {
        let labels = of.iter().map(|(name, before, after)| {
            let label =
                Label { before: before.map(str::to_owned), after: Some((*after).to_owned()) };
            ((*name).to_owned(), label)
        });
        Edit::Labels {
            object: ObjectRef {
                api_version: "v1".into(),
                kind: "Namespace".into(),
                namespace: String::new(),
                name: "alice".into(),
            },
            labels: labels.collect(),
        }
    }

    #[test]
    fn repeated_edit_keeps_the_first_previous_value() {
        let first = labels(&[("a", Some("privileged"), "baseline"), ("b", None, "x")]);
        // Another client reset the label, and it is edited again.
        let again = labels(&[("a", Some("restricted"), "baseline")]);
        assert_eq!(again.after(&first), first);
    }

    #[test]
    fn secret_option_is_recorded_as_digest_only() {
        let key = RecordKey::new(&[7; 32]).unwrap();
        let setting =
            |before: &str| Setting { before: Some(before.into()), after: Some("wanted".into()) };
        let options = [
            ("static-password", setting("hunter2")),
            ("connectors", setting("clientSecret: S3CR3T")),
            ("public-url", setting("https://a.example")),
        ];
        let edit = Edit::Settings {
            application: "dex-auth".into(),
            options: options.map(|(name, of)| (name.to_owned(), of)).into(),
            unrecorded: BTreeMap::new(),
        };
        let lines = edit.lines().join("\n");
        let recorded = edit.clone().without_secrets(&key);
        let text = serde_json::to_string(&recorded).unwrap();
        for secret in ["hunter2", "S3CR3T"] {
            assert!(!text.contains(secret), "{text}");
            assert!(!lines.contains(secret), "{lines}");
        }
        let Edit::Settings { options, unrecorded, .. } = &recorded else {
            unreachable!("it was one of settings");
        };
        assert_eq!(options.keys().collect::<Vec<_>>(), ["public-url"]);
        let expected = key.digest("dex-auth", "static-password", "hunter2");
        assert_eq!(unrecorded["static-password"], Some(expected));
        // After a second edit the first previous value stays on record.
        let again = Edit::Settings {
            application: "dex-auth".into(),
            options: BTreeMap::from([("connectors".to_owned(), setting("another"))]),
            unrecorded: BTreeMap::new(),
        };
        let again = again.without_secrets(&key).after(&recorded);
        assert_eq!(again, recorded);
    }
}
