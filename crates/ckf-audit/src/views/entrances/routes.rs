//! VirtualServices by the Gateways to which they are bound, with delegates and mirrors, and where
//! each of their routes leads.

use std::collections::HashMap;

use super::destination::Destination;
use super::names::{self, gateway};
use crate::facts::istio::{Gateway, HttpRoute, VirtualService};
use crate::facts::object::Object as _;
use crate::views::login::setters;
use crate::views::origins::opened;
use crate::views::{Context, MissingFact};

/// Values by namespace and name.
type ByName<'a, T> = HashMap<&'a str, HashMap<&'a str, T>>;

/// VirtualServices by Gateway.
pub struct Routes<'a> {
    by_gateway: ByName<'a, Vec<&'a VirtualService>>,
    by_name: ByName<'a, &'a VirtualService>,
    /// Hosts for which Services are other names.
    aliases: ByName<'a, &'a str>,
}

impl<'a> Routes<'a> {
    /// Those of the cluster.
    pub fn of(context: &Context<'a>) -> Result<Self, MissingFact> {
        let mut by_gateway: ByName<'a, Vec<&VirtualService>> = HashMap::new();
        let mut by_name: ByName<'a, &VirtualService> = HashMap::new();
        for service in context.virtual_services()? {
            let own = &*service.metadata.namespace;
            by_name.entry(own).or_default().insert(&service.metadata.name, service);
            for named in service.spec.gateways.iter().filter(|named| ***named != *names::MESH) {
                let (namespace, name) = gateway(named, own);
                let bound = by_gateway.entry(namespace).or_default().entry(name).or_default();
                if !bound.last().is_some_and(|last| std::ptr::eq(*last, service)) {
                    bound.push(service);
                }
            }
        }
        let mut aliases: ByName<'a, &str> = HashMap::new();
        for service in context.services()?.iter().filter(|s| s.spec.kind == "ExternalName") {
            if let Some(host) = &service.spec.external_name {
                let meta = &service.metadata;
                aliases.entry(&meta.namespace).or_default().insert(&meta.name, host);
            }
        }
        Ok(Self { by_gateway, by_name, aliases })
    }

    /// Those that are bound to a Gateway.
    pub fn bound_to(&self, gateway: &Gateway) -> &[&'a VirtualService] {
        let of_namespace = self.by_gateway.get(&*gateway.metadata.namespace);
        let bound = of_namespace.and_then(|all| all.get(gateway.metadata.name.as_str()));
        bound.map(Vec::as_slice).unwrap_or_default()
    }

    /// Where the routes of a VirtualService lead that are for this Gateway, or for all.
    pub fn destinations(
        &self,
        context: &Context<'_>,
        service: &'a VirtualService,
        on: Option<&Gateway>,
    ) -> Result<Vec<Destination>, MissingFact> {
        let own = &*service.metadata.namespace;
        let is_here = |route: &HttpRoute| {
            route.matches.is_empty()
                || route.matches.iter().any(|matched| {
                    matched.gateways.is_empty()
                        || on.is_none_or(|on| {
                            let key = (&*on.metadata.namespace, on.metadata.name.as_str());
                            matched.gateways.iter().any(|named| gateway(named, own) == key)
                        })
                })
        };
        let mut all = Vec::new();
        for route in service.spec.http.iter().filter(|route| is_here(route)) {
            self.of_route(context, service, route, &paths(route), &mut all)?;
        }
        let streams = service.spec.tls.iter().chain(&service.spec.tcp);
        for to in streams.flat_map(|stream| &stream.route) {
            let what = "a TCP or TLS route".to_owned();
            all.push(self.destination(context, service, what, &to.destination.host, false)?);
        }
        Ok(all)
    }

    fn of_route(
        &self,
        context: &Context<'_>,
        service: &'a VirtualService,
        route: &HttpRoute,
        paths: &[String],
        all: &mut Vec<Destination>,
    ) -> Result<(), MissingFact> {
        let own = &*service.metadata.namespace;
        let of_route = route.headers.as_deref().map(|headers| &headers.request);
        let origins = route.cors_policy.as_deref().and_then(|cors| opened(context, cors));
        for path in paths {
            for to in &route.route {
                let of_destination = to.headers.as_deref().map(|headers| &headers.request);
                let sets = setters(of_route.into_iter().chain(of_destination));
                let host = &to.destination.host;
                let to = self.destination(context, service, path.clone(), host, false)?;
                let (sets, origins) = (sets.map(str::to_owned), origins.clone());
                all.push(Destination { sets, origins, ..to });
            }
            let mirrors = route.mirrors.iter().map(|mirror| &mirror.destination);
            for to in route.mirror.iter().chain(mirrors) {
                all.push(self.destination(context, service, path.clone(), &to.host, true)?);
            }
        }
        let Some(delegate) = &route.delegate else {
            return Ok(());
        };
        let namespace = if delegate.namespace.is_empty() { own } else { &delegate.namespace };
        match self.by_name.get(namespace).and_then(|all| all.get(&*delegate.name)) {
            // Istio follows no delegate of a delegate.
            Some(to) if route.route.is_empty() && !std::ptr::eq(*to, service) => {
                for further in to.spec.http.iter().filter(|further| further.delegate.is_none()) {
                    let own = self::paths(further);
                    let paths = if own == ["/"] { paths } else { &own };
                    self.of_route(context, to, further, paths, all)?;
                }
            }
            _ => {
                let host =
                    format!("the VirtualService {namespace}/{}, which is not there", delegate.name);
                let path = paths.first().cloned().unwrap_or_default();
                let to = Destination::new(service.reference(), host, namespace);
                all.push(Destination { path, ..to });
            }
        }
        Ok(())
    }

    /// Where a route leads by a host: a Service that is another name leads to what it names.
    fn destination(
        &self,
        context: &Context<'_>,
        service: &VirtualService,
        path: String,
        host: &str,
        is_mirror: bool,
    ) -> Result<Destination, MissingFact> {
        let (name, of) = names::destination(host, &service.metadata.namespace);
        let host = self.aliases.get(of).and_then(|all| all.get(name)).copied().unwrap_or(host);
        let (_, namespace) = names::destination(host, of);
        Ok(Destination {
            path,
            is_ours: context.is_ours(namespace)?,
            is_platform: context.platform_namespaces().contains(&namespace),
            is_mirror,
            ..Destination::new(service.reference(), host.to_owned(), namespace)
        })
    }
}

/// Paths of a route.
fn paths(route: &HttpRoute) -> Vec<String> {
    if route.matches.is_empty() {
        return vec!["/".into()];
    }
    let path =
        |uri: &crate::facts::istio::StringMatch| match uri.prefix.as_ref().or(uri.exact.as_ref()) {
            Some(text) => text.to_string(),
            None => format!("~{}", uri.regex.as_deref().unwrap_or_default()),
        };
    let paths = route.matches.iter().map(|matched| &matched.uri);
    paths.map(|uri| uri.as_ref().map_or_else(|| "/".into(), path)).collect()
}

/// A route of a model, as KServe and net-istio write it: for hosts of its own, each of which names
/// the profile. A route for every host, or for the platform's, is none, whatever its labels.
pub fn is_of_model(context: &Context<'_>, service: &VirtualService) -> bool {
    const LABELS: [&str; 2] =
        ["serving.kserve.io/inferenceservice", "networking.internal.knative.dev/ingress"];
    let own = &*service.metadata.namespace;
    let is_own = |host: &str| {
        let (first, rest) = host.split_once('.').unwrap_or((host, ""));
        let second = rest.split('.').next().unwrap_or_default();
        let names_profile = second == own || first.ends_with(&format!("-{own}"));
        names_profile
            && !host.contains('*')
            && context.policy.external_hostname.as_deref() != Some(host)
    };
    LABELS.iter().any(|label| service.metadata.label(label).is_some())
        && !service.spec.hosts.is_empty()
        && service.spec.hosts.iter().all(|host| is_own(host))
}
