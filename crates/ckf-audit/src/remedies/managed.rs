//! Managed objects: kinds, labels, ownership and drift.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::diff;
use super::remedy::Remedy;
use crate::facts::object::ObjectRef;
use crate::facts::path::{ApiPath, PathError};

/// Namespaces in which objects of a kind are created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The platform's namespace.
    Platform,
    /// Any namespace.
    Everywhere,
}

/// A kind of managed object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManagedKind {
    /// `GROUP/VERSION`.
    pub api_version: &'static str,
    /// Kind, as in a manifest.
    pub kind: &'static str,
    /// Plural name, as in an API path.
    pub plural: &'static str,
    /// Namespaces in which it is created.
    pub scope: Scope,
    /// Field that carries the desired state, for example `spec`.
    pub content: &'static str,
}

pub(super) const ENVOY_FILTER: ManagedKind = ManagedKind {
    api_version: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    plural: "envoyfilters",
    scope: Scope::Platform,
    content: "spec",
};
pub(super) const GATEWAY: ManagedKind = ManagedKind {
    api_version: "networking.istio.io/v1beta1",
    kind: "Gateway",
    plural: "gateways",
    scope: Scope::Platform,
    content: "spec",
};
pub(super) const NETWORK_POLICY: ManagedKind = ManagedKind {
    api_version: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    plural: "networkpolicies",
    scope: Scope::Everywhere,
    content: "spec",
};
pub(super) const PEER_AUTHENTICATION: ManagedKind = ManagedKind {
    api_version: "security.istio.io/v1beta1",
    kind: "PeerAuthentication",
    plural: "peerauthentications",
    scope: Scope::Everywhere,
    content: "spec",
};
pub(super) const AUTHORIZATION_POLICY: ManagedKind = ManagedKind {
    api_version: "security.istio.io/v1beta1",
    kind: "AuthorizationPolicy",
    plural: "authorizationpolicies",
    scope: Scope::Everywhere,
    content: "spec",
};
/// Records of edits, with the previous state.
pub(super) const RECORD: ManagedKind = ManagedKind {
    api_version: "v1",
    kind: "ConfigMap",
    plural: "configmaps",
    scope: Scope::Platform,
    content: "data",
};

/// All managed kinds.
pub const MANAGED_KINDS: [ManagedKind; 6] =
    [ENVOY_FILTER, GATEWAY, NETWORK_POLICY, PEER_AUTHENTICATION, AUTHORIZATION_POLICY, RECORD];

impl ManagedKind {
    /// Objects of this kind take effect in the cluster, unlike records.
    pub fn is_enforced(self) -> bool {
        self != RECORD
    }

    /// The TLS remedies create objects of this kind.
    pub fn is_of_tls(self) -> bool {
        [ENVOY_FILTER, GATEWAY].contains(&self)
    }

    /// Path of the list in a namespace, or across namespaces without one.
    pub fn path(self, namespace: Option<&str>) -> Result<ApiPath, PathError> {
        ApiPath::all(self.api_version, namespace.unwrap_or_default(), self.plural)
    }
}

/// Label of every managed object, and its value.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "ckf-hardening");
/// Label that names the remedy of an object.
const REMEDY: &str = "ckf-hardening/remedy";
/// Label of an object that the charm enforces, and deletes once it is no longer desired.
const KEPT: &str = "ckf-hardening/kept";
/// Label that names the platform's namespace: another platform in the cluster may have its
/// own charm.
const PLATFORM: &str = "ckf-hardening/platform";

/// A managed object in a remedy's desired state.
pub(super) struct DesiredObject {
    pub(super) kind: ManagedKind,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) content: Value,
}

/// A managed object.
#[derive(Clone, Debug, PartialEq)]
pub struct ManagedObject {
    /// Which of the managed kinds.
    pub kind: ManagedKind,
    /// Manifest: the desired one, or the current one if it is to be deleted.
    pub object: Value,
}

impl ManagedObject {
    /// From an object that was read; `None` if its kind is not managed.
    pub(super) fn read(object: &Value) -> Option<Self> {
        let kind = MANAGED_KINDS.into_iter().find(|kind| object["kind"] == kind.kind)?;
        Some(Self { kind, object: object.clone() })
    }

    /// With the manifest of a desired object.
    pub(super) fn new(desired: &DesiredObject, platform: &str, remedy: Remedy, kept: bool) -> Self {
        let object = json!({
            "apiVersion": desired.kind.api_version,
            "kind": desired.kind.kind,
            "metadata": {
                "name": desired.name,
                "namespace": desired.namespace,
                "labels": {
                    MANAGED_BY.0: MANAGED_BY.1,
                    REMEDY: remedy.name(),
                    KEPT: kept.to_string(),
                    PLATFORM: platform,
                },
            },
            desired.kind.content: desired.content,
        });
        Self { kind: desired.kind, object }
    }

    /// Reference to the object.
    pub fn reference(&self) -> ObjectRef {
        let text = |field: &str| self.object["metadata"][field].as_str();
        ObjectRef::new(
            self.kind.api_version,
            self.kind.kind,
            text("namespace").unwrap_or_default(),
            text("name").unwrap_or_default(),
        )
    }

    /// API path of the object.
    pub fn path(&self) -> Result<ApiPath, PathError> {
        let object = self.reference();
        self.kind.path(Some(&object.namespace))?.join(&object.name)
    }

    /// Size of its data in bytes.
    pub(super) fn size(&self) -> usize {
        let fields = ["data", "binaryData"].into_iter();
        let values = fields.filter_map(|field| self.object[field].as_object());
        let texts = values.flat_map(|map| map.values().filter_map(Value::as_str));
        texts.map(str::len).sum()
    }

    /// Uid, if it was read from the cluster.
    pub fn uid(&self) -> Option<&str> {
        self.object["metadata"]["uid"].as_str()
    }

    /// The remedy in its label.
    pub fn remedy(&self) -> Option<Remedy> {
        remedy_of(&self.object)
    }
}

/// Remedy of a managed object.
pub(super) fn remedy_of(object: &Value) -> Option<Remedy> {
    object["metadata"]["labels"][REMEDY].as_str()?.parse().ok()
}

/// The object is labelled as enforced by the charm.
pub(super) fn is_kept(object: &Value) -> bool {
    kept_of(object) == Some(true)
}

/// Value of that label; `None` without a valid one.
pub(super) fn kept_of(object: &Value) -> Option<bool> {
    object["metadata"]["labels"][KEPT].as_str()?.parse().ok()
}

/// It was applied by the field manager `ckf-hardening`, as every managed object is.
pub(super) fn is_applied_by_us(object: &Value) -> bool {
    let entries = object["metadata"]["managedFields"].as_array();
    let mut entries = entries.into_iter().flatten();
    entries.any(|entry| entry["manager"] == MANAGED_BY.1)
}

/// It belongs to this platform; without the label, which early versions did not set, its
/// namespace decides.
pub fn is_of_platform(object: &Value, platform: &str) -> bool {
    match object["metadata"]["labels"][PLATFORM].as_str() {
        Some(name) => name == platform,
        None => object["metadata"]["namespace"] == platform,
    }
}

/// Differences between the current and the desired state of a managed object.
pub fn differences(present: &Value, desired: &ManagedObject) -> Vec<String> {
    let (field, desired) = (desired.kind.content, &desired.object);
    let mut lines = diff::lines(field, &present[field], &desired[field]);
    let (is, be) = (&present["metadata"]["labels"], &desired["metadata"]["labels"]);
    for (label, value) in be.as_object().into_iter().flatten() {
        let path = format!("metadata.labels.{label}");
        lines.extend(diff::lines(&path, &is[label], value));
    }
    lines
}

/// Field managers of an object other than the charm.
pub(super) fn foreign_managers(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array();
    let names = entries.into_iter().flatten().filter_map(|entry| entry["manager"].as_str());
    let foreign: BTreeSet<&str> = names.filter(|name| *name != MANAGED_BY.1).collect();
    foreign.into_iter().map(str::to_owned).collect()
}
