//! What NetworkPolicies let through, as Kubernetes defines it.

use crate::facts::core::{IngressRule, NetworkPolicy, Peer, Pod, PolicyPort, PortRef};
use crate::facts::labels::Labels;
use crate::facts::object::{Object as _, ObjectRef};
use crate::facts::profiles::PART_OF;
use crate::views::address_set::AddressSet;
use crate::views::{Context, MissingFact, network_peers};

impl NetworkPolicy {
    /// Whether it is about what comes in.
    pub fn is_for_ingress(&self) -> bool {
        let types = &self.spec.policy_types;
        types.is_empty() || types.iter().any(|t| *t == "Ingress")
    }

    /// Whether it holds for pods of its namespace with these labels.
    pub fn selects(&self, labels: &Labels) -> bool {
        self.spec.pod_selector.matches(labels)
    }
}

impl IngressRule {
    /// Whether it admits every client to every port.
    pub fn admits_all(&self) -> bool {
        self.ports.is_empty() && self.is_from_anywhere()
    }

    /// Whether it admits every client, to some port at least.
    pub fn is_from_anywhere(&self) -> bool {
        let mut addresses = AddressSet::default();
        for block in self.from.iter().filter_map(|peer| peer.ip_block.as_ref()) {
            network_peers::addresses(block).ranges().for_each(|range| addresses.add(range));
        }
        self.from.is_empty()
            || addresses.network().is_some()
            || self.from.iter().any(Peer::is_anybody)
    }

    /// Whether it admits to a port of a pod.
    pub fn admits_port(&self, pod: &Pod, port: u16) -> bool {
        self.ports.is_empty() || self.ports.iter().any(|p| port_fits(p, pod, port))
    }
}

impl Peer {
    fn is_anybody(&self) -> bool {
        // Anyone who runs a pod chooses its labels.
        self.ip_block.is_none() && self.namespace_selector.as_ref().is_some_and(|s| s.is_empty())
    }
}

fn port_fits(policy: &PolicyPort, pod: &Pod, port: u16) -> bool {
    // Nothing that is assessed here listens on other protocols.
    if !matches!(&*policy.protocol, "" | "TCP") {
        return false;
    }
    match &policy.port {
        None => true,
        Some(PortRef::Number(first)) => {
            (*first..=policy.end_port.unwrap_or(*first)).contains(&port)
        }
        Some(PortRef::Name(name)) => pod.named_port(name) == Some(port),
    }
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
        if selector.matches(&future_profile()) {
            return Ok(Some("pods of every profile that is made".into()));
        }
    }
    Ok(None)
}

/// Labels of the namespace of a profile that a user makes tomorrow, as the profile controller
/// writes them.
pub fn future_profile() -> Labels {
    let labels = [
        ("kubernetes.io/metadata.name", "0-zq7"),
        (PART_OF.0, PART_OF.1),
        ("istio-injection", "enabled"),
        ("user.kubeflow.org/enabled", "true"),
        ("pipelines.kubeflow.org/enabled", "true"),
        ("katib.kubeflow.org/metrics-collector-injection", "enabled"),
        ("katib-metricscollector-injection", "enabled"),
        ("serving.kubeflow.org/inferenceservice", "enabled"),
        ("namespace-node-affinity", "enabled"),
    ];
    Labels::from_iter(labels.map(|(key, value)| (key.into(), value.into())))
}
