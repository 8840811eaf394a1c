//! The parts of the inventory of entrances.

use std::collections::BTreeSet;

use super::entrance::Entrance;
use crate::facts::known::Unread;

/// A part of the inventory. Each reads the kinds that it needs, so that one that cannot be read
/// leaves what the others show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Gateways of Istio, on the platform's gateway and on other pods.
    Gateways,
    /// Gateways of the Gateway API.
    GatewayApi,
    /// Ingresses.
    Ingresses,
    /// Exposed Services, ports of nodes, and pods in the network of their node.
    Direct,
    /// Knative's hosts.
    DomainMappings,
    /// Ports that Sidecars open to pods.
    Sidecars,
    /// Requests of the mesh that objects of profiles take.
    Mesh,
}

impl Part {
    /// Every part, in the order of the inventory.
    pub const ALL: [Self; 7] = [
        Self::Gateways,
        Self::GatewayApi,
        Self::Ingresses,
        Self::Direct,
        Self::DomainMappings,
        Self::Sidecars,
        Self::Mesh,
    ];
    /// Those of gateways and proxies, which may have TLS and login.
    pub const OF_PROXIES: [Self; 3] = [Self::Gateways, Self::GatewayApi, Self::Ingresses];
}

/// Entrances of a part, with what was consulted for them.
pub(crate) struct Entrances<'a> {
    pub(crate) all: Vec<Entrance>,
    pub(crate) consulted: BTreeSet<&'static str>,
    pub(crate) unread: Vec<&'a Unread>,
}
