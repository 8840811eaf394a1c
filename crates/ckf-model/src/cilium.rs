//! Cilium's own network policies, as far as they are about what comes in to pods.

use serde::{Deserialize, Serialize};

use super::core::{IpBlock, PortRef};
use super::labels::LabelSelector;
use super::object::{Meta, object};
use super::text::Interned;
use super::unread_fields::{IsSet, UnreadFields};
use super::wire::wire;

wire! {
/// Rules for pods of a namespace.
CiliumNetworkPolicy {
    /// Metadata.
    metadata: Meta,
    /// A rule.
    #[serde(skip_serializing_if = "Option::is_none")] spec: Option<CiliumRule>,
    /// Further rules.
    #[serde(skip_serializing_if = "Vec::is_empty")] specs: Vec<CiliumRule>,
}}
object!(CiliumNetworkPolicy, "cilium.io/v2", "CiliumNetworkPolicy");

wire! {
/// Rules for pods of every namespace, or for nodes.
CiliumClusterwideNetworkPolicy {
    /// Metadata.
    metadata: Meta,
    /// A rule.
    #[serde(skip_serializing_if = "Option::is_none")] spec: Option<CiliumRule>,
    /// Further rules.
    #[serde(skip_serializing_if = "Vec::is_empty")] specs: Vec<CiliumRule>,
}}
object!(CiliumClusterwideNetworkPolicy, "cilium.io/v2", "CiliumClusterwideNetworkPolicy");

wire! {
/// What some pods take.
CiliumRule {
    /// The pods; absent if it is about nodes.
    #[serde(skip_serializing_if = "Option::is_none")] endpoint_selector: Option<LabelSelector>,
    /// What comes in.
    #[serde(skip_serializing_if = "Vec::is_empty")] ingress: Vec<CiliumIngress>,
    /// What does not come in, whatever lets it.
    #[serde(skip_serializing_if = "Vec::is_empty")] ingress_deny: Vec<CiliumIngress>,
    /// It is about what goes out.
    #[serde(skip_serializing_if = "IsSet::no")] egress: IsSet,
    /// It is about what does not go out, whatever lets it.
    #[serde(skip_serializing_if = "IsSet::no")] egress_deny: IsSet,
    /// Whether the pods refuse what no rule lets in.
    enable_default_deny: DefaultDeny,
}}

wire! {
/// Whether pods refuse what no rule lets in.
DefaultDeny {
    /// What comes in; if absent, they do where there is a rule for it.
    #[serde(skip_serializing_if = "Option::is_none")] ingress: Option<bool>,
}}

wire! {
/// Clients, and ports for them. Clients of each list count; without a list, and with ports, all do.
CiliumIngress {
    /// Pods.
    #[serde(skip_serializing_if = "Option::is_none")] from_endpoints: Option<Vec<LabelSelector>>,
    /// Addresses outside of the cluster.
    #[serde(rename = "fromCIDR", skip_serializing_if = "Option::is_none")] from_cidr: Option<Vec<Interned>>,
    /// The same, with exceptions.
    #[serde(rename = "fromCIDRSet", skip_serializing_if = "Option::is_none")] from_cidr_set: Option<Vec<CiliumBlock>>,
    /// Groups of clients by name, for example `world`.
    #[serde(skip_serializing_if = "Option::is_none")] from_entities: Option<Vec<Interned>>,
    /// Nodes.
    #[serde(skip_serializing_if = "Option::is_none")] from_nodes: Option<Vec<LabelSelector>>,
    /// Ports.
    #[serde(skip_serializing_if = "Vec::is_empty")] to_ports: Vec<CiliumPorts>,
    /// It is about ICMP.
    #[serde(skip_serializing_if = "IsSet::no")] icmps: IsSet,
    /// Fields that are not read, and may change what it says.
    #[serde(flatten)] unread: UnreadFields,
}}

wire! {
/// Addresses, or a group of them.
CiliumBlock {
    /// The range.
    #[serde(skip_serializing_if = "str::is_empty")] cidr: Interned,
    /// Ranges within it that are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")] except: Vec<Interned>,
    /// Fields that name a group.
    #[serde(flatten)] unread: UnreadFields,
}}

wire! {
/// Ports, and what is let through to them.
CiliumPorts {
    /// Ports; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")] ports: Vec<CiliumPort>,
    /// Fields that let some requests through only.
    #[serde(flatten)] unread: UnreadFields,
}}

wire! {
/// A port, or a range of them.
CiliumPort {
    /// Number or name, in a string; `0` for all.
    #[serde(skip_serializing_if = "Option::is_none")] port: Option<PortRef>,
    /// Last port of a range.
    #[serde(skip_serializing_if = "Option::is_none")] end_port: Option<u16>,
    /// `TCP`, `UDP`, `SCTP`, or `ANY` (also if empty).
    #[serde(skip_serializing_if = "str::is_empty")] protocol: Interned,
}}

impl CiliumRule {
    /// Whether it is about what goes out, which is not read.
    pub fn is_for_egress(&self) -> bool {
        self.egress.0 || self.egress_deny.0
    }

    /// Whether its pods refuse what no rule lets in.
    pub fn denies_by_default(&self) -> bool {
        let has_rules = !self.ingress.is_empty() || !self.ingress_deny.is_empty();
        self.enable_default_deny.ingress.unwrap_or(has_rules)
    }
}

impl CiliumIngress {
    /// Whether it names clients, perhaps none.
    pub fn has_clients(&self) -> bool {
        self.from_endpoints.is_some()
            || self.from_cidr.is_some()
            || self.from_cidr_set.is_some()
            || self.from_entities.is_some()
            || self.from_nodes.is_some()
    }

    /// Its addresses.
    pub fn blocks(&self) -> impl Iterator<Item = IpBlock> {
        let single = self.from_cidr.iter().flatten();
        let single = single.map(|cidr| IpBlock { cidr: cidr.clone(), except: Vec::new() });
        let sets = self.from_cidr_set.iter().flatten().filter(|block| !block.cidr.is_empty());
        single.chain(
            sets.map(|block| IpBlock { cidr: block.cidr.clone(), except: block.except.clone() }),
        )
    }
}
