//! The ambient mesh's data plane: which pods are in it, and the waypoints before Services.
//!
//! Source: Istio's documentation of ambient mode: labels of a pod or Service go before those of its
//! namespace, and a waypoint that does not exist guards nothing.

use std::collections::BTreeMap;

use super::{Context, MissingFact};
use crate::facts::istio::AmbientGateway;
use crate::facts::labels::Labels;
use crate::facts::object::Meta;

/// Label of a namespace or pod in the mesh, and of one that is kept out of it.
pub(crate) const DATA_PLANE: &str = "istio.io/dataplane-mode";
/// Label by which requests to a namespace's or a Service's workloads go through a waypoint.
pub(crate) const USE_WAYPOINT: &str = "istio.io/use-waypoint";
const WAYPOINT_NAMESPACE: &str = "istio.io/use-waypoint-namespace";
/// Class of Gateways that are waypoints.
pub(crate) const WAYPOINT_CLASS: &str = "istio-waypoint";

/// A waypoint, by namespace and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waypoint<'a> {
    /// Namespace of its Gateway.
    pub namespace: &'a str,
    /// Name of its Gateway.
    pub name: &'a str,
}

/// The waypoint that labels of a namespace or Service name, whether or not it exists; `Some(None)`
/// if they refuse that of the namespace.
fn named<'a>(namespace: &'a str, labels: &'a Labels) -> Option<Option<Waypoint<'a>>> {
    let name: &str = labels.get(USE_WAYPOINT)?;
    let of = labels.get(WAYPOINT_NAMESPACE).map_or(namespace, |of| of);
    Some((name != "none").then_some(Waypoint { namespace: of, name }))
}

/// The ambient mesh, by namespace.
pub struct Ambient<'a> {
    labels: BTreeMap<&'a str, &'a Labels>,
    waypoints: Vec<&'a AmbientGateway>,
}

impl<'a> Ambient<'a> {
    /// That of a platform.
    pub fn of(context: &Context<'a>) -> Result<Self, MissingFact> {
        let labels = context.namespaces()?.iter();
        let labels = labels.map(|of| (of.metadata.name.as_str(), &of.metadata.labels)).collect();
        let all = context.ambient_gateways()?.iter();
        let waypoints = all.filter(|gateway| gateway.spec.gateway_class_name == *WAYPOINT_CLASS);
        Ok(Self { labels, waypoints: waypoints.collect() })
    }

    /// Whether pods of a namespace are in the mesh, unless their own labels say otherwise.
    pub fn has_namespace(&self, namespace: &str) -> bool {
        let labels = self.labels.get(namespace);
        labels.and_then(|labels| labels.get(DATA_PLANE)).is_some_and(|mode| **mode == *"ambient")
    }

    /// Whether a pod is in the mesh.
    pub fn has(&self, pod: &Meta) -> bool {
        self.takes(&pod.namespace, &pod.labels)
    }

    /// Whether a pod of a namespace with these labels is in the mesh.
    pub fn takes(&self, namespace: &str, labels: &Labels) -> bool {
        match labels.get(DATA_PLANE) {
            Some(mode) => **mode == *"ambient",
            None => self.has_namespace(namespace),
        }
    }

    /// The waypoint of a namespace, if it exists.
    pub fn waypoint(&self, namespace: &str) -> Option<Waypoint<'a>> {
        let (name, labels) = self.labels.get_key_value(namespace)?;
        named(name, labels).flatten().filter(|waypoint| self.exists(*waypoint))
    }

    /// The waypoint before a Service, if it exists.
    pub fn before<'s>(&self, service: &'s Meta) -> Option<Waypoint<'s>>
    where
        'a: 's,
    {
        let named = match named(&service.namespace, &service.labels) {
            Some(own) => own,
            None => self.waypoint(&service.namespace),
        };
        named.filter(|waypoint| self.exists(*waypoint))
    }

    fn exists(&self, waypoint: Waypoint<'_>) -> bool {
        self.waypoints.iter().any(|gateway| {
            gateway.metadata.name == *waypoint.name
                && gateway.metadata.namespace == *waypoint.namespace
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::facts::Facts;
    use crate::facts::known::{Known, Listed};
    use crate::policy::Policy;

    fn listed<T: serde::de::DeserializeOwned>(items: Value) -> Known<Listed<T>> {
        let items = serde_json::from_value(items).unwrap();
        Known::Known(Listed { items, ..Listed::default() })
    }

    #[test]
    fn labels_of_a_pod_or_service_go_before_those_of_its_namespace() {
        let team = json!({DATA_PLANE: "ambient", USE_WAYPOINT: "waypoint"});
        let facts = Facts {
            namespaces: listed(json!([{"metadata": {"name": "team-a", "labels": team}},
                {"metadata": {"name": "kubeflow"}}])),
            ambient_gateways: listed(json!([
                {"metadata": {"namespace": "team-a", "name": "waypoint"}, "spec": {"gatewayClassName": "istio-waypoint"}},
                {"metadata": {"namespace": "kubeflow", "name": "shared"}, "spec": {"gatewayClassName": "istio-waypoint"}},
                {"metadata": {"namespace": "kubeflow", "name": "ingress"}, "spec": {"gatewayClassName": "istio"}}])),
            ..Facts::default()
        };
        let policy = Policy::default();
        let context = Context::new(&facts, &policy, None);
        let Ok(ambient) = Ambient::of(&context) else { panic!("it is known") };
        let meta = |namespace: &str, labels: Value| -> Meta {
            serde_json::from_value(json!({"name": "x", "namespace": namespace, "labels": labels}))
                .unwrap()
        };
        for (namespace, labels, is_in, before) in [
            ("team-a", json!({}), true, Some("waypoint")),
            ("team-a", json!({DATA_PLANE: "none", USE_WAYPOINT: "none"}), false, None),
            ("team-a", json!({USE_WAYPOINT: "gone"}), true, None),
            ("kubeflow", json!({}), false, None),
            (
                "kubeflow",
                json!({DATA_PLANE: "ambient", USE_WAYPOINT: "shared"}),
                true,
                Some("shared"),
            ),
            ("kubeflow", json!({USE_WAYPOINT: "ingress"}), false, None),
            (
                "team-a",
                json!({USE_WAYPOINT: "shared", WAYPOINT_NAMESPACE: "kubeflow"}),
                true,
                Some("shared"),
            ),
        ] {
            let meta = meta(namespace, labels.clone());
            assert_eq!(ambient.has(&meta), is_in, "{namespace} {labels}");
            assert_eq!(ambient.before(&meta).map(|of| of.name), before, "{namespace} {labels}");
        }
    }
}
