//! Entrances: every way from outside, and from pods to the gateways' own ports, to a pod of the
//! platform or of a profile, whatever object opens it, with what is in front of it.

mod direct;
mod front;
mod gateway_api;
mod ingresses;
mod istio;
mod mesh;
pub mod names;
mod other_gateways;
mod routes;

use serde::Serialize;

pub use self::front::Front;
pub use self::ingresses::is_by_gateway;
pub use self::mesh::{Taking, takings};
pub use self::routes::{Destination, Routes, is_of_model};
use super::{Context, MissingFact};
use crate::facts::object::ObjectRef;

/// What kind of object opens an entrance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opening {
    /// A Gateway of Istio on the platform's gateway.
    Gateway,
    /// A Gateway of Istio on other pods.
    OtherGateway,
    /// A Gateway of the Gateway API.
    GatewayApi,
    /// An Ingress.
    Ingress,
    /// A Service that is exposed by itself.
    Service,
    /// A port of a node.
    HostPort,
    /// A pod in the network of its node.
    HostNetwork,
    /// A host of Knative.
    DomainMapping,
    /// Requests within the mesh that an object of a profile takes.
    MeshRequests,
}

/// From where an entrance is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    /// From outside of the cluster.
    Outside,
    /// From pods only: of any profile, unless the network refuses.
    Pods,
}

/// A way in.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entrance {
    /// The object that opens it.
    pub object: ObjectRef,
    /// Where in the object.
    pub field: String,
    /// Its kind.
    pub opening: Opening,
    /// Port and protocol.
    pub port: String,
    /// From where it is reached.
    pub from: From,
    /// Hosts that it serves; all if empty.
    pub hosts: Vec<String>,
    /// Where it leads.
    pub leads_to: Vec<Destination>,
    /// TLS in front of it.
    pub tls: Front,
    /// Login in front of it.
    pub login: Front,
    /// AuthorizationPolicies in front of it.
    pub policy: Front,
    /// Addresses that are admitted.
    pub network: Front,
}

/// All entrances, by object.
pub fn inventory(context: &Context<'_>) -> Result<Vec<Entrance>, MissingFact> {
    let routes = Routes::of(context)?;
    let mut all = istio::entrances(context, &routes)?;
    all.extend(gateway_api::entrances(context)?);
    all.extend(ingresses::entrances(context)?);
    all.extend(direct::entrances(context)?);
    all.extend(takings(context)?.into_iter().map(of_taking));
    all.sort_by(|a, b| (&a.opening, &a.object, &a.field).cmp(&(&b.opening, &b.object, &b.field)));
    Ok(all)
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

impl Entrance {
    /// Whether it leads to pods of the platform or of a profile.
    pub fn leads_to_ours(&self) -> bool {
        self.leads_to.iter().any(|to| to.is_ours)
    }

    /// Whether it is one of gateways and proxies, which may have TLS and login; the others bypass
    /// all of them.
    pub fn is_of_proxy(&self) -> bool {
        matches!(
            self.opening,
            Opening::Gateway | Opening::OtherGateway | Opening::GatewayApi | Opening::Ingress
        )
    }

    /// Where it leads to pods of the platform or of a profile, in words.
    pub fn destinations(&self) -> String {
        let ours: std::collections::BTreeSet<&str> =
            self.leads_to.iter().filter(|to| to.is_ours).map(|to| to.host.as_str()).collect();
        let ours: Vec<&str> = ours.into_iter().collect();
        crate::finding::named(&ours)
    }
}
