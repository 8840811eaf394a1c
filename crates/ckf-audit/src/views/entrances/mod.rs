//! Entrances: every way from outside, and from pods to the gateways' own ports, to a pod of the
//! platform or of a profile, whatever object opens it, with what is in front of it.

mod destination;
mod direct;
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

/// All entrances, by object.
pub fn inventory(context: &Context<'_>) -> Result<Vec<Entrance>, MissingFact> {
    let routes = Routes::of(context)?;
    let ingress = Ingress::find(context)?;
    let mut all = istio::entrances(context, &routes, &ingress)?;
    all.extend(other_gateways::entrances(context, &routes, &ingress)?);
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
