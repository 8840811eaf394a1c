//! What network policies let through to ports of pods.

use crate::facts::core::{IngressRule, Peer, Pod};
use crate::facts::object::{Object as _, ObjectRef};
use crate::views::address_set::AddressSet;
use crate::views::future_profile::future_profile;
use crate::views::network_rules::At;
use crate::views::{Context, MissingFact, network_peers};

/// Whether a rule admits every client to every port.
pub fn admits_all(rule: &IngressRule) -> bool {
    rule.ports.is_empty() && is_from_anywhere(rule)
}

/// Whether a rule admits every client, to some port at least.
pub fn is_from_anywhere(rule: &IngressRule) -> bool {
    let mut addresses = AddressSet::default();
    for block in rule.from.iter().filter_map(|peer| peer.ip_block.as_ref()) {
        network_peers::addresses(block).ranges().for_each(|range| addresses.add(range));
    }
    rule.from.is_empty() || addresses.network().is_some() || rule.from.iter().any(is_any_pod)
}

/// Whether a peer may be a pod of any namespace: who runs a pod chooses its labels.
fn is_any_pod(peer: &Peer) -> bool {
    peer.ip_block.is_none() && peer.namespace_selector.as_ref().is_some_and(|s| s.is_empty())
}

/// Who can reach a port of a pod from outside these namespaces: `None` if
/// no client, else the rule that allows it and to whom.
pub fn opening(
    context: &Context<'_>,
    pod: &Pod,
    port: u16,
    trusted: &[&str],
) -> Result<Option<(ObjectRef, String, String)>, MissingFact> {
    let namespace = &*pod.metadata.namespace;
    if context.network_rules()?.has_more(namespace) {
        return opening_by_rules(context, pod, port, trusted);
    }
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

/// The same, where other policies than NetworkPolicies are about the pod.
fn opening_by_rules(
    context: &Context<'_>,
    pod: &Pod,
    port: u16,
    trusted: &[&str],
) -> Result<Option<(ObjectRef, String, String)>, MissingFact> {
    let rules = context.network_rules()?;
    let names: Vec<&str> = pod.names_of(port).collect();
    let at = At {
        namespace: &pod.metadata.namespace,
        namespace_labels: rules.labels_of(&pod.metadata.namespace),
        labels: Some(&pod.metadata.labels),
        names: &names,
        port,
        protocol: "TCP",
    };
    let what = format!("others reach port {port} of {}", pod.metadata.name);
    match rules.stranger(context.namespaces()?, &at, |namespace| !trusted.contains(&namespace)) {
        Err(unknown) => Err(MissingFact(unknown.why(&what))),
        Ok(None) => Ok(None),
        Ok(Some((who, by))) => {
            let seen = format!("admits {who} to port {port} of {}", pod.metadata.name);
            Ok(Some(match by {
                Some(policy) => (policy, "spec".into(), seen),
                None => {
                    (pod.reference(), "network policies".into(), format!("none keeps out {who}"))
                }
            }))
        }
    }
}

/// Whom a rule admits from outside the trusted namespaces.
fn stranger(
    context: &Context<'_>,
    rule: &IngressRule,
    trusted: &[&str],
) -> Result<Option<String>, MissingFact> {
    if is_from_anywhere(rule) {
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
        if selector.matches(&future_profile()) {
            return Ok(Some("pods of every profile that is made".into()));
        }
    }
    Ok(None)
}
