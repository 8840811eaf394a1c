//! Allow-lists: objects allowed in addition to those of the release.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::pattern::{OwnerPattern, is_like};
use crate::facts::object::{Meta, Object};
use crate::views::owner::owners;

/// Allow-lists, by kind. Entries of objects are `NAMESPACE/NAME` or `NAME`, with `*` for any
/// characters, or patterns of objects.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Allow {
    /// EnvoyFilters that may apply to the ingress gateway.
    pub envoyfilters: Vec<Allowed>,
    /// Role bindings allowed in profiles.
    pub rolebindings: Vec<Allowed>,
    /// Cluster roles that may aggregate to Kubeflow's.
    pub clusterroles: Vec<Allowed>,
    /// VirtualServices allowed on the gateway.
    pub virtualservices: Vec<Allowed>,
    /// Services that may be exposed outside the cluster.
    pub services: Vec<Allowed>,
    /// Pods that may be privileged; a name is a prefix.
    pub pods: Vec<Allowed>,
    /// Juju users that may have superuser access.
    pub superusers: Vec<String>,
    /// Juju users that may have admin access to the platform's model.
    pub model_admins: Vec<String>,
    /// Registries or repositories that images may be pulled from.
    pub registries: Vec<String>,
}

/// An entry of an allow-list.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum Allowed {
    /// `NAMESPACE/NAME` or `NAME`.
    Name(String),
    /// A pattern.
    Object(AllowedObject),
}

/// A pattern of objects of a list, whose parts may have `*` for any characters; absent parts match
/// any.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AllowedObject {
    /// Namespace.
    pub namespace: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// What it belongs to, for example an InferenceService.
    pub owner: Option<OwnerPattern>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for Allowed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entry;
        impl<'de> Visitor<'de> for Entry {
            type Value = Allowed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("NAME, NAMESPACE/NAME, or a map with namespace, name, owner, labels")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Allowed, E> {
                Ok(Allowed::Name(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Allowed, A::Error> {
                AllowedObject::deserialize(MapAccessDeserializer::new(map)).map(Allowed::Object)
            }
        }
        deserializer.deserialize_any(Entry)
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Object(object) => object.fmt(f),
        }
    }
}

impl fmt::Display for AllowedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = self.owner.as_ref();
        let parts = [
            ("namespace", self.namespace.as_deref()),
            ("name", self.name.as_deref()),
            ("owner.kind", owner.and_then(|owner| owner.kind.as_deref())),
            ("owner.name", owner.and_then(|owner| owner.name.as_deref())),
        ];
        let parts =
            parts.into_iter().filter_map(|(part, value)| Some(format!("{part}: {}", value?)));
        let labels = self.labels.iter().map(|(key, value)| format!("labels.{key}: {value}"));
        let all: Vec<String> = parts.chain(labels).collect();
        write!(f, "{{{}}}", all.join(", "))
    }
}

impl Allowed {
    /// Whether it allows an object.
    pub fn allows(&self, meta: &Meta) -> bool {
        self.allows_name(meta, is_like)
    }

    /// The same, where a name is a prefix.
    pub fn allows_prefix(&self, meta: &Meta) -> bool {
        self.allows_name(meta, |prefix, name| is_like(&format!("{prefix}*"), name))
    }

    fn allows_name(&self, meta: &Meta, is_name: impl Fn(&str, &str) -> bool) -> bool {
        match self {
            Self::Name(entry) => match entry.split_once('/') {
                Some((namespace, name)) => {
                    is_like(namespace, &meta.namespace) && is_name(name, &meta.name)
                }
                None => is_name(entry, &meta.name),
            },
            Self::Object(object) => object.matches(meta),
        }
    }

    /// Why it allows everything or nothing; `None` if it allows something.
    fn problem(&self, is_prefix: bool, kind: Option<&str>) -> Option<String> {
        let all = || "it allows everything".to_owned();
        let no_namespace = |kind: &str| format!("it matches nothing: a {kind} has no namespace");
        match self {
            Self::Name(entry) => {
                let parts = if is_prefix { 1 } else { usize::MAX };
                let mut named = entry.split('/').take(parts);
                if named.any(|part| part.trim().is_empty()) {
                    return Some("a part is empty; expected NAME or NAMESPACE/NAME".into());
                }
                let is_open =
                    !is_prefix && entry.split('/').all(|part| part.trim_matches('*').is_empty());
                let is_spaced = entry.contains('/').then_some(kind).flatten();
                is_open.then(all).or_else(|| is_spaced.map(no_namespace))
            }
            Self::Object(object) => {
                let owner = object.owner.iter().flat_map(|owner| [&owner.kind, &owner.name]);
                let texts: Vec<&str> = [&object.namespace, &object.name]
                    .into_iter()
                    .chain(owner)
                    .filter_map(|text| text.as_deref())
                    .chain(object.labels.values().map(String::as_str))
                    .collect();
                if texts.iter().any(|text| text.trim().is_empty()) {
                    return Some("a part is empty, which matches nothing".into());
                }
                if object.labels.is_empty() && texts.iter().all(|t| t.trim_matches('*').is_empty())
                {
                    return Some(all());
                }
                object.namespace.as_ref().and(kind).map(no_namespace)
            }
        }
    }
}

impl AllowedObject {
    fn matches(&self, meta: &Meta) -> bool {
        let fits = |pattern: &Option<String>, value: &str| {
            pattern.as_deref().is_none_or(|pattern| is_like(pattern, value))
        };
        fits(&self.namespace, &meta.namespace)
            && fits(&self.name, &meta.name)
            && self.owner.as_ref().is_none_or(|owner| {
                owners(meta)
                    .iter()
                    .any(|o| fits(&owner.kind, &o.kind) && fits(&owner.name, &o.name))
            })
            && self
                .labels
                .iter()
                .all(|(key, pattern)| meta.label(key).is_some_and(|value| is_like(pattern, value)))
    }
}

/// Whether a list allows an object.
pub fn allowed<T: Object>(list: &[Allowed], object: &T) -> bool {
    list.iter().any(|entry| entry.allows(object.meta()))
}

impl Allow {
    /// Removes entries that would allow everything or nothing, and says why.
    pub(super) fn take_invalid(&mut self) -> Vec<String> {
        let mut problems = Vec::new();
        for (list, entries, kind) in [
            ("envoyfilters", &mut self.envoyfilters, None),
            ("rolebindings", &mut self.rolebindings, None),
            ("clusterroles", &mut self.clusterroles, Some("ClusterRole")),
            ("virtualservices", &mut self.virtualservices, None),
            ("services", &mut self.services, None),
            ("pods", &mut self.pods, None),
        ] {
            entries.retain(|entry| {
                let why = entry.problem(list == "pods", kind);
                let text = entry.to_string();
                problems.extend(why.as_ref().map(|why| format!("allow: {list}: {text:?}: {why}")));
                why.is_none()
            });
        }
        for (list, entries) in [
            ("superusers", &mut self.superusers),
            ("model-admins", &mut self.model_admins),
            ("registries", &mut self.registries),
        ] {
            entries.retain(|entry| {
                let first = entry.split('/').next().unwrap_or_default();
                let is_name = !first.trim().is_empty() && !entry.contains('*');
                if !is_name {
                    problems.push(format!("allow: {list}: {entry:?} is no name"));
                }
                is_name
            });
        }
        problems
    }
}
