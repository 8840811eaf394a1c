//! Metadata and references of Kubernetes objects.

use printable::line;
use serde::{Deserialize, Serialize};

use super::labels::Labels;
use super::shared::SharedValue;
use super::text::Interned;

/// Reference to an object of the cluster.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectRef {
    /// Group and version, for example `networking.istio.io/v1`.
    pub api_version: String,
    /// Kind, for example `Gateway`.
    pub kind: String,
    /// Namespace; empty for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// RBAC names may contain any character but a slash, so line breaks are escaped.
impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = line(&self.name);
        if self.namespace.is_empty() {
            write!(f, "{} {name}", self.kind)
        } else {
            write!(f, "{} {}/{name}", self.kind, self.namespace)
        }
    }
}

/// The parts of `metadata` that controls read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// Name.
    pub name: String,
    /// Namespace; empty for cluster-scoped objects.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub namespace: Interned,
    /// Labels.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Annotations that controls read.
    #[serde(skip_serializing_if = "Annotations::is_empty")]
    pub annotations: SharedValue<Annotations>,
    /// Owners.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub owner_references: SharedValue<Box<[OwnerReference]>>,
}

/// Annotations with which the platform records owners and contributors, with which Istio dry
/// runs and pods take ports out of the mesh, and with which pods choose profiles of AppArmor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Annotations {
    /// Owner of a profile's namespace.
    pub owner: Option<Interned>,
    /// User of a binding or policy that KFAM created.
    pub user: Option<Interned>,
    /// The user's role, `admin`, `edit` or `view`.
    pub role: Option<Interned>,
    /// `true` if an AuthorizationPolicy is only tried.
    pub dry_run: Option<Interned>,
    /// Ports of a pod that its sidecar does not see.
    pub excluded_ports: Option<Interned>,
    /// The only ports of a pod that its sidecar sees; `*` for all.
    pub included_ports: Option<Interned>,
    /// How a pod's requests come to its sidecar; `NONE` if they do not.
    pub interception_mode: Option<Interned>,
    /// Profile of AppArmor by container.
    pub app_armor: Vec<(Interned, Interned)>,
}

const DRY_RUN: &str = "istio.io/dry-run";
const EXCLUDED_PORTS: &str = "traffic.sidecar.istio.io/excludeInboundPorts";
const INCLUDED_PORTS: &str = "traffic.sidecar.istio.io/includeInboundPorts";
const INTERCEPTION_MODE: &str = "sidecar.istio.io/interceptionMode";
const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

impl Serialize for Annotations {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let named = [
            ("owner", &self.owner),
            ("user", &self.user),
            ("role", &self.role),
            (DRY_RUN, &self.dry_run),
            (EXCLUDED_PORTS, &self.excluded_ports),
            (INCLUDED_PORTS, &self.included_ports),
            (INTERCEPTION_MODE, &self.interception_mode),
        ];
        let named = named
            .into_iter()
            .filter_map(|(key, value)| value.as_ref().map(|value| (key.to_owned(), value)));
        let profiles = self.app_armor.iter();
        let profiles =
            profiles.map(|(container, value)| (format!("{APP_ARMOR}{container}"), value));
        serializer.collect_map(named.chain(profiles))
    }
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> serde::de::Visitor<'de> for Map {
            type Value = Annotations;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of annotations")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Annotations, A::Error> {
                let mut all = Annotations::default();
                while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
                    match (&*key, key.strip_prefix(APP_ARMOR)) {
                        ("owner", _) => all.owner = map.next_value()?,
                        ("user", _) => all.user = map.next_value()?,
                        ("role", _) => all.role = map.next_value()?,
                        (DRY_RUN, _) => all.dry_run = map.next_value()?,
                        (EXCLUDED_PORTS, _) => all.excluded_ports = map.next_value()?,
                        (INCLUDED_PORTS, _) => all.included_ports = map.next_value()?,
                        (INTERCEPTION_MODE, _) => all.interception_mode = map.next_value()?,
                        (_, Some(container)) => {
                            all.app_armor.push((container.into(), map.next_value()?));
                        }
                        _ => {
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                all.app_armor.sort_unstable();
                Ok(all)
            }
        }
        deserializer.deserialize_map(Map)
    }
}

impl Annotations {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The owner of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerReference {
    /// Group and version.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub api_version: Interned,
    /// Kind.
    pub kind: Interned,
    /// Name.
    pub name: Interned,
    /// UID, for Profiles only; that of other owners is dropped to save memory.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub uid: Interned,
}

impl<'de> Deserialize<'de> for OwnerReference {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Wire {
            api_version: Interned,
            kind: Interned,
            name: Interned,
            uid: String,
        }
        let Wire { api_version, kind, name, uid } = Wire::deserialize(deserializer)?;
        let uid = match kind == "Profile" {
            true => Interned::from(&*uid),
            false => Interned::default(),
        };
        Ok(Self { api_version, kind, name, uid })
    }
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

    /// Metadata of the object.
    fn meta(&self) -> &Meta;

    /// Reference to the object, as findings print it.
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
        impl $crate::object::Object for $type {
            const API_VERSION: &'static str = $api_version;
            const KIND: &'static str = $kind;

            fn meta(&self) -> &$crate::object::Meta {
                &self.metadata
            }
        }
    };
}
pub(crate) use object;
