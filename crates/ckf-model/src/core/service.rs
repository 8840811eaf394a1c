//! Services.

use serde::{Deserialize, Serialize};

use super::port::{PortRef, is_zero};
use crate::labels::Labels;
use crate::object::{Meta, object};
use crate::text::Interned;
use crate::wire::wire;

wire! {
/// A service.
Service {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: ServiceSpec,
    /// Status of its load balancer.
    #[serde(skip_serializing_if = "is_default")] status: ServiceStatus,
}}
object!(Service, "v1", "Service");

wire! {
/// Spec of a service.
ServiceSpec {
    /// `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`.
    #[serde(rename = "type")] kind: Interned,
    /// Labels of its pods; selects no pods if empty.
    selector: Labels,
    /// Ports.
    ports: Vec<ServicePort>,
    /// Client address ranges that the load balancer admits, CIDR.
    #[serde(skip_serializing_if = "Vec::is_empty")] load_balancer_source_ranges: Vec<Interned>,
    /// Cluster IPs; the string `None` for a headless service.
    #[serde(rename = "clusterIPs", skip_serializing_if = "Vec::is_empty")] cluster_ips: Vec<Interned>,
    /// Host for which the service is another name, for type `ExternalName`.
    #[serde(skip_serializing_if = "Option::is_none")] external_name: Option<Interned>,
    /// External IPs of nodes.
    #[serde(rename = "externalIPs", skip_serializing_if = "Vec::is_empty")] external_ips: Vec<Interned>,
}}

wire! {
/// A port of a service.
ServicePort {
    /// Number.
    port: u16,
    /// Port of the pods, by number or name; the same number if absent.
    #[serde(skip_serializing_if = "Option::is_none")] target_port: Option<PortRef>,
    /// Port of each node; 0 for none.
    #[serde(skip_serializing_if = "is_zero")] node_port: u16,
}}

wire! {
/// Status of a service.
ServiceStatus {
    /// Status of the load balancer.
    load_balancer: LoadBalancer,
}}

wire! {
/// Status of a load balancer.
LoadBalancer {
    /// Addresses on which it listens.
    ingress: Vec<IngressPoint>,
}}

wire! {
/// An address on which a load balancer listens.
IngressPoint {
    /// Address.
    #[serde(skip_serializing_if = "Option::is_none")] ip: Option<Interned>,
    /// Host name.
    #[serde(skip_serializing_if = "Option::is_none")] hostname: Option<Interned>,
}}

impl Service {
    /// Whether it selects an ingress gateway: istio-pilot's, or one of the Gateway API.
    pub fn is_ingress_gateway(&self) -> bool {
        self.spec.selector.get("istio").is_some_and(|value| **value == *"ingressgateway")
            || self.spec.selector.get("gateway.networking.k8s.io/gateway-name").is_some()
    }

    /// Addresses and host names of the service: cluster IPs, if `within` the cluster, then
    /// external ones.
    pub fn addresses(&self, within: bool) -> Vec<String> {
        let internal = self.spec.cluster_ips.iter().filter(|ip| within && **ip != "None");
        let ingress = &self.status.load_balancer.ingress;
        let external = ingress.iter().flat_map(|point| point.ip.iter().chain(&point.hostname));
        internal.chain(external).chain(&self.spec.external_ips).map(ToString::to_string).collect()
    }

    /// Whether it is reachable from outside the cluster.
    pub fn is_exposed(&self) -> bool {
        matches!(&*self.spec.kind, "LoadBalancer" | "NodePort")
            || !self.spec.external_ips.is_empty()
    }

    /// Whether it selects a pod of this namespace with these labels.
    pub fn selects(&self, namespace: &str, labels: &Labels) -> bool {
        self.metadata.namespace == namespace
            && !self.spec.selector.is_empty()
            && labels.include(&self.spec.selector)
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
