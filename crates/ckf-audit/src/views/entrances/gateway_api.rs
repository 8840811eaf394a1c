//! Entrances by Gateways of the Gateway API, of any class and namespace, and the routes of each
//! kind that attach to their listeners.

use super::entrance::{Destination, Entrance, From, Front, Opening};
use super::istio::network;
use super::listeners::{GatewayListener, is_granted};
use crate::facts::istio::{AmbientGateway, AmbientRouteSpec, AmbientRule, BackendRef, Listener};
use crate::facts::object::{Meta, Object, ObjectRef};
use crate::views::login::{Login, MeshLogin, mesh_login, modifiers, setters};
use crate::views::origins::opened_by_filter;
use crate::views::{Context, MissingFact};

/// Classes of the mesh's own Gateways, which are no entrance.
const INNER: [&str; 2] = ["istio-waypoint", "istio-east-west"];

/// A route of any kind.
struct Route<'a> {
    reference: ObjectRef,
    meta: &'a Meta,
    kind: &'static str,
    spec: &'a AmbientRouteSpec,
}

fn routes<'a>(context: &Context<'a>) -> Result<Vec<Route<'a>>, MissingFact> {
    fn of<'a, T: Object>(all: &'a [T], spec: fn(&'a T) -> &'a AmbientRouteSpec) -> Vec<Route<'a>> {
        let route = |one: &'a T| Route {
            reference: one.reference(),
            meta: one.meta(),
            kind: T::KIND,
            spec: spec(one),
        };
        all.iter().map(route).collect()
    }
    let mut all = of(context.ambient_routes()?, |route| &route.spec);
    all.extend(of(context.grpc_routes()?, |route| &route.spec));
    all.extend(of(context.tls_routes()?, |route| &route.spec));
    all.extend(of(context.tcp_routes()?, |route| &route.spec));
    Ok(all)
}

/// Entrances by listeners of Gateways.
pub(super) fn entrances(context: &Context<'_>) -> Result<Vec<Entrance>, MissingFact> {
    let gateways = context.ambient_gateways()?.iter();
    let gateways = gateways.filter(|g| !INNER.contains(&&*g.spec.gateway_class_name));
    let gateways: Vec<&AmbientGateway> = gateways.collect();
    let mut all = Vec::new();
    if gateways.is_empty() {
        return Ok(all);
    }
    let routes = routes(context)?;
    for gateway in gateways {
        let login = login(context, gateway)?;
        let namespace = &*gateway.metadata.namespace;
        let labels = Login::labels_of(gateway);
        let leading: Vec<_> =
            context.services()?.iter().filter(|s| s.selects(namespace, &labels)).collect();
        let is_inner = !leading.is_empty() && !leading.iter().any(|s| s.is_exposed());
        for of_gateway in GatewayListener::all(context, gateway)? {
            let listener = of_gateway.listener;
            let mut leads_to = Vec::new();
            for route in &routes {
                if attaches(context, route, &of_gateway)? {
                    leads_to.extend(destinations(context, route)?);
                }
            }
            all.push(Entrance {
                object: of_gateway.object,
                field: format!("spec.listeners[{}]", listener.name),
                opening: Opening::GatewayApi,
                port: format!("{} {}", listener.protocol, listener.port),
                from: if is_inner { From::Pods } else { From::Outside },
                hosts: listener.hostname.iter().map(ToString::to_string).collect(),
                leads_to,
                tls: tls(listener),
                login: match is_http(listener) {
                    true => login.clone(),
                    false => Front::Missing("a filter of HTTP sees nothing of it".into()),
                },
                policy: Front::Unknown("see its AuthorizationPolicies".into()),
                network: network(leading.iter().copied()),
            });
        }
    }
    Ok(all)
}

fn login(context: &Context<'_>, gateway: &AmbientGateway) -> Result<Front, MissingFact> {
    if let Some(undone) = Login::of_gateway(context, gateway)?.undone.first() {
        return Ok(Front::Missing(format!("{} {}", undone.object, undone.how)));
    }
    Ok(match mesh_login(context, gateway)? {
        MeshLogin::Asked(authoriser) => Front::There(format!("{} is asked", authoriser.service)),
        MeshLogin::Open(object, field, seen, _) => {
            let object = object.map_or(String::new(), |object| format!("{object}: "));
            Front::Missing(format!("{object}{field} {seen}"))
        }
        MeshLogin::Unknown(why) => Front::Unknown(why),
    })
}

fn is_http(listener: &Listener) -> bool {
    matches!(&*listener.protocol, "HTTP" | "HTTPS")
}

fn tls(listener: &Listener) -> Front {
    let tls = listener.tls.as_ref();
    match &*listener.protocol {
        "HTTPS" | "TLS" if tls.is_some_and(|tls| tls.mode == "Passthrough") => {
            Front::There("passed through to what is behind".into())
        }
        "HTTPS" | "TLS" if tls.is_some_and(|tls| !tls.certificate_refs.is_empty()) => {
            Front::There("it ends TLS".into())
        }
        "HTTPS" | "TLS" => Front::Missing("it has no certificate".into()),
        protocol => Front::Missing(format!("{protocol} is clear text")),
    }
}

/// Whether a route attaches to a listener of a Gateway.
fn attaches(
    context: &Context<'_>,
    route: &Route<'_>,
    to: &GatewayListener<'_>,
) -> Result<bool, MissingFact> {
    let fits = match route.kind {
        "HTTPRoute" | "GRPCRoute" => is_http(to.listener),
        "TLSRoute" => to.listener.protocol == "TLS",
        _ => matches!(&*to.listener.protocol, "TCP" | "TLS"),
    };
    Ok(fits && to.is_attached(context, &route.spec.parent_refs, &route.meta.namespace)?)
}

/// Whether a rule only redirects to HTTPS.
fn is_redirect(rule: &AmbientRule) -> bool {
    let redirects = |filter: &crate::facts::istio::AmbientFilter| {
        let redirect = filter.request_redirect.as_ref();
        redirect.is_some_and(|redirect| redirect.scheme.as_deref() == Some("https"))
    };
    rule.filters.iter().any(redirects)
}

fn destinations(context: &Context<'_>, route: &Route<'_>) -> Result<Vec<Destination>, MissingFact> {
    let mut all = Vec::new();
    let mut add = |backend: &BackendRef,
                   is_mirror: bool,
                   sets: Option<&str>,
                   origins: &Option<String>| {
        let namespace = backend.namespace.as_ref().unwrap_or(&route.meta.namespace);
        let is_service = backend.kind.as_deref().is_none_or(|kind| kind == "Service");
        let kind = backend.kind.as_deref().unwrap_or("Service");
        let from = (route.kind, &*route.meta.namespace);
        if is_service && !is_granted(context, from, (namespace, &backend.name))? {
            let host =
                format!("Service {namespace}/{}, which no ReferenceGrant opens", backend.name);
            all.push(Destination::new(route.reference.clone(), host, namespace));
            return Ok(());
        }
        all.push(Destination {
            route: route.reference.clone(),
            path: route.spec.hostnames.iter().map(|host| &**host).collect::<Vec<_>>().join(", "),
            host: match is_service {
                true => format!("{}.{namespace}.svc.cluster.local", backend.name),
                false => format!("{kind} {namespace}/{}", backend.name),
            },
            namespace: namespace.to_string(),
            is_ours: context.is_ours(namespace)?,
            is_platform: context.platform_namespaces().contains(&&**namespace),
            is_mirror,
            sets: sets.map(str::to_owned),
            origins: origins.clone(),
        });
        Ok(())
    };
    for rule in route.spec.rules.iter().filter(|rule| !is_redirect(rule)) {
        for backend in &rule.backend_refs {
            let sets = setters(modifiers(&rule.filters).chain(modifiers(&backend.filters)));
            let filters = rule.filters.iter().chain(&backend.filters);
            let mut cors = filters.filter_map(|filter| filter.cors.as_deref());
            add(backend, false, sets, &cors.find_map(opened_by_filter))?;
        }
        let filters = rule.filters.iter().chain(rule.backend_refs.iter().flat_map(|b| &b.filters));
        for mirror in filters.filter_map(|filter| filter.request_mirror.as_deref()) {
            add(&mirror.backend_ref, true, None, &None)?;
        }
    }
    Ok(all)
}
