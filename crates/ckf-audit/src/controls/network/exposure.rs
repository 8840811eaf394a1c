//! What is exposed to the outside, and by which routes.

use std::collections::HashSet;

use crate::catalog::Release;
use crate::controls::check::Check;
use crate::facts::istio::VirtualService;
use crate::facts::object::{Meta, Object, ObjectRef};
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::policy::{Allowed, allowed};
use crate::views::entrances::names::destination;
use crate::views::entrances::{
    Destination, Opening, Part, Routes, is_by_gateway, is_of_model, takings,
};
use crate::views::ingress::Ingress;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("NET-06", nothing_else_exposed), ("NET-07", source_ranges), ("NET-08", known_routes)];

/// NET-06: Nothing but the gateway is exposed
fn nothing_else_exposed(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let mut findings: Vec<Finding> = Vec::new();
    let allow = &context.policy.allow;
    for entrance in context.entrances_of(&[Part::Ingresses, Part::Direct])? {
        let object = entrance.object.clone();
        let mut add = |seen: String, wanted: &str| {
            findings.push(finding(object.clone(), &entrance.field, seen, wanted));
        };
        match entrance.opening {
            Opening::Service if is_allowed(context, &allow.services, &object) => {}
            Opening::Service => {
                let kind = kind_of(context, &object)?;
                add(kind, "ClusterIP");
            }
            Opening::HostPort => {
                add(format!("{} of the node", entrance.port), "no port of the node");
            }
            Opening::HostNetwork => {
                add(format!("true, with {}", entrance.port), "a network of its own");
            }
            Opening::Ingress if !is_by_gateway(entrance) && entrance.leads_to_ours() => {
                let seen = format!("leads to {} beside the gateway", entrance.destinations());
                add(seen, "routes on the platform's gateway");
            }
            _ => {}
        }
    }
    Ok(outcome(findings, "only the gateway is exposed"))
}

/// The type of an exposed Service.
fn kind_of(context: &Context<'_>, object: &ObjectRef) -> Result<String, MissingFact> {
    let mut services = context.services()?.iter();
    let service = services.find(|service| {
        *service.metadata.namespace == *object.namespace && service.metadata.name == object.name
    });
    Ok(service.map_or_else(String::new, |service| service.spec.kind.to_string()))
}

/// Whether an allow-list names an object.
fn is_allowed(context: &Context<'_>, list: &[Allowed], object: &ObjectRef) -> bool {
    if list.is_empty() {
        return false;
    }
    let meta = meta_of(context, object);
    let named = Meta {
        name: object.name.clone(),
        namespace: object.namespace.as_str().into(),
        ..Meta::default()
    };
    list.iter().any(|entry| entry.allows(meta.unwrap_or(&named)))
}

/// Metadata of an object of a kind that opens a way, if it is there.
fn meta_of<'a>(context: &Context<'a>, object: &ObjectRef) -> Option<&'a Meta> {
    fn find<'a, T: Object>(
        all: Result<&'a [T], MissingFact>,
        object: &ObjectRef,
    ) -> Option<&'a Meta> {
        let mut all = all.ok()?.iter().map(Object::meta);
        all.find(|meta| meta.name == object.name && *meta.namespace == *object.namespace)
    }
    match object.kind.as_str() {
        "Service" => find(context.services(), object),
        "VirtualService" => find(context.virtual_services(), object),
        "ServiceEntry" => find(context.service_entries(), object),
        "Ingress" => find(context.ingresses(), object),
        "DomainMapping" => find(context.domain_mappings(), object),
        _ => None,
    }
}

/// NET-07: The gateway is reachable from allowed addresses only
fn source_ranges(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let wanted = &context.policy.source_ranges;
    if wanted.is_empty() {
        return Ok(Outcome::NotApplicable("the policy sets no source-ranges".into()));
    }
    let ingress = Ingress::find(context)?;
    let mut findings = Vec::new();
    let services = context.services()?.iter().filter(|s| {
        s.is_exposed()
            && ingress.running.iter().any(|p| s.selects(&p.metadata.namespace, &p.metadata.labels))
    });
    for service in services {
        let seen: Vec<&str> =
            service.spec.load_balancer_source_ranges.iter().map(|r| &**r).collect();
        if seen.is_empty() || !seen.iter().all(|r| wanted.iter().any(|w| w == r)) {
            let text = if seen.is_empty() { "everywhere".to_owned() } else { seen.join(", ") };
            findings.push(finding(
                service.reference(),
                "spec.loadBalancerSourceRanges",
                text,
                wanted.join(", "),
            ));
        }
        let addresses: Vec<&str> = service.spec.external_ips.iter().map(|ip| &**ip).collect();
        if !addresses.is_empty() {
            // kube-proxy applies the ranges to the load balancer's addresses only.
            let seen = format!("{}, to which the ranges do not apply", addresses.join(", "));
            findings.push(finding(service.reference(), "spec.externalIPs", seen, "none"));
        }
    }
    Ok(outcome(findings, "the gateway admits the policy's addresses only"))
}

/// Knative's Gateway for requests within the cluster, to which KServe routes.
fn is_local_gateway(context: &Context<'_>, service: &str, namespace: &str) -> bool {
    service == "knative-local-gateway"
        && (namespace == context.namespace() || namespace == "istio-system")
}

/// Whether a destination is one that the release's charms or a profile's controllers make.
fn is_known(
    context: &Context<'_>,
    release: &Release,
    service: &VirtualService,
    to: &Destination,
) -> Result<bool, MissingFact> {
    let (namespace, own) = (context.namespace(), &*service.metadata.namespace);
    let (target, target_namespace) = destination(&to.host, &to.route.namespace);
    let of_release = release.routes.iter().any(|r| {
        r.prefix.trim_end_matches('/') == to.path.trim_end_matches('/')
            && r.service == target
            && target_namespace == namespace
    });
    let is_of_profile = context.profile_namespaces()?.contains(own);
    // Notebooks, tensorboards and volume viewers have routes of their profile.
    let of_profile = is_of_profile
        && target_namespace == own
        && ["/notebook/", "/tensorboard/", "/pvcviewers/", "/pvcviewer/"]
            .iter()
            .any(|kind| to.path.starts_with(&format!("{kind}{own}/")));
    let of_model = is_of_profile
        && is_of_model(context, service)
        && (target_namespace == own || is_local_gateway(context, target, target_namespace));
    Ok(of_release || of_profile || of_model)
}

/// NET-08: Only known routes are on the gateway
fn known_routes(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let ingress = Ingress::find(context)?;
    if !ingress.exists() {
        return Ok(Outcome::NotApplicable("there is no Istio ingress gateway".into()));
    }
    let release = context.release()?;
    let allow = &context.policy.allow.virtualservices;
    let routes = Routes::of(context)?;
    let (mut findings, mut checked, mut seen) = (Vec::new(), 0, HashSet::new());
    let on_ingress = context.gateways()?.iter().filter(|g| ingress.is_selected(&g.spec.selector));
    for service in on_ingress.flat_map(|gateway| routes.bound_to(gateway)) {
        if !seen.insert(std::ptr::from_ref(*service)) || allowed(allow, *service) {
            continue;
        }
        checked += 1;
        for to in routes.destinations(context, service, None)? {
            if !is_known(context, release, service, &to)? {
                let copies = if to.is_mirror { "copies of " } else { "" };
                findings.push(finding(
                    service.reference(),
                    "spec.http",
                    format!("{copies}{} goes to {}", to.path, to.host),
                    "a route of the release or of a profile",
                ));
            }
        }
    }
    for entrance in context.entrances_of(&[Part::Ingresses, Part::DomainMappings])? {
        let is_route = entrance.opening == Opening::DomainMapping || is_by_gateway(entrance);
        if is_route && entrance.leads_to_ours() && !is_allowed(context, allow, &entrance.object) {
            let hosts = if entrance.hosts.is_empty() {
                "every host".into()
            } else {
                entrance.hosts.join(", ")
            };
            let seen = format!("publishes {} by {hosts}", entrance.destinations());
            let wanted = "a route of the release or of a profile";
            findings.push(finding(entrance.object.clone(), &entrance.field, seen, wanted));
        }
    }
    for taking in
        takings(context)?.into_iter().filter(|taking| !is_allowed(context, allow, &taking.object))
    {
        let seen = format!("{}, whose requests go to {}", taking.host, taking.to);
        let wanted = "hosts of its own namespace, or of none of the cluster";
        findings.push(finding(taking.object, "spec.hosts", seen, wanted));
    }
    Ok(outcome(findings, format!("{} known", count(checked, "VirtualService"))))
}
