//! Definitions of the network policies that Cilium and Kubernetes' Network Policy API bring.

use serde_json::{Value, json};

use crate::object;

/// Group, version, scope, kind and resource.
const KINDS: [(&str, &str, &str, &str, &str); 5] = [
    ("cilium.io", "v2", "Namespaced", "CiliumNetworkPolicy", "ciliumnetworkpolicies"),
    (
        "cilium.io",
        "v2",
        "Cluster",
        "CiliumClusterwideNetworkPolicy",
        "ciliumclusterwidenetworkpolicies",
    ),
    (ADMIN, "v1alpha1", "Cluster", "AdminNetworkPolicy", "adminnetworkpolicies"),
    (ADMIN, "v1alpha1", "Cluster", "BaselineAdminNetworkPolicy", "baselineadminnetworkpolicies"),
    (ADMIN, "v1alpha2", "Cluster", "ClusterNetworkPolicy", "clusternetworkpolicies"),
];

const ADMIN: &str = "policy.networking.k8s.io";

/// The definitions, without schemas.
pub(crate) fn definitions() -> Vec<Value> {
    let of = |(group, version, scope, kind, plural): (&str, &str, &str, &str, &str)| {
        let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
        let spec = json!({"group": group, "scope": scope,
            "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": plural,
                "singular": kind.to_lowercase()},
            "versions": [{"name": version, "served": true, "storage": true, "schema": schema}]});
        let mut body = json!({"spec": spec});
        // Kubernetes keeps its own groups for definitions that it has approved.
        body["metadata"]["annotations"] =
            json!({"api-approved.kubernetes.io": "unapproved, for tests"});
        let name = format!("{plural}.{group}");
        object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", &name, body)
    };
    KINDS.into_iter().map(of).collect()
}
