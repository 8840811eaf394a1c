//! Istio's Sidecars: what they open to pods, and where they send what pods ask for.
//!
//! Source: Istio's Sidecar API; `defaultEndpoint` and `outboundTrafficPolicy`. Gateways read none.

use serde::Deserialize;

use super::authorization::Mesh;
use super::entrances::names::{Covered, covered};
use super::mesh_options::mesh_options;
use super::{Context, MissingFact};
use crate::facts::object::Object as _;
use crate::facts::traffic::{Sidecar, SidecarListener};

/// A Sidecar that proxies of the platform or of profiles read.
pub struct OwnSidecar<'a> {
    /// The Sidecar.
    pub sidecar: &'a Sidecar,
    /// Whether it is for the pods of every namespace that has none of its own.
    pub is_for_mesh: bool,
}

/// Those of the cluster.
pub fn own_sidecars<'a>(context: &Context<'a>) -> Result<Vec<OwnSidecar<'a>>, MissingFact> {
    let root = Mesh::of(context)?.root_namespace;
    let mut all = Vec::new();
    for sidecar in context.sidecars()? {
        let namespace = &*sidecar.metadata.namespace;
        let is_for_mesh = *namespace == *root && sidecar.spec.workload_selector.is_none();
        if is_for_mesh || context.is_ours(namespace)? {
            all.push(OwnSidecar { sidecar, is_for_mesh });
        }
    }
    Ok(all)
}

/// Whether a port leads to what pods offer to themselves only: a loopback address or a socket.
pub fn opens_loopback(listener: &SidecarListener) -> bool {
    let endpoint = &*listener.default_endpoint;
    let host = endpoint.rsplit_once(':').map_or(endpoint, |(host, _)| host);
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    endpoint.starts_with("unix:") || address.is_ok_and(|address| address.is_loopback())
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    outbound_traffic_policy: Outbound,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Outbound {
    mode: String,
}

/// Whether the mesh refuses requests to hosts that it does not know.
pub fn is_registry_only(context: &Context<'_>) -> Result<bool, MissingFact> {
    let options = mesh_options::<Options>(context)?.unwrap_or_default();
    Ok(options.outbound_traffic_policy.mode == "REGISTRY_ONLY")
}

/// The Service of a profile to which a Sidecar sends what its pods ask of hosts that the mesh does
/// not know, if it is another namespace's.
pub fn foreign_proxy(
    context: &Context<'_>,
    sidecar: &Sidecar,
) -> Result<Option<String>, MissingFact> {
    let policy = sidecar.spec.outbound_traffic_policy.as_ref();
    let Some(proxy) = policy.and_then(|policy| policy.egress_proxy.as_ref()) else {
        return Ok(None);
    };
    let own = &*sidecar.metadata.namespace;
    let Some(Covered::One(namespace, _)) = covered(&proxy.host, own) else {
        return Ok(None);
    };
    let is_of_profile = context.profile_namespaces()?.contains(namespace);
    Ok((namespace != own && is_of_profile).then(|| proxy.host.to_string()))
}

impl OwnSidecar<'_> {
    /// Whose pods read it, in words.
    pub fn pods(&self) -> String {
        let meta = self.sidecar.meta();
        match (self.is_for_mesh, &self.sidecar.spec.workload_selector) {
            (true, _) => "pods of every namespace".to_owned(),
            (_, None) => format!("pods of {}", meta.namespace),
            (_, Some(_)) => format!("selected pods of {}", meta.namespace),
        }
    }
}
