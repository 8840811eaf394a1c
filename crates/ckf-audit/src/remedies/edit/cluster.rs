//! Edits of objects of the cluster that others manage.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::target::shown;
use crate::facts::object::ObjectRef;

/// An edit of an object, through the Kubernetes API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterEdit {
    /// Sets labels of an object.
    Labels {
        /// The object.
        object: ObjectRef,
        /// By label key.
        labels: BTreeMap<String, Label>,
    },
    /// Deletes an object.
    Removal(Removal),
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

impl ClusterEdit {
    /// The object that is edited.
    pub fn object(&self) -> &ObjectRef {
        match self {
            Self::Labels { object, .. } => object,
            Self::Removal(removal) => &removal.object,
        }
    }

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
        }
    }

    pub(super) fn after(mut self, earlier: &Self) -> Self {
        if let (Self::Labels { labels, .. }, Self::Labels { labels: first, .. }) =
            (&mut self, earlier)
        {
            for (name, label) in first {
                let edited = labels.entry(name.clone());
                edited.or_insert_with(|| label.clone()).before = label.before.clone();
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(of: &[(&str, Option<&str>, &str)]) -> ClusterEdit {
        let labels = of.iter().map(|(name, before, after)| {
            let label =
                Label { before: before.map(str::to_owned), after: Some((*after).to_owned()) };
            ((*name).to_owned(), label)
        });
        ClusterEdit::Labels {
            object: ObjectRef::new("v1", "Namespace", "", "alice"),
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
}
