//! What the remedies that make NetworkPolicies share.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::own::{MANAGED_BY, NETWORK_POLICY, Wanted};
use crate::facts::core::NetworkPolicy;
use crate::views::{Context, Missing};

/// A policy for what comes in to the pods of a selector: from those of its own namespace, and
/// of these others.
pub(super) fn wanted(namespace: &str, name: String, pods: Value, others: &[&str]) -> Wanted {
    Wanted {
        kind: NETWORK_POLICY,
        namespace: namespace.to_owned(),
        name,
        content: json!({
            "podSelector": pods, "policyTypes": ["Ingress"], "ingress": admit(others),
        }),
    }
}

/// Admits all pods of these namespaces, beside those of the policy's own.
fn admit(namespaces: &[&str]) -> Value {
    let mut from = vec![json!({"podSelector": {}})];
    from.extend(namespaces.iter().map(
        |name| json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}),
    ));
    json!([{"from": from}])
}

/// Whether a policy is ours.
pub(super) fn is_ours(policy: &NetworkPolicy) -> bool {
    policy.metadata.label(MANAGED_BY.0) == Some(MANAGED_BY.1)
}

/// Whether a policy admits everybody to every port of its pods.
pub(super) fn admits_all(policy: &NetworkPolicy) -> bool {
    policy.spec.ingress.iter().any(|rule| rule.admits_all())
}

/// Namespaces of the ambient mesh: there the kubelet's probes come from an address that a
/// NetworkPolicy may refuse.
pub(super) fn ambient<'a>(context: &Context<'a>) -> Result<BTreeSet<&'a str>, Missing> {
    let namespaces = context.namespaces()?.iter();
    let ambient = namespaces
        .filter(|namespace| namespace.metadata.label("istio.io/dataplane-mode") == Some("ambient"));
    Ok(ambient.map(|namespace| namespace.metadata.name.as_str()).collect())
}
