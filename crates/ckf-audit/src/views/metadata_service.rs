//! Metadata services of clouds, and who lets pods reach them.
//!
//! Source: the documentation of AWS (IMDS), Google Cloud, Azure (IMDS and WireServer), OpenStack,
//! Oracle and Alibaba. NetworkPolicies for egress by Kubernetes' API reference: a pod that none
//! selects reaches everything; the rules of all that select it add up.

use std::net::IpAddr;

use super::network_peers::addresses;
use crate::facts::core::{EgressRule, NetworkPolicy, PolicyPort, PortRef};

/// Addresses of metadata services: most clouds, Azure's WireServer, Alibaba; AWS and Google Cloud
/// by IPv6.
pub const ADDRESSES: [&str; 5] =
    ["169.254.169.254", "168.63.129.16", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254"];
/// Port of the service, TCP.
const PORT: u16 = 80;

/// Addresses that a policy's rule for egress admits to a metadata service. Pods that a rule names
/// have other addresses.
pub fn admitted(rule: &EgressRule) -> Vec<&'static str> {
    if !rule.ports.is_empty() && !rule.ports.iter().any(is_port) {
        return Vec::new();
    }
    let is_admitted = |address: &&str| {
        rule.to.is_empty()
            || address.parse::<IpAddr>().is_ok_and(|address| {
                let mut blocks = rule.to.iter().filter_map(|peer| peer.ip_block.as_ref());
                blocks.any(|block| addresses(block).contains(address))
            })
    };
    ADDRESSES.into_iter().filter(is_admitted).collect()
}

/// Whether policies for egress hold for every pod of their namespace, whatever its labels.
pub fn is_for_all(policies: &[&NetworkPolicy]) -> bool {
    policies.iter().any(|policy| policy.spec.pod_selector.is_empty())
}

fn is_port(port: &PolicyPort) -> bool {
    matches!(&*port.protocol, "" | "TCP")
        && match &port.port {
            None => true,
            Some(PortRef::Number(first)) => {
                (*first..=port.end_port.unwrap_or(*first)).contains(&PORT)
            }
            // Names are of the destination's ports, and the service is no pod.
            Some(PortRef::Name(_)) => false,
        }
}
