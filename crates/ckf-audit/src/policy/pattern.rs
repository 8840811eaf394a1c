//! Patterns of objects: `*` stands for any characters.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::facts::object::{Meta, ObjectRef};
use crate::views::owner::owners;

/// A value has the form of a pattern, in which `*` stands for any characters.
pub fn is_like(pattern: &str, value: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = value.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// A pattern of objects, whose parts may have `*` for any characters; absent parts match any.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectPattern {
    /// Kind.
    pub kind: Option<String>,
    /// Namespace.
    pub namespace: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// What it belongs to, for a pod: its Deployment, StatefulSet, Workflow or InferenceService.
    pub owner: Option<OwnerPattern>,
    /// Labels, for a pod.
    pub labels: BTreeMap<String, String>,
}

/// A pattern of what a pod belongs to; absent parts match any.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OwnerPattern {
    /// Kind, for example `Workflow`.
    pub kind: Option<String>,
    /// Name.
    pub name: Option<String>,
}

impl ObjectPattern {
    /// Why it can match no finding; `None` if it may match some.
    pub(super) fn never_matches(&self) -> Option<String> {
        // An empty namespace is that of objects without one.
        let texts = [("kind", &self.kind), ("name", &self.name)];
        let empty = texts.into_iter().find(|(_, text)| text.as_deref() == Some(""));
        if let Some((field, _)) = empty {
            return Some(format!("object.{field} is empty"));
        }
        let kind = self.kind.as_deref()?;
        let asks_pods = self.owner.is_some() || !self.labels.is_empty();
        if asks_pods && !is_like(kind, "Pod") {
            return Some(format!("object.owner and object.labels are of pods, not of a {kind}"));
        }
        let is_named = self.namespace.as_deref().is_some_and(|pattern| !is_like(pattern, ""));
        let has_none = is_named && CLUSTER_SCOPED.contains(&kind);
        has_none.then(|| format!("a {kind} has no namespace"))
    }

    /// Whether it matches an object, with its metadata if it is a pod.
    pub fn matches(&self, object: &ObjectRef, pod: Option<&Meta>) -> bool {
        fn fits(pattern: &Option<String>, value: &str) -> bool {
            pattern.as_deref().is_none_or(|pattern| is_like(pattern, value))
        }
        fits(&self.kind, &object.kind)
            && fits(&self.namespace, &object.namespace)
            && fits(&self.name, &object.name)
            && self.owner.as_ref().is_none_or(|owner| {
                let all = pod.map(owners).unwrap_or_default();
                all.iter().any(|o| fits(&owner.kind, &o.kind) && fits(&owner.name, &o.name))
            })
            && self.labels.iter().all(|(key, pattern)| {
                let value = pod.and_then(|pod| pod.label(key));
                value.is_some_and(|value| is_like(pattern, value))
            })
    }
}

/// Kinds of objects without namespace that findings name.
const CLUSTER_SCOPED: [&str; 8] = [
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "Profile",
    "ValidatingWebhookConfiguration",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asterisk_of_a_pattern_matches_any_characters() {
        for (pattern, value, is) in [
            ("train-*", "train-x1-impl-1", true),
            ("train-*", "retrain-x1", false),
            ("*-impl-*", "train-x1-impl-1", true),
            ("*-impl", "train-impl-1", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("exact", "exact", true),
            ("exact", "exactly", false),
            ("", "x", false),
        ] {
            assert_eq!(is_like(pattern, value), is, "{pattern} {value}");
        }
    }
}
