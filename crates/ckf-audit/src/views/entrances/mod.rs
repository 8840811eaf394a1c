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
mod listeners;
mod mesh;
pub mod names;
mod other_gateways;
pub mod part;
mod routes;
mod sidecars;

pub use self::entrance::{Destination, Entrance, From, Front, Opening};
pub use self::ingresses::is_by_gateway;
pub use self::listeners::GatewayListener;
pub use self::mesh::{Taking, takings};
use self::part::Entrances;
pub use self::part::Part;
pub use self::routes::{Routes, is_of_model};
use super::ingress::Ingress;
use super::{Context, MissingFact};

impl Part {
    /// Its entrances, by object.
    fn entrances(self, context: &Context<'_>) -> Result<Vec<Entrance>, MissingFact> {
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
            Self::Sidecars => sidecars::entrances(context)?,
            Self::Mesh => takings(context)?.into_iter().map(of_taking).collect(),
        };
        all.sort_by(|a, b| {
            (&a.opening, &a.object, &a.field).cmp(&(&b.opening, &b.object, &b.field))
        });
        Ok(all)
    }
}

impl<'a> Context<'a> {
    /// Ways into the platform and its profiles, of these parts of the inventory.
    pub fn entrances_of(&self, parts: &[Part]) -> Result<Vec<&Entrance>, MissingFact> {
        let mut all = Vec::new();
        for part in parts {
            let cell = &self.entrances[*part as usize];
            if cell.get().is_none() {
                let (unread, consulted) = (self.unread.take(), self.consulted.take());
                let entrances = part.entrances(self);
                let unread = self.unread.replace(unread);
                let consulted = self.consulted.replace(consulted);
                // Consulted in vain, too.
                self.consulted.borrow_mut().extend(&consulted);
                let known = Entrances { all: entrances?, consulted, unread };
                let _: Result<(), _> = cell.set(known);
            }
            // Each check is known to consult what they are of.
            if let Some(known) = cell.get() {
                self.consulted.borrow_mut().extend(&known.consulted);
                self.unread.borrow_mut().extend(&known.unread);
                all.extend(&known.all);
            }
        }
        Ok(all)
    }

    /// Every way into the platform and its profiles.
    pub fn entrances(&self) -> Result<Vec<&Entrance>, MissingFact> {
        self.entrances_of(&Part::ALL)
    }
}

fn of_taking(taking: Taking) -> Entrance {
    let front = || Front::Unknown("requests of pods, taken on their way".into());
    let namespace = taking.object.namespace.to_string();
    Entrance {
        leads_to: vec![Destination::new(taking.object.clone(), taking.to, &namespace)],
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
