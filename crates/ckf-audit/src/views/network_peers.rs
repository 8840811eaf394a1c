//! NetworkPolicies as sets of peers and ports: who reaches a port of a pod.
//!
//! Source: Kubernetes' API reference (`networking.k8s.io/v1`, NetworkPolicy): policies add up; a
//! pod that none selects takes all clients; a rule without peers, or without ports, is for all.

use std::net::IpAddr;

use super::address_set::AddressSet;
use super::authorization::{AddressRange, Truth};
use crate::facts::core::{IngressRule, IpBlock, NetworkPolicy, Peer, PolicyPort, PortRef};
use crate::facts::labels::Labels;

/// Whence a connection comes.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Namespace of the pod, and labels of both; nothing if it is no pod of the cluster.
    pub pod: Option<SourcePod<'a>>,
    /// Address; nothing if it is not known.
    pub address: Option<IpAddr>,
}

/// A pod from which a connection comes.
#[derive(Clone, Copy, Debug)]
pub struct SourcePod<'a> {
    /// Name of its namespace.
    pub namespace: &'a str,
    /// Labels of its namespace.
    pub namespace_labels: &'a Labels,
    /// Its own labels.
    pub labels: &'a Labels,
}

/// A port of a pod to which a connection goes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Namespace of the pod.
    pub namespace: &'a str,
    /// Labels of the pod.
    pub labels: &'a Labels,
    /// Names of the port, with protocols.
    pub names: &'a [&'a str],
    /// Number of the port.
    pub port: u16,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: &'a str,
}

impl Target<'_> {
    /// Whether a policy is about what comes in to the pod.
    pub fn is_selected_by(&self, policy: &NetworkPolicy) -> bool {
        *policy.metadata.namespace == *self.namespace
            && policy.is_for_ingress()
            && policy.selects(self.labels)
    }

    /// Whether a rule is about the port.
    pub fn is_port_of(&self, rule: &IngressRule) -> bool {
        rule.ports.is_empty() || rule.ports.iter().any(|port| self.is_port(port))
    }

    fn is_port(&self, policy: &PolicyPort) -> bool {
        let protocol = if policy.protocol.is_empty() { "TCP" } else { &*policy.protocol };
        protocol == self.protocol
            && match &policy.port {
                None => true,
                Some(PortRef::Number(first)) => {
                    (*first..=policy.end_port.unwrap_or(*first)).contains(&self.port)
                }
                Some(PortRef::Name(name)) => self.names.contains(&&**name),
            }
    }
}

/// Whether NetworkPolicies let a connection in.
pub fn admits<'p>(
    policies: impl IntoIterator<Item = &'p NetworkPolicy>,
    source: &Source<'_>,
    target: &Target<'_>,
) -> Truth {
    let mut here = policies.into_iter().filter(|policy| target.is_selected_by(policy)).peekable();
    if here.peek().is_none() {
        return Truth::Yes;
    }
    let rules = here.flat_map(|policy| {
        let rules = policy.spec.ingress.iter().filter(|rule| target.is_port_of(rule));
        rules.map(move |rule| (&*policy.metadata.namespace, rule))
    });
    Truth::any(rules.map(|(namespace, rule)| match rule.from.is_empty() {
        true => Truth::Yes,
        false => Truth::any(rule.from.iter().map(|peer| is_peer(peer, namespace, source))),
    }))
}

/// Whether policies let pods of a namespace in whose labels their owner chooses, and the policy
/// that does; none if no policy is about the target.
pub fn admits_chosen<'p>(
    policies: impl IntoIterator<Item = &'p NetworkPolicy>,
    namespace: &str,
    namespace_labels: Option<&Labels>,
    target: &Target<'_>,
) -> (Truth, Option<&'p NetworkPolicy>) {
    let mut here = policies.into_iter().filter(|policy| target.is_selected_by(policy)).peekable();
    if here.peek().is_none() {
        return (Truth::Yes, None);
    }
    let mut unknown = None;
    for policy in here {
        for rule in policy.spec.ingress.iter().filter(|rule| target.is_port_of(rule)) {
            let mut blocks = AddressSet::default();
            let all = rule.from.iter().filter_map(|peer| peer.ip_block.as_ref());
            all.for_each(|block| addresses(block).ranges().for_each(|range| blocks.add(range)));
            let is_peer = |peer: &Peer| match (&peer.ip_block, &peer.namespace_selector) {
                (Some(_), _) => false,
                (None, None) => *policy.metadata.namespace == *namespace,
                (None, Some(selector)) => match namespace_labels {
                    Some(labels) => selector.matches(labels),
                    None => selector.is_empty(),
                },
            };
            if rule.from.is_empty() || blocks.network().is_some() || rule.from.iter().any(is_peer) {
                return (Truth::Yes, Some(policy));
            }
            if !blocks.is_empty() {
                // Which addresses pods have is not known here.
                unknown = Some(policy);
            }
        }
    }
    match unknown {
        Some(policy) => (Truth::Unknown, Some(policy)),
        None => (Truth::No, None),
    }
}

/// Whether a connection comes from a peer of a policy of this namespace.
fn is_peer(peer: &Peer, namespace: &str, source: &Source<'_>) -> Truth {
    if let Some(block) = &peer.ip_block {
        return match source.address {
            Some(address) => addresses(block).contains(address).into(),
            None => Truth::Unknown,
        };
    }
    let Some(pod) = &source.pod else {
        return Truth::No;
    };
    let is_in_namespace = match &peer.namespace_selector {
        Some(selector) => selector.matches(pod.namespace_labels),
        None => pod.namespace == namespace,
    };
    let is_selected = peer.pod_selector.as_ref().is_none_or(|s| s.matches(pod.labels));
    (is_in_namespace && is_selected).into()
}

/// The addresses of a block, without those that it excepts; none if it is malformed.
pub fn addresses(block: &IpBlock) -> AddressSet {
    let mut set = AddressSet::default();
    if let Some(range) = AddressRange::parse(&block.cidr) {
        set.add(range);
    }
    for range in block.except.iter().filter_map(|range| AddressRange::parse(range)) {
        set.remove(range);
    }
    set
}

/// Addresses that rules admit to a port together.
pub fn admitted_addresses<'p>(
    rules: impl IntoIterator<Item = &'p IngressRule>,
    target: &Target<'_>,
) -> AddressSet {
    let mut all = AddressSet::default();
    let rules = rules.into_iter().filter(|rule| target.is_port_of(rule));
    for block in rules.flat_map(|rule| &rule.from).filter_map(|peer| peer.ip_block.as_ref()) {
        addresses(block).ranges().for_each(|range| all.add(range));
    }
    all
}
