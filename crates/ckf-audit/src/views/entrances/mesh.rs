//! Requests within the mesh that an object of another namespace takes: VirtualServices for the
//! sidecars and ServiceEntries, whose hosts are Services of the platform or of another profile.

use super::names::{MESH, namespace_of_host};
use super::routes::Routes;
use crate::facts::object::{Object as _, ObjectRef};
use crate::facts::text::Interned;
use crate::views::{Context, MissingFact};

/// An object that takes requests to Services of another namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct Taking {
    /// The object.
    pub object: ObjectRef,
    /// The host that it takes.
    pub host: String,
    /// Where the requests go.
    pub to: String,
}

/// Whether an object is seen beyond its own namespace.
fn is_exported(to: &[Interned], own: &str) -> bool {
    to.is_empty()
        || to
            .iter()
            .any(|namespace| **namespace != *"." && **namespace != *"~" && **namespace != *own)
}

/// Every object outside of the platform's namespaces that takes requests to the platform or to
/// another profile.
pub fn takings(context: &Context<'_>) -> Result<Vec<Taking>, MissingFact> {
    let is_foreign = |own: &str| !context.platform_namespaces().contains(&own);
    let taken = |hosts: &[Interned], own: &str| -> Result<Option<String>, MissingFact> {
        for host in hosts {
            if let Some(of) = namespace_of_host(host, own)
                && of != own
                && context.is_ours(of)?
            {
                return Ok(Some(host.to_string()));
            }
        }
        Ok(None)
    };
    let mut all = Vec::new();
    let routes = Routes::of(context)?;
    for service in context.virtual_services()? {
        let own = &*service.metadata.namespace;
        let spec = &service.spec;
        let is_of_mesh = spec.gateways.is_empty() || spec.gateways.iter().any(|g| **g == *MESH);
        if !is_of_mesh || !is_foreign(own) || !is_exported(&spec.export_to, own) {
            continue;
        }
        if let Some(host) = taken(&spec.hosts, own)? {
            let to = routes.destinations(context, service, None)?;
            let to: Vec<&str> = to.iter().map(|to| to.host.as_str()).collect();
            let to = if to.is_empty() { "nowhere".into() } else { crate::finding::named(&to) };
            all.push(Taking { object: service.reference(), host, to });
        }
    }
    for entry in context.service_entries()? {
        let own = &*entry.metadata.namespace;
        if !is_foreign(own) || !is_exported(&entry.spec.export_to, own) {
            continue;
        }
        if let Some(host) = taken(&entry.spec.hosts, own)? {
            let to: Vec<&str> = entry.spec.endpoints.iter().map(|e| &*e.address).collect();
            let to = if to.is_empty() {
                "what its host resolves to".into()
            } else {
                crate::finding::named(&to)
            };
            all.push(Taking { object: entry.reference(), host, to });
        }
    }
    Ok(all)
}
