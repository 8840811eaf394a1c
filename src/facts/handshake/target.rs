//! Addresses of the gateway.

use crate::facts::Facts;
use crate::facts::core::{PortRef, Service};
use crate::facts::istio::Gateway;
use crate::facts::known::{Kind, Known};

/// Where the client of the gateway runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vantage {
    /// In a pod of the cluster.
    Inside,
    /// Anywhere else.
    Outside,
}

impl Vantage {
    /// Vantage of this process: Kubernetes sets the API server's address in every pod.
    pub fn here() -> Self {
        match std::env::var_os("KUBERNETES_SERVICE_HOST") {
            Some(_) => Self::Inside,
            None => Self::Outside,
        }
    }
}

/// An address of the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// IP address or host name.
    pub address: String,
    /// TLS port.
    pub https: u16,
    /// Plain HTTP port, if the Service has one.
    pub http: Option<u16>,
}

fn items<T>(kind: &Kind<T>) -> &[T] {
    match kind {
        Known::Known(listed) => &listed.items,
        Known::Unknown(_) => &[],
    }
}

/// Addresses of the gateway, most suitable first; empty if it serves no TLS.
pub fn targets(facts: &Facts, host: Option<&str>, vantage: Vantage) -> Vec<Target> {
    let namespace = facts.about.namespace.as_str();
    let is_ingress = |service: &&Service| {
        service.metadata.namespace == namespace && service.is_ingress_gateway()
    };
    let mut targets = Vec::new();
    for service in items(&facts.services).iter().filter(is_ingress) {
        let Some(https) = port(service, &ports(facts, true)) else {
            continue;
        };
        let http = port(service, &[ports(facts, false), vec![8080, 80]].concat());
        let mut addresses = service.addresses(vantage == Vantage::Inside);
        // The host name may resolve to the gateway even if the Service has no address.
        if vantage == Vantage::Outside && addresses.is_empty() && service.is_exposed() {
            addresses.extend(host.map(str::to_owned));
        }
        targets.extend(addresses.into_iter().map(|address| Target { address, https, http }));
    }
    targets
}

/// Ports of the ingress gateway's servers, with or without TLS.
fn ports(facts: &Facts, is_tls: bool) -> Vec<u16> {
    let on_ingress = |gateway: &&Gateway| {
        let selector = &gateway.spec.selector;
        selector.get("istio").is_some_and(|value| **value == *"ingressgateway")
    };
    let gateways = items(&facts.gateways).iter().filter(on_ingress);
    gateways
        .flat_map(|gateway| &gateway.spec.servers)
        .filter(|server| (&*server.port.protocol == "HTTPS") == is_tls)
        .map(|server| server.port.number)
        .collect()
}

/// The port of the Service that forwards to one of these ports of the pods.
fn port(service: &Service, pod_ports: &[u16]) -> Option<u16> {
    let forwards = |port: u16, target: &Option<PortRef>| match target {
        Some(PortRef::Number(number)) => pod_ports.contains(number),
        _ => pod_ports.contains(&port),
    };
    let ports = service.spec.ports.iter();
    let matching = ports.filter(|port| forwards(port.port, &port.target_port));
    matching.map(|port| port.port).next()
}
