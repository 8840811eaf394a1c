//! Istio's objects that change where requests of the mesh go, and by which means.

use serde::{Deserialize, Serialize};

use super::istio::{TargetRef, WorkloadSelector};
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
