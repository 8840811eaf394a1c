//! Entrances by Knative's DomainMappings: hosts on the platform's gateway.

use super::entrance::{Destination, Entrance, From, Front, Opening};
use crate::facts::object::Object as _;
use crate::views::{Context, MissingFact};

/// Entrances by DomainMappings.
pub(super) fn entrances(context: &Context<'_>) -> Result<Vec<Entrance>, MissingFact> {
    let mut all = Vec::new();
    for mapping in context.domain_mappings()? {
        let own = &*mapping.metadata.namespace;
        let to = &mapping.spec.target;
        let namespace = if to.namespace.is_empty() { own } else { &to.namespace };
        let is_ours = context.is_ours(namespace)?;
        all.push(Entrance {
            object: mapping.reference(),
            field: "spec.ref".into(),
            opening: Opening::DomainMapping,
            port: "HTTP of the gateway".into(),
            from: From::Outside,
            hosts: vec![mapping.metadata.name.clone()],
            leads_to: vec![Destination {
                path: "/".into(),
                is_ours,
                ..Destination::new(
                    mapping.reference(),
                    format!("{} {}", to.kind, to.name),
                    namespace,
                )
            }],
            tls: Front::Unknown("that of the gateway".into()),
            login: Front::Unknown("that of the gateway".into()),
            policy: Front::Unknown("that of the gateway".into()),
            network: Front::Unknown("that of the gateway".into()),
        });
    }
    Ok(all)
}
