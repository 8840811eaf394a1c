//! Requests within the mesh that an object of another namespace takes: VirtualServices for the
//! sidecars and ServiceEntries, whose hosts or addresses are those of Services of the platform or
//! of another profile.

use super::names::{Covered, MESH, covered};
use super::routes::Routes;
use crate::facts::core::Service;
use crate::facts::object::{Object as _, ObjectRef};
use crate::facts::text::Interned;
use crate::views::authorization::AddressRange;
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

/// Whether a host covers Services of the platform or of a profile other than its own namespace's.
fn takes(context: &Context<'_>, host: &str, own: &str) -> Result<bool, MissingFact> {
    let is_foreign = |of: &str| Ok(of != own && context.is_ours(of)?);
    match covered(host, own) {
        None => Ok(false),
        Some(Covered::Every) => Ok(true),
        Some(Covered::Namespace(of)) => is_foreign(of),
        // A name that is not the full one may be a host outside of the cluster.
        Some(Covered::One(of, _)) if host.ends_with(".svc.cluster.local") => is_foreign(of),
        Some(Covered::One(of, name)) => {
            let is_it =
                |known: &Service| known.metadata.name == *name && *known.metadata.namespace == *of;
            Ok(is_foreign(of)? && context.services()?.iter().any(is_it))
        }
    }
}

/// The first of these addresses that is one of a Service of the platform or of another profile.
fn taken_by_address(
    context: &Context<'_>,
    addresses: &[Interned],
    own: &str,
) -> Result<Option<String>, MissingFact> {
    for address in addresses {
        let Some(range) = AddressRange::parse(address) else { continue };
        for service in context.services()? {
            let of = &*service.metadata.namespace;
            let mut ips = service.spec.cluster_ips.iter();
            let is_in = ips.any(|ip| ip.parse().is_ok_and(|ip| range.contains(ip)));
            if is_in && of != own && context.is_ours(of)? {
                return Ok(Some(format!("{address}, with {}", service.reference())));
            }
        }
    }
    Ok(None)
}

/// Every object outside of the platform's namespaces that takes requests to the platform or to
/// another profile.
pub fn takings(context: &Context<'_>) -> Result<Vec<Taking>, MissingFact> {
    let is_foreign = |own: &str| !context.platform_namespaces().contains(&own);
    let taken = |hosts: &[Interned], own: &str| -> Result<Option<String>, MissingFact> {
        for host in hosts {
            if takes(context, host, own)? {
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
        let taken = match taken(&entry.spec.hosts, own)? {
            Some(host) => Some(host),
            None => taken_by_address(context, &entry.spec.addresses, own)?,
        };
        if let Some(host) = taken {
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
