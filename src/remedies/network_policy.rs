//! What the remedies that make NetworkPolicies share.

use serde_json::{Value, json};

use super::own::{MANAGED_BY, NETWORK_POLICY, Wanted};
use crate::controls::context::{Context, Missing};
use crate::facts::core::{NetworkPolicy, Pod};
use crate::facts::object::Object as _;

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

/// What comes from outside these namespaces to pods today, by what is known of it: Services
/// that lead in from outside the cluster, and webhooks, which the API server calls.
pub(super) fn cuts(context: &Context<'_>, pods: &[&Pod]) -> Result<Vec<String>, Missing> {
    let webhooks = context
        .mutating_webhooks()?
        .iter()
        .flat_map(|configuration| &configuration.webhooks)
        .chain(
            context
                .validating_webhooks()?
                .iter()
                .flat_map(|configuration| &configuration.webhooks),
        );
    let called: Vec<_> = webhooks
        .filter_map(|webhook| Some((&webhook.name, webhook.client_config.service.as_ref()?)))
        .collect();
    let mut cuts = Vec::new();
    for service in context.services()? {
        let leads_to = |pod: &&&Pod| service.selects(&pod.metadata.namespace, &pod.metadata.labels);
        let Some(pod) = pods.iter().find(leads_to) else {
            continue;
        };
        let name = service.reference();
        if service.is_exposed() {
            let kind = &service.spec.kind;
            cuts.push(format!(
                "{name}, a {kind}, leads from outside the cluster to {}",
                pod.metadata.name
            ));
        }
        let here = |of: &&(_, &crate::facts::core::ServiceRef)| {
            of.1.name == *service.metadata.name && of.1.namespace == service.metadata.namespace
        };
        if let Some((webhook, _)) = called.iter().find(here) {
            cuts.push(format!(
                "the API server calls webhook {webhook} at {}",
                pod.metadata.name
            ));
        }
    }
    Ok(cuts)
}
