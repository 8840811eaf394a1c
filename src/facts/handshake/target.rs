//! Where the gateway is reached.

use crate::facts::Facts;
use crate::facts::core::{PortRef, Service};
use crate::facts::istio::Gateway;
use crate::facts::known::{Kind, Known};

/// From where the gateway is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vantage {
    /// A pod of the cluster.
    Inside,
    /// Anywhere else.
    Outside,
}

impl Vantage {
    /// From where this process looks: each pod is told where the API server is.
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
    /// Address or name.
    pub address: String,
    /// Port of TLS.
    pub https: u16,
    /// Port without TLS.
    pub http: Option<u16>,
}

fn items<T>(kind: &Kind<T>) -> &[T] {
    match kind {
        Known::Known(listed) => &listed.items,
        Known::Unknown(_) => &[],
    }
}

/// Addresses of the gateway, best first; none if it serves no TLS.
pub fn targets(facts: &Facts, host: Option<&str>, vantage: Vantage) -> Vec<Target> {
    let namespace = facts.about.namespace.as_str();
    let is_ingress = |service: &&Service| {
        service.metadata.namespace == namespace && service.is_ingress_gateway()
    };
    let mut found = Vec::new();
    for service in items(&facts.services).iter().filter(is_ingress) {
        let Some(https) = port(service, &ports(facts, true)) else {
            continue;
        };
        let http = port(service, &[ports(facts, false), vec![8080, 80]].concat());
        let mut addresses = service.addresses(vantage == Vantage::Inside);
        // A host name may lead there even where the Service does not say so.
        if vantage == Vantage::Outside && addresses.is_empty() && service.is_exposed() {
            addresses.extend(host.map(str::to_owned));
        }
        found.extend(addresses.into_iter().map(|address| Target { address, https, http }));
    }
    found
}

/// Ports of servers on the ingress that speak TLS, or that do not.
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

/// The Service's port that leads to one of the pods' ports.
fn port(service: &Service, wanted: &[u16]) -> Option<u16> {
    let leads = |port: u16, target: &Option<PortRef>| match target {
        Some(PortRef::Number(number)) => wanted.contains(number),
        _ => wanted.contains(&port),
    };
    let ports = service.spec.ports.iter();
    let found = ports.filter(|port| leads(port.port, &port.target_port));
    found.map(|port| port.port).next()
}
