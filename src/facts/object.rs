//! What every Kubernetes object has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::text::Text;

/// Labels or annotations.
pub type Labels = BTreeMap<Text, Text>;

/// Names one object of the cluster.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectRef {
    /// Group and version, for example `networking.istio.io/v1`.
    pub api_version: String,
    /// Kind, for example `Gateway`.
    pub kind: String,
    /// Namespace; empty for what has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// The parts of `metadata` that controls read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// Name.
    pub name: String,
    /// Namespace; empty for what has none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub namespace: Text,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: Labels,
    /// The few annotations that controls read.
    #[serde(skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// Owners.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owner_references: Vec<OwnerReference>,
}

/// Annotations by which the platform marks owners and contributors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Annotations {
    /// A profile namespace's owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Text>,
    /// The user of KFAM's binding or policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Text>,
    /// The user's role, `admin`, `edit` or `view`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Text>,
}

impl Annotations {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The owner of an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnerReference {
    /// Kind.
    pub kind: Text,
    /// Name.
    pub name: Text,
}

impl Meta {
    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(|value| &**value)
    }
}

/// A typed object of the cluster.
pub trait Object {
    /// Group and version, as findings name it.
    const API_VERSION: &'static str;
    /// Kind, as findings name it.
    const KIND: &'static str;

    /// Its metadata.
    fn meta(&self) -> &Meta;

    /// Its name for findings.
    fn reference(&self) -> ObjectRef {
        ObjectRef {
            api_version: Self::API_VERSION.into(),
            kind: Self::KIND.into(),
            namespace: self.meta().namespace.to_string(),
            name: self.meta().name.clone(),
        }
    }
}

macro_rules! object {
    ($type:ty, $api_version:literal, $kind:literal) => {
        impl $crate::facts::object::Object for $type {
            const API_VERSION: &'static str = $api_version;
            const KIND: &'static str = $kind;

            fn meta(&self) -> &$crate::facts::object::Meta {
                &self.metadata
            }
        }
    };
}
pub(crate) use object;

/// A label selector, as NetworkPolicies and webhooks have it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Labels that must be equal.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: Labels,
    /// Further requirements.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<Requirement>,
}

/// One requirement of a [`LabelSelector`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Requirement {
    /// The label.
    pub key: Text,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: Text,
    /// Values of `In` and `NotIn`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Text>,
}

impl LabelSelector {
    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// Whether it selects an object with these labels.
    pub fn matches(&self, labels: &Labels) -> bool {
        subset(&self.match_labels, labels)
            && self.match_expressions.iter().all(|r| {
                let value = labels.get(&r.key);
                match &*r.operator {
                    "In" => value.is_some_and(|v| r.values.contains(v)),
                    "NotIn" => !value.is_some_and(|v| r.values.contains(v)),
                    "Exists" => value.is_some(),
                    "DoesNotExist" => value.is_none(),
                    _ => false,
                }
            })
    }
}

/// Whether every label of `selector` is in `labels`.
pub fn subset(selector: &Labels, labels: &Labels) -> bool {
    selector
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value))
}
