//! A way in, as data.

use serde::Serialize;

pub use super::destination::Destination;
pub use super::front::Front;
use crate::facts::object::ObjectRef;

/// Kind of object that opens an entrance.
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
    /// A port that a Sidecar opens to pods.
    Sidecar,
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

    /// Foreign origins whose pages read answers on the way with the user's session.
    pub fn origins(&self) -> Option<&str> {
        self.leads_to.iter().find_map(|to| to.origins.as_deref())
    }

    /// Where it leads to pods of the platform or of a profile, in words.
    pub fn destinations(&self) -> String {
        let ours: std::collections::BTreeSet<&str> =
            self.leads_to.iter().filter(|to| to.is_ours).map(|to| to.host.as_str()).collect();
        let ours: Vec<&str> = ours.into_iter().collect();
        crate::finding::named(&ours)
    }
}
