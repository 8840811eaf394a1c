//! What NetworkPolicies let through, as Kubernetes defines it.

use crate::facts::core::{IngressRule, Pod};
use crate::facts::object::{Object as _, ObjectRef};
use crate::views::{Context, MissingFact};

/// Who can reach a port of a pod from outside these namespaces: `None` if
/// no client, else the rule that allows it and to whom.
pub fn opening(
    context: &Context<'_>,
    pod: &Pod,
    port: u16,
    trusted: &[&str],
) -> Result<Option<(ObjectRef, String, String)>, MissingFact> {
    let namespace = &*pod.metadata.namespace;
    let policies: Vec<_> = context
        .network_policies()?
        .iter()
        .filter(|p| {
            p.metadata.namespace == *namespace
                && p.is_for_ingress()
                && p.selects(&pod.metadata.labels)
        })
        .collect();
    if policies.is_empty() {
        return Ok(Some((
            pod.reference(),
            "NetworkPolicy".into(),
            "none, so every pod reaches it".into(),
        )));
    }
    for policy in policies {
        for (index, rule) in
            policy.spec.ingress.iter().enumerate().filter(|(_, rule)| rule.admits_port(pod, port))
        {
            if let Some(who) = stranger(context, rule, trusted)? {
                let field = format!("spec.ingress[{index}]");
                return Ok(Some((
                    policy.reference(),
                    field,
                    format!("admits {who} to port {port} of {}", pod.metadata.name),
                )));
            }
        }
    }
    Ok(None)
}

/// Whom a rule admits from outside the trusted namespaces.
fn stranger(
    context: &Context<'_>,
    rule: &IngressRule,
    trusted: &[&str],
) -> Result<Option<String>, MissingFact> {
    if rule.is_from_anywhere() {
        return Ok(Some("every client".into()));
    }
    for peer in &rule.from {
        if let Some(block) = &peer.ip_block {
            return Ok(Some(format!("the addresses {}", block.cidr)));
        }
        let Some(selector) = &peer.namespace_selector else {
            // Pods of the policy's own namespace.
            continue;
        };
        let strangers = context.namespaces()?.iter().find(|n| {
            selector.matches(&n.metadata.labels) && !trusted.contains(&n.metadata.name.as_str())
        });
        if let Some(namespace) = strangers {
            return Ok(Some(format!("pods of the namespace {}", namespace.metadata.name)));
        }
    }
    Ok(None)
}
