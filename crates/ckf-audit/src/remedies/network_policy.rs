//! Shared by the remedies that create NetworkPolicies.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::managed::{DesiredObject, MANAGED_BY, NETWORK_POLICY};
use crate::facts::core::NetworkPolicy;
use crate::views::network_policy;
use crate::views::{Context, MissingFact};

/// A desired ingress policy for the selected pods: allows pods of its own namespace and of these
/// others.
pub(super) fn desired(
    namespace: &str,
    name: String,
    pods: Value,
    others: &[&str],
) -> DesiredObject {
    DesiredObject {
        kind: NETWORK_POLICY,
        namespace: namespace.to_owned(),
        name,
        content: json!({
            "podSelector": pods, "policyTypes": ["Ingress"], "ingress": admit(others),
        }),
    }
}

/// Ingress rule that allows all pods of the policy's namespace and of these.
fn admit(namespaces: &[&str]) -> Value {
    let mut from = vec![json!({"podSelector": {}})];
    from.extend(namespaces.iter().map(
        |name| json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}),
    ));
    json!([{"from": from}])
}

/// The policy is labelled as managed by the charm.
pub(super) fn is_managed(policy: &NetworkPolicy) -> bool {
    policy.metadata.label(MANAGED_BY.0) == Some(MANAGED_BY.1)
}

/// The policy allows any source to every port of its pods.
pub(super) fn admits_all(policy: &NetworkPolicy) -> bool {
    policy.spec.ingress.iter().any(network_policy::admits_all)
}

/// Namespaces in the ambient mesh, where the kubelet's probes come from an address that a
/// NetworkPolicy may block.
pub(super) fn ambient<'a>(context: &Context<'a>) -> Result<BTreeSet<&'a str>, MissingFact> {
    let namespaces = context.namespaces()?.iter();
    let ambient = namespaces
        .filter(|namespace| namespace.metadata.label("istio.io/dataplane-mode") == Some("ambient"));
    Ok(ambient.map(|namespace| namespace.metadata.name.as_str()).collect())
}
