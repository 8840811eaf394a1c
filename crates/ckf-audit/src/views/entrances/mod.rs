//! Entrances: every way from outside, and from pods to the gateways' own ports, to a pod of the
//! platform or of a profile, whatever object opens it, with what is in front of it.

mod destination;
mod direct;
mod domain_mappings;
pub mod entrance;
mod front;
mod gateway_api;
mod ingresses;
mod istio;
mod mesh;
pub mod names;
mod other_gateways;
mod routes;

pub use self::entrance::{Destination, Entrance, From, Front, Opening};
pub use self::ingresses::is_by_gateway;
pub use self::mesh::{Taking, takings};
pub use self::routes::{Routes, is_of_model};
use super::ingress::Ingress;
use super::{Context, MissingFact};

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
    /// Requests of the mesh that objects of profiles take.
    Mesh,
}

impl Part {
    /// Every part, in the order of the inventory.
    pub const ALL: [Self; 6] = [
        Self::Gateways,
        Self::GatewayApi,
        Self::Ingresses,
        Self::Direct,
        Self::DomainMappings,
        Self::Mesh,
    ];
    /// Those of gateways and proxies, which may have TLS and login.
    pub const OF_PROXIES: [Self; 3] = [Self::Gateways, Self::GatewayApi, Self::Ingresses];

    /// Its entrances, by object.
    pub(super) fn entrances(self, context: &Context<'_>) -> Result<Vec<Entrance>, MissingFact> {
        let mut all = match self {
            Self::Gateways => {
                let (routes, ingress) = (Routes::of(context)?, Ingress::find(context)?);
                let mut all = istio::entrances(context, &routes, &ingress)?;
                all.extend(other_gateways::entrances(context, &routes, &ingress)?);
                all
            }
            Self::GatewayApi => gateway_api::entrances(context)?,
            Self::Ingresses => ingresses::entrances(context)?,
            Self::Direct => direct::entrances(context)?,
            Self::DomainMappings => domain_mappings::entrances(context)?,
            Self::Mesh => takings(context)?.into_iter().map(of_taking).collect(),
        };
        all.sort_by(|a, b| {
            (&a.opening, &a.object, &a.field).cmp(&(&b.opening, &b.object, &b.field))
        });
        Ok(all)
    }
}

fn of_taking(taking: Taking) -> Entrance {
    let front = || Front::Unknown("requests of pods, taken on their way".into());
    let namespace = taking.object.namespace.to_string();
    Entrance {
        leads_to: vec![Destination {
            route: taking.object.clone(),
            path: String::new(),
            host: taking.to,
            namespace,
            is_ours: false,
            is_platform: false,
            is_mirror: false,
            sets: None,
        }],
        object: taking.object,
        field: "spec.hosts".into(),
        opening: Opening::MeshRequests,
        port: String::new(),
        from: From::Pods,
        hosts: vec![taking.host],
        tls: front(),
        login: front(),
        policy: front(),
        network: front(),
    }
}
