//! Objects of our own: their kinds, their labels, and what differs from what they should be.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::record::{Reading, Record, RecordKey};
use super::{Remedy, diff};
use crate::facts::object::ObjectRef;
use crate::facts::path::{ApiPath, PathError};

/// Where objects of a kind are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In the platform's namespace.
    Platform,
    /// In any namespace.
    Everywhere,
}

/// A kind of which we make objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnKind {
    /// Group and version.
    pub api_version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Its name in a path.
    pub plural: &'static str,
    /// Where they are.
    pub scope: Scope,
    /// The field that tells what is wanted.
    pub content: &'static str,
}

pub(super) const ENVOY_FILTER: OwnKind = OwnKind {
    api_version: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    plural: "envoyfilters",
    scope: Scope::Platform,
    content: "spec",
};
pub(super) const GATEWAY: OwnKind = OwnKind {
    api_version: "networking.istio.io/v1beta1",
    kind: "Gateway",
    plural: "gateways",
    scope: Scope::Platform,
    content: "spec",
};
pub(super) const NETWORK_POLICY: OwnKind = OwnKind {
    api_version: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    plural: "networkpolicies",
    scope: Scope::Everywhere,
    content: "spec",
};
pub(super) const PEER_AUTHENTICATION: OwnKind = OwnKind {
    api_version: "security.istio.io/v1beta1",
    kind: "PeerAuthentication",
    plural: "peerauthentications",
    scope: Scope::Everywhere,
    content: "spec",
};
/// What stood before an edit is kept in these.
pub(super) const RECORD: OwnKind = OwnKind {
    api_version: "v1",
    kind: "ConfigMap",
    plural: "configmaps",
    scope: Scope::Platform,
    content: "data",
};

/// All of them.
pub const OWN_KINDS: [OwnKind; 5] =
    [ENVOY_FILTER, GATEWAY, NETWORK_POLICY, PEER_AUTHENTICATION, RECORD];

impl OwnKind {
    /// Whether a change of such an object changes what is enforced.
    pub fn is_enforced(self) -> bool {
        self != RECORD
    }

    /// Whether the remedies of TLS make such objects.
    pub fn is_of_tls(self) -> bool {
        [ENVOY_FILTER, GATEWAY].contains(&self)
    }

    /// The path of all in a namespace; of all, without one.
    pub fn path(self, namespace: Option<&str>) -> Result<ApiPath, PathError> {
        ApiPath::all(self.api_version, namespace.unwrap_or_default(), self.plural)
    }
}

/// Label of every object of ours, and its value.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "ckf-hardening");
/// Label that names the remedy that an object is of.
const REMEDY: &str = "ckf-hardening/remedy";
/// Label of an object that the charm keeps, and removes when it is not wanted any more.
const KEPT: &str = "ckf-hardening/kept";
/// Label that names the platform's namespace: another platform of the cluster may have a
/// charm of its own.
const PLATFORM: &str = "ckf-hardening/platform";

/// An object of ours that a remedy wants.
pub(super) struct Wanted {
    pub(super) kind: OwnKind,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) content: Value,
}

/// An object of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnObject {
    /// Its kind.
    pub kind: OwnKind,
    /// As it is to be; as it is, if it is to go.
    pub object: Value,
}

impl OwnObject {
    /// One that was read; `None` if it is of a kind that we make none of.
    pub(super) fn read(object: &Value) -> Option<Self> {
        let kind = OWN_KINDS.into_iter().find(|kind| object["kind"] == kind.kind)?;
        Some(Self { kind, object: object.clone() })
    }

    /// Its manifest.
    pub(super) fn new(wanted: &Wanted, platform: &str, remedy: Remedy, kept: bool) -> Self {
        let object = json!({
            "apiVersion": wanted.kind.api_version,
            "kind": wanted.kind.kind,
            "metadata": {
                "name": wanted.name,
                "namespace": wanted.namespace,
                "labels": {
                    MANAGED_BY.0: MANAGED_BY.1,
                    REMEDY: remedy.name(),
                    KEPT: kept.to_string(),
                    PLATFORM: platform,
                },
            },
            wanted.kind.content: wanted.content,
        });
        Self { kind: wanted.kind, object }
    }

    /// The object.
    pub fn reference(&self) -> ObjectRef {
        let text = |field: &str| self.object["metadata"][field].as_str();
        ObjectRef {
            api_version: self.kind.api_version.into(),
            kind: self.kind.kind.into(),
            namespace: text("namespace").unwrap_or_default().into(),
            name: text("name").unwrap_or_default().into(),
        }
    }

    /// Its path.
    pub fn path(&self) -> Result<ApiPath, PathError> {
        let object = self.reference();
        self.kind.path(Some(&object.namespace))?.join(&object.name)
    }

    /// The bytes of what it holds.
    pub(super) fn size(&self) -> usize {
        let fields = ["data", "binaryData"].into_iter();
        let values = fields.filter_map(|field| self.object[field].as_object());
        let texts = values.flat_map(|map| map.values().filter_map(Value::as_str));
        texts.map(str::len).sum()
    }

    /// Its uid, if it was read.
    pub fn uid(&self) -> Option<&str> {
        self.object["metadata"]["uid"].as_str()
    }

    /// The remedy that its label names.
    pub fn remedy(&self) -> Option<Remedy> {
        remedy_of(&self.object)
    }
}

/// What is there of ours. Labels alone make nothing ours: whoever may write may write them too.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Own {
    /// Objects under the names that their remedies make.
    pub objects: Vec<Value>,
    /// Records that verify, of edits within the bounds of their remedies.
    pub records: Vec<Record>,
    /// Records whose edit has not begun.
    pub pending: Vec<Value>,
    /// What carries our labels beside that, and is left alone.
    pub ignored: Vec<String>,
}

impl Own {
    /// Takes apart what carries our labels for a platform, by the key of its records.
    pub fn of(objects: Vec<Value>, platform: &str, key: Option<&RecordKey>) -> Self {
        let mut own = Self::default();
        for object in objects {
            let Some(read) = OwnObject::read(&object) else {
                continue;
            };
            let name = read.reference();
            let ignored = |why: &str| format!("{name} carries labels of this charm, but {why}");
            if read.kind == RECORD {
                match Reading::of(&object, key) {
                    Reading::Signed(record)
                        if record.remedy.may_edit(&record.entry.edit, platform) =>
                    {
                        own.records.push(*record);
                    }
                    Reading::Signed(_) => {
                        own.ignored.push(ignored("its remedy may not edit what it records"));
                    }
                    Reading::Pending => own.pending.push(object),
                    Reading::Refused(why) => own.ignored.push(ignored(why)),
                }
                continue;
            }
            let makes =
                |remedy: &Remedy| remedy.makes(read.kind, &name.namespace, &name.name, platform);
            if read.remedy().as_ref().is_some_and(makes) {
                own.objects.push(object);
            } else if !Remedy::ALL.iter().any(makes) {
                own.ignored.push(ignored("no remedy makes an object of that name"));
            }
            // One of our names without our labels is made ours as it is applied.
        }
        own
    }
}

/// The remedy that an object of ours is of.
pub(super) fn remedy_of(object: &Value) -> Option<Remedy> {
    object["metadata"]["labels"][REMEDY].as_str()?.parse().ok()
}

/// Whether the charm keeps it.
pub(super) fn is_kept(object: &Value) -> bool {
    kept_of(object) == Some(true)
}

/// The same, where there is such a label.
pub(super) fn kept_of(object: &Value) -> Option<bool> {
    object["metadata"]["labels"][KEPT].as_str()?.parse().ok()
}

/// Whether it was applied under our name as the field manager, as all that we make is.
pub(super) fn is_applied_by_us(object: &Value) -> bool {
    let entries = object["metadata"]["managedFields"].as_array();
    let mut entries = entries.into_iter().flatten();
    entries.any(|entry| entry["manager"] == MANAGED_BY.1)
}

/// Whether it is of this platform; one of before there was such a label is by its namespace.
pub fn is_of_platform(object: &Value, platform: &str) -> bool {
    match object["metadata"]["labels"][PLATFORM].as_str() {
        Some(name) => name == platform,
        None => object["metadata"]["namespace"] == platform,
    }
}

/// What differs between an object of ours as it is and as it should be.
pub fn differences(present: &Value, wanted: &OwnObject) -> Vec<String> {
    let (field, wanted) = (wanted.kind.content, &wanted.object);
    let mut lines = diff::lines(field, &present[field], &wanted[field]);
    let (is, be) = (&present["metadata"]["labels"], &wanted["metadata"]["labels"]);
    for (label, value) in be.as_object().into_iter().flatten() {
        let path = format!("metadata.labels.{label}");
        lines.extend(diff::lines(&path, &is[label], value));
    }
    lines
}

/// Managers of an object beside us.
pub(super) fn foreign_managers(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array();
    let names = entries.into_iter().flatten().filter_map(|entry| entry["manager"].as_str());
    let foreign: BTreeSet<&str> = names.filter(|name| *name != MANAGED_BY.1).collect();
    foreign.into_iter().map(str::to_owned).collect()
}
