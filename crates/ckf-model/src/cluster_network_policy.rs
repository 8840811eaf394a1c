//! Network policies of the cluster's administrators, before and after NetworkPolicies, as far as
//! they are about what comes in to pods.

use serde::{Deserialize, Serialize};

use super::labels::LabelSelector;
use super::object::{Meta, object};
use super::text::Interned;
use super::unread_fields::{IsSet, UnreadFields};
use super::wire::wire;

wire! {
/// Rules before NetworkPolicies.
AdminNetworkPolicy {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: ClusterPolicySpec,
}}
object!(AdminNetworkPolicy, "policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy");

wire! {
/// Rules for pods that no NetworkPolicy selects.
BaselineAdminNetworkPolicy {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: ClusterPolicySpec,
}}
object!(
    BaselineAdminNetworkPolicy,
    "policy.networking.k8s.io/v1alpha1",
    "BaselineAdminNetworkPolicy"
);

wire! {
/// What takes the place of both, with a tier.
ClusterNetworkPolicy {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: ClusterPolicySpec,
}}
object!(ClusterNetworkPolicy, "policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy");

wire! {
/// Spec of the three kinds.
ClusterPolicySpec {
    /// `Admin` or `Baseline`, of a ClusterNetworkPolicy.
    #[serde(skip_serializing_if = "str::is_empty")] tier: Interned,
    /// Lower ones go first.
    priority: u16,
    /// The pods.
    subject: ClusterPeer,
    /// Rules for what comes in; the first that is about a connection decides.
    #[serde(skip_serializing_if = "Vec::is_empty")] ingress: Vec<ClusterIngress>,
    /// It has rules for what goes out, which are not read.
    #[serde(skip_serializing_if = "IsSet::no")] egress: IsSet,
}}

wire! {
/// Pods; one of the fields is set.
ClusterPeer {
    /// All pods of namespaces.
    #[serde(skip_serializing_if = "Option::is_none")] namespaces: Option<LabelSelector>,
    /// Some pods of namespaces.
    #[serde(skip_serializing_if = "Option::is_none")] pods: Option<NamespacedPods>,
    /// Fields that are not read; with them nothing is known of it.
    #[serde(flatten)] unread: UnreadFields,
}}

wire! {
/// Some pods of some namespaces.
NamespacedPods {
    /// The namespaces.
    namespace_selector: LabelSelector,
    /// Pods of these.
    pod_selector: LabelSelector,
    /// Fields that are not read; with them nothing is known of it.
    #[serde(flatten)] unread: UnreadFields,
}}

wire! {
/// A rule for what comes in.
ClusterIngress {
    /// `Allow` (or `Accept`), `Deny`, or `Pass` to what is next.
    action: Interned,
    /// Clients.
    from: Vec<ClusterPeer>,
    /// Ports; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")] ports: Option<Vec<ClusterPort>>,
    /// Ports of a ClusterNetworkPolicy, by protocol; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")] protocols: Option<Vec<ClusterProtocol>>,
}}

wire! {
/// A port; one of the fields is set.
ClusterPort {
    /// By number.
    #[serde(skip_serializing_if = "Option::is_none")] port_number: Option<NumberedPort>,
    /// A range.
    #[serde(skip_serializing_if = "Option::is_none")] port_range: Option<RangeOfPorts>,
    /// By the name of a container's port.
    #[serde(skip_serializing_if = "Option::is_none")] named_port: Option<Interned>,
    /// Fields that are not read; with them nothing is known of it.
    #[serde(flatten)] unread: UnreadFields,
}}

wire! {
/// A port by number.
NumberedPort {
    /// `TCP` (also if empty), `UDP` or `SCTP`.
    #[serde(skip_serializing_if = "str::is_empty")] protocol: Interned,
    /// Number.
    port: u16,
}}

wire! {
/// A range of ports, with both ends.
RangeOfPorts {
    /// `TCP` (also if empty), `UDP` or `SCTP`.
    #[serde(skip_serializing_if = "str::is_empty")] protocol: Interned,
    /// First port.
    start: u16,
    /// Last port.
    end: u16,
}}

wire! {
/// Ports of one protocol; one of the fields is set.
ClusterProtocol {
    /// Ports of TCP.
    #[serde(skip_serializing_if = "Option::is_none")] tcp: Option<PortsOfProtocol>,
    /// Ports of UDP.
    #[serde(skip_serializing_if = "Option::is_none")] udp: Option<PortsOfProtocol>,
    /// Ports of SCTP.
    #[serde(skip_serializing_if = "Option::is_none")] sctp: Option<PortsOfProtocol>,
    /// A port by its name in a container.
    #[serde(skip_serializing_if = "Option::is_none")] destination_named_port: Option<Interned>,
    /// Fields that are not read; with them nothing is known of it.
    #[serde(flatten)] unread: UnreadFields,
}}

wire! {
/// Ports of a protocol.
PortsOfProtocol {
    /// The ports; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")] destination_port: Option<DestinationPort>,
    /// Fields that are not read; with them nothing is known of it.
    #[serde(flatten)] unread: UnreadFields,
}}

wire! {
/// A port or a range; one of the fields is set.
DestinationPort {
    /// A port; none if zero.
    number: u16,
    /// A range.
    #[serde(skip_serializing_if = "Option::is_none")] range: Option<RangeOfPorts>,
}}
