//! Network policies, as the API has them.

use serde::{Deserialize, Serialize};

use super::port::PortRef;
use crate::labels::LabelSelector;
use crate::object::{Meta, object};
use crate::text::Interned;
use crate::wire::wire;

wire! {
/// A network policy.
NetworkPolicy {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: NetworkPolicySpec,
}}
object!(NetworkPolicy, "networking.k8s.io/v1", "NetworkPolicy");

wire! {
/// Spec of a network policy.
NetworkPolicySpec {
    /// Selected pods of its namespace.
    pod_selector: LabelSelector,
    /// `Ingress`, `Egress`; if empty `Ingress`, and `Egress` if there are rules for it.
    policy_types: Vec<Interned>,
    /// Rules for incoming traffic.
    ingress: Vec<IngressRule>,
    /// Rules for outgoing traffic.
    #[serde(skip_serializing_if = "Vec::is_empty")] egress: Vec<EgressRule>,
}}

wire! {
/// A rule for incoming traffic.
IngressRule {
    /// Sources; all if empty.
    from: Vec<Peer>,
    /// Ports; all if empty.
    ports: Vec<PolicyPort>,
}}

wire! {
/// A rule for outgoing traffic.
EgressRule {
    /// Destinations; all if empty.
    to: Vec<Peer>,
    /// Ports; all if empty.
    ports: Vec<PolicyPort>,
}}

wire! {
/// A source or destination of traffic.
Peer {
    /// Pods; of the policy's namespace unless there is a namespace selector.
    #[serde(skip_serializing_if = "Option::is_none")] pod_selector: Option<LabelSelector>,
    /// Namespaces.
    #[serde(skip_serializing_if = "Option::is_none")] namespace_selector: Option<LabelSelector>,
    /// Addresses.
    #[serde(skip_serializing_if = "Option::is_none")] ip_block: Option<IpBlock>,
}}

wire! {
/// A range of addresses.
IpBlock {
    /// The range, CIDR.
    cidr: Interned,
    /// Ranges within it that are not admitted.
    #[serde(skip_serializing_if = "Vec::is_empty")] except: Vec<Interned>,
}}

wire! {
/// A port, or a range of them.
PolicyPort {
    /// `TCP` (also if empty), `UDP` or `SCTP`.
    #[serde(skip_serializing_if = "str::is_empty")] protocol: Interned,
    /// Port; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")] port: Option<PortRef>,
    /// Last port of a range.
    #[serde(skip_serializing_if = "Option::is_none")] end_port: Option<u16>,
}}
