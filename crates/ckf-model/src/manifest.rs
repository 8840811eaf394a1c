//! Parses objects from JSON one by one, so that an invalid object does not affect the others.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::compliance::ClusterComplianceReport;
use super::gateway_attachments::{ListenerSet, ReferenceGrant, XListenerSet};
use super::gateway_routes::{GrpcRoute, TcpRoute, TlsRoute};
use super::ingress::{DomainMapping, Ingress, IngressClass};
use super::knative::{KnativeEventing, KnativeServing};
use super::known::{Known, Listed, Unread};
use super::object::{Object, ObjectRef};
use super::traffic::{DestinationRule, ServiceEntry, Sidecar, WasmPlugin};
use super::velero::{VeleroBackup, VeleroSchedule};
use super::vulnerability::VulnerabilityReport;
use super::{About, Facts, with_kinds};
use super::{core::*, istio::*, rbac::*, secret::Secret};

/// Parses an object and adds it or, if it is invalid, the error.
pub fn parse_item<W, T>(json: &str, listed: &mut Listed<T>)
where
    W: DeserializeOwned,
    T: From<W> + Object,
{
    match serde_json::from_str::<W>(json).or_else(|error| without_nulls(json, error)) {
        Ok(wire) => listed.items.push(wire.into()),
        Err(error) => {
            listed.unread.push(Unread { object: name_of::<T>(json), error: error.to_string() })
        }
    }
}

/// Go writes an empty list or map as null where its type has no `omitempty`, and Kubernetes
/// reads null as absent. Few objects have nulls, so they are stripped only after a parse error.
fn without_nulls<W: DeserializeOwned>(
    json: &str,
    error: serde_json::Error,
) -> Result<W, serde_json::Error> {
    let Ok(mut value) = serde_json::from_str::<Value>(json) else {
        return Err(error);
    };
    strip(&mut value);
    serde_json::from_value(value).map_err(|_| error)
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, v| !v.is_null());
            map.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        _ => {}
    }
}

fn name_of<T: Object>(json: &str) -> ObjectRef {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Named {
        metadata: Name,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Name {
        name: String,
        namespace: String,
    }
    let named: Named = serde_json::from_str(json).unwrap_or_default();
    ObjectRef {
        api_version: T::API_VERSION.into(),
        kind: T::KIND.into(),
        namespace: named.metadata.namespace,
        name: named.metadata.name,
    }
}

impl Facts {
    /// Facts of a cluster with exactly these objects, in the API server's format. Version and
    /// permissions remain unknown.
    pub fn from_objects(about: About, objects: &[Value]) -> Self {
        let mut facts = Self { about, ..Self::default() };
        macro_rules! take {
            ($($(#[$meta:meta])* $field:ident: $type:ty => $group:literal [$($version:literal)+] $plural:literal $(via $wire:ty)?;)*) => {
                $(facts.$field = Known::Known(take!(@one objects, $group, $type $(, $wire)?));)*
            };
            (@one $objects:ident, $group:literal, $type:ty) => {
                of_kind::<$type, $type>($objects, $group)
            };
            (@one $objects:ident, $group:literal, $type:ty, $wire:ty) => {
                of_kind::<$wire, $type>($objects, $group)
            };
        }
        with_kinds!(take);
        facts.all_config_maps = Known::Known(true);
        facts
    }
}

fn of_kind<W, T>(objects: &[Value], group: &str) -> Listed<T>
where
    W: DeserializeOwned,
    T: From<W> + Object,
{
    let mut listed = Listed::default();
    for object in objects {
        let version = object["apiVersion"].as_str().unwrap_or_default();
        let of_group = version.rsplit_once('/').map_or("", |(group, _)| group);
        if object["kind"] == T::KIND && of_group == group {
            parse_item::<W, T>(&object.to_string(), &mut listed);
        }
    }
    listed.items.sort_by(|a, b| {
        let (a, b) = (a.meta(), b.meta());
        (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name))
    });
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_read_as_absent() {
        let mut roles = Listed::<ClusterRole>::default();
        let json = r#"{"metadata":{"name":"admin","labels":null},"rules":null}"#;
        parse_item::<ClusterRole, _>(json, &mut roles);
        assert_eq!(roles.unread, []);
        assert!(roles.items[0].rules.is_empty());
    }

    #[test]
    fn invalid_object_is_reported_and_others_are_parsed() {
        let mut roles = Listed::<ClusterRole>::default();
        parse_item::<ClusterRole, _>(r#"{"metadata":{"name":"odd"},"rules":7}"#, &mut roles);
        parse_item::<ClusterRole, _>(r#"{"metadata":{"name":"even"},"rules":[]}"#, &mut roles);
        assert_eq!(roles.unread[0].object.to_string(), "ClusterRole odd");
        assert!(
            roles.unread[0].error.contains("invalid type: integer"),
            "{}",
            roles.unread[0].error
        );
        assert_eq!(roles.items.len(), 1);
    }
}
