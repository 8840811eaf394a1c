//! What is exposed to the outside, and by which routes.

use crate::controls::check::Check;
use crate::facts::istio::VirtualService;
use crate::facts::object::Object as _;
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::views::context::allowed;
use crate::views::ingress::{Ingress, MAIN_GATEWAY};
use crate::views::mesh::ambient_ingress;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("NET-06", nothing_else_exposed), ("NET-07", source_ranges), ("NET-08", known_routes)];

/// NET-06: No Service but the gateway is exposed
fn nothing_else_exposed(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let ingress = Ingress::find(context)?;
    let ambient = ambient_ingress(context)?;
    let mut findings: Vec<Finding> = Vec::new();
    for service in context.services()?.iter().filter(|s| s.is_exposed()) {
        if !context.is_ours(&service.metadata.namespace)?
            || allowed(&context.policy.allow.services, service)
        {
            continue;
        }
        let is_gateway = ingress
            .running
            .iter()
            .any(|p| service.selects(&p.metadata.namespace, &p.metadata.labels))
            || (ingress.running.is_empty()
                && service.metadata.namespace == *context.namespace()
                && ingress.main.is_some_and(|m| service.spec.selector.include(&m.spec.selector)))
            || ambient.iter().any(|g| {
                service
                    .spec
                    .selector
                    .get("gateway.networking.k8s.io/gateway-name")
                    .is_some_and(|n| *n == *g.metadata.name)
            });
        if !is_gateway {
            findings.push(finding(
                service.reference(),
                "spec.type",
                &*service.spec.kind,
                "ClusterIP",
            ));
        }
    }
    Ok(outcome(findings, "only the gateway is exposed"))
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
    }
    Ok(outcome(findings, "the gateway admits the policy's addresses only"))
}

/// Paths that a VirtualService routes, and where to.
fn routes(service: &VirtualService) -> Vec<(String, String)> {
    let mut routes = Vec::new();
    for http in &service.spec.http {
        let paths: Vec<String> = if http.matches.is_empty() {
            vec!["/".into()]
        } else {
            http.matches
                .iter()
                .map(|m| match &m.uri {
                    None => "/".into(),
                    Some(uri) => {
                        let text = uri.prefix.as_ref().or(uri.exact.as_ref());
                        text.map_or_else(
                            || format!("~{}", uri.regex.as_deref().unwrap_or_default()),
                            ToString::to_string,
                        )
                    }
                })
                .collect()
        };
        for path in paths {
            routes
                .extend(http.route.iter().map(|r| (path.clone(), r.destination.host.to_string())));
        }
    }
    let others = service.spec.tls.iter().chain(&service.spec.tcp).flat_map(|list| &list.route);
    routes
        .extend(others.map(|r| ("a TCP or TLS route".to_owned(), r.destination.host.to_string())));
    routes
}

/// Service and namespace of a destination, by the rules of Istio's short names.
fn destination(host: &str, from: &str) -> (String, String) {
    let mut parts = host.split('.');
    let service = parts.next().unwrap_or_default().to_owned();
    (service, parts.next().unwrap_or(from).to_owned())
}

/// A route of a model, as KServe and net-istio write it: for hosts of its own, each of which names
/// the profile. A route for every host, or for the platform's, is none, whatever its labels.
fn is_of_model(context: &Context<'_>, service: &VirtualService) -> bool {
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

/// Knative's Gateway for requests within the cluster, to which KServe routes.
fn is_local_gateway(context: &Context<'_>, service: &str, namespace: &str) -> bool {
    service == "knative-local-gateway"
        && (namespace == context.namespace() || namespace == "istio-system")
}

/// NET-08: Only known routes are on the gateway
fn known_routes(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let namespace = context.namespace();
    let ingress = Ingress::find(context)?;
    if !ingress.exists() {
        return Ok(Outcome::NotApplicable("there is no Istio ingress gateway".into()));
    }
    let release = context.release()?;
    let profiles = context.profile_namespaces()?;
    let mut findings = Vec::new();
    let mut checked = 0;
    for service in context.virtual_services()? {
        let own = &*service.metadata.namespace;
        let on_gateway = service.spec.gateways.iter().any(|g| {
            let (ns, name) = g.split_once('/').unwrap_or((own, g));
            ns == namespace && name == MAIN_GATEWAY
        });
        if !on_gateway || allowed(&context.policy.allow.virtualservices, service) {
            continue;
        }
        checked += 1;
        for (path, host) in routes(service) {
            let (target, target_namespace) = destination(&host, own);
            let of_release = release.routes.iter().any(|r| {
                r.prefix.trim_end_matches('/') == path.trim_end_matches('/')
                    && r.service == target
                    && target_namespace == namespace
            });
            // Notebooks, tensorboards and volume viewers have routes of their profile.
            let of_profile = profiles.contains(&own)
                && target_namespace == own
                && ["/notebook/", "/tensorboard/", "/pvcviewers/", "/pvcviewer/"]
                    .iter()
                    .any(|kind| path.starts_with(&format!("{kind}{own}/")));
            let of_model = profiles.contains(&own)
                && is_of_model(context, service)
                && (target_namespace == own
                    || is_local_gateway(context, &target, &target_namespace));
            if !of_release && !of_profile && !of_model {
                findings.push(finding(
                    service.reference(),
                    "spec.http",
                    format!("{path} goes to {host}"),
                    "a route of the release or of a profile",
                ));
            }
        }
    }
    Ok(outcome(findings, format!("{} known", count(checked, "VirtualService"))))
}
