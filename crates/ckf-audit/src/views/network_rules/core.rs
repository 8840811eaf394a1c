//! Rules of NetworkPolicies.

use super::matching::{Match, of_namespace, of_pods};
use super::parties::{At, Client};
use crate::facts::core::{IngressRule, Peer, PolicyPort, PortRef};
use crate::views::address_set::AddressSet;
use crate::views::network_peers::addresses;

/// Whether a rule is about a port.
pub(super) fn ports(rule: &IngressRule, at: &At<'_>) -> Match {
    let is_port = |port: &PolicyPort| match &port.port {
        _ if !at.is_protocol(&port.protocol) => Match::NO,
        None => true.into(),
        Some(PortRef::Number(first)) => {
            (*first..=port.end_port.unwrap_or(*first)).contains(&at.port).into()
        }
        Some(PortRef::Name(name)) => at.is_named(name),
    };
    match rule.ports.is_empty() {
        true => true.into(),
        false => Match::any(rule.ports.iter().map(is_port)),
    }
}

/// Whether a rule of a policy of the namespace `own` is about a client.
pub(super) fn peers(rule: &IngressRule, own: &str, client: &Client<'_>) -> Match {
    if rule.from.is_empty() {
        return true.into();
    }
    let mut blocks = AddressSet::default();
    for block in rule.from.iter().filter_map(|peer| peer.ip_block.as_ref()) {
        addresses(block).ranges().for_each(|range| blocks.add(range));
    }
    let pod = match client {
        Client::Outside if blocks.is_empty() => return Match::NO,
        Client::Outside => return Match::CHOSEN,
        Client::Pod(pod) => pod,
    };
    let is_peer = |peer: &Peer| {
        let is_there = match &peer.namespace_selector {
            Some(selector) => of_namespace(selector, pod.namespace_labels),
            None => (pod.namespace == own).into(),
        };
        let selected = peer.pod_selector.as_ref();
        is_there & selected.map_or(true.into(), |selector| of_pods(selector, pod.labels))
    };
    let peers = rule.from.iter().filter(|peer| peer.ip_block.is_none());
    // Which addresses pods have is not known here, but that they are in one of these networks.
    let by_address = match blocks.network() {
        Some(_) => Match::CHOSEN,
        None if blocks.is_empty() => Match::NO,
        None => Match::UNKNOWN,
    };
    Match::any(peers.map(is_peer)) | by_address
}
