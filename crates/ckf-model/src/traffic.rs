//! Istio's objects that change where requests of the mesh go, and by which means.

use serde::{Deserialize, Serialize};

use super::istio::{Destination, TargetRef, WorkloadSelector};
use super::labels::Labels;
use super::object::{Meta, object};
use super::text::Interned;
use super::wire::wire;

wire! {
/// A ServiceEntry: hosts that the mesh knows beside Kubernetes' Services.
ServiceEntry {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: ServiceEntrySpec,
}}
object!(ServiceEntry, "networking.istio.io/v1", "ServiceEntry");

wire! {
/// Spec of a ServiceEntry.
ServiceEntrySpec {
    /// Hosts.
    hosts: Vec<Interned>,
    /// Addresses by which proxies know it, beside its hosts.
    #[serde(skip_serializing_if = "Vec::is_empty")] addresses: Vec<Interned>,
    /// Namespaces that see it; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")] export_to: Vec<Interned>,
    /// Where its requests go.
    #[serde(skip_serializing_if = "Vec::is_empty")] endpoints: Vec<Endpoint>,
}}

wire! {
/// An endpoint of a ServiceEntry.
Endpoint {
    /// Address or host.
    address: Interned,
}}

wire! {
/// A DestinationRule, reduced to the TLS of its connections.
DestinationRule {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: DestinationRuleSpec,
}}
object!(DestinationRule, "networking.istio.io/v1", "DestinationRule");

wire! {
/// Spec of a DestinationRule.
DestinationRuleSpec {
    /// Host whose connections it is about.
    host: Interned,
    /// Namespaces in which it holds; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")] export_to: Vec<Interned>,
    /// Policy of its connections.
    #[serde(skip_serializing_if = "Option::is_none")] traffic_policy: Option<TrafficPolicy>,
    /// Policies of parts of it.
    #[serde(skip_serializing_if = "Vec::is_empty")] subsets: Vec<Subset>,
}}

wire! {
/// Policy of connections.
TrafficPolicy {
    /// TLS.
    #[serde(skip_serializing_if = "Option::is_none")] tls: Option<ClientTls>,
    /// The same by port.
    #[serde(skip_serializing_if = "Vec::is_empty")] port_level_settings: Vec<PortPolicy>,
}}

wire! {
/// Policy of connections to a port.
PortPolicy {
    /// TLS.
    #[serde(skip_serializing_if = "Option::is_none")] tls: Option<ClientTls>,
}}

wire! {
/// TLS of connections.
ClientTls {
    /// `DISABLE`, `SIMPLE`, `MUTUAL` or `ISTIO_MUTUAL`.
    mode: Interned,
}}

wire! {
/// A part of a host.
Subset {
    /// Policy of its connections.
    #[serde(skip_serializing_if = "Option::is_none")] traffic_policy: Option<TrafficPolicy>,
}}

impl DestinationRule {
    /// Each mode of TLS that it sets.
    pub fn tls_modes(&self) -> impl Iterator<Item = &str> {
        let parts = self.spec.subsets.iter().filter_map(|subset| subset.traffic_policy.as_ref());
        self.spec.traffic_policy.iter().chain(parts).flat_map(|policy| {
            let ports = policy.port_level_settings.iter().filter_map(|port| port.tls.as_ref());
            policy.tls.iter().chain(ports).map(|tls| &*tls.mode)
        })
    }
}

wire! {
/// A Sidecar: what proxies of pods listen to, and where requests go that they do not know.
Sidecar {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: SidecarSpec,
}}
object!(Sidecar, "networking.istio.io/v1", "Sidecar");

wire! {
/// Spec of a Sidecar.
SidecarSpec {
    /// Selected pods of its namespace; all if absent, in the root namespace those of all
    /// namespaces that have none of their own.
    #[serde(skip_serializing_if = "Option::is_none")] workload_selector: Option<SidecarSelector>,
    /// Ports that the proxies listen on, instead of those of Services.
    #[serde(skip_serializing_if = "Vec::is_empty")] ingress: Vec<SidecarListener>,
    /// What becomes of requests to hosts that the mesh does not know.
    #[serde(skip_serializing_if = "Option::is_none")] outbound_traffic_policy: Option<OutboundTrafficPolicy>,
}}

wire! {
/// Pods that a Sidecar selects.
SidecarSelector {
    /// Labels that pods must have.
    labels: Labels,
}}

wire! {
/// A port that proxies listen on.
SidecarListener {
    /// The port.
    port: SidecarPort,
    /// Where its requests go, an address with a port or a socket.
    default_endpoint: Interned,
    /// TLS of clients outside of the mesh.
    #[serde(skip_serializing_if = "Option::is_none")] tls: Option<ClientTls>,
}}

wire! {
/// Number and protocol of a port.
SidecarPort {
    /// Number.
    number: u16,
    /// Protocol.
    protocol: Interned,
}}

wire! {
/// What becomes of requests to hosts that the mesh does not know.
OutboundTrafficPolicy {
    /// `ALLOW_ANY` or `REGISTRY_ONLY`; that of the mesh if absent.
    #[serde(skip_serializing_if = "str::is_empty")] mode: Interned,
    /// Service that gets them instead.
    #[serde(skip_serializing_if = "Option::is_none")] egress_proxy: Option<Destination>,
}}

wire! {
/// A WasmPlugin: code in proxies.
WasmPlugin {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: WasmPluginSpec,
}}
object!(WasmPlugin, "extensions.istio.io/v1alpha1", "WasmPlugin");

wire! {
/// Spec of a WasmPlugin.
WasmPluginSpec {
    /// Selected pods of its namespace; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")] selector: Option<WorkloadSelector>,
    /// Gateways or Services instead of pods.
    #[serde(skip_serializing_if = "Vec::is_empty")] target_refs: Vec<TargetRef>,
    /// The same, in its older spelling of one.
    #[serde(skip_serializing_if = "Option::is_none")] target_ref: Option<TargetRef>,
}}
