//! Network: who reaches whom, and by what.

use super::context::{Context, Missing, allowed, by_namespace};
use super::ingress::{Ingress, MAIN_GATEWAY};
use super::traffic::opening;
use super::{Check, Finding, Outcome, count, finding, outcome};
use crate::facts::istio::{PeerAuthentication, VirtualService, reference};
use crate::facts::object::Object;

/// The checks of this section.
pub const CHECKS: &[(&str, Check)] = &[
    ("NET-01", default_deny),
    ("NET-02", web_apps_guarded),
    ("NET-03", mutual_tls_strict),
    ("NET-04", mutual_tls_not_off),
    ("NET-05", pods_in_the_mesh),
    ("NET-06", nothing_else_exposed),
    ("NET-07", source_ranges),
    ("NET-08", known_routes),
];

/// The web apps that believe the header kubeflow-userid, and their ports.
pub(crate) const WEB_APPS: &[(&str, &[u16])] = &[
    ("jupyter-ui", &[5000]),
    ("katib-ui", &[8080]),
    ("kfp-ui", &[3000]),
    ("kubeflow-dashboard", &[8082]),
    ("kubeflow-profiles", &[8081]),
    ("kubeflow-volumes", &[5000]),
    ("tensorboards-web-app", &[5000]),
];

/// kfp-api believes the header too. Profiles have to reach it, so NET-02 does not ask for it to
/// be closed.
pub(crate) const KFP_API: (&str, &[u16]) = ("kfp-api", &[8888, 8887]);

fn no_profiles() -> Outcome {
    Outcome::NotApplicable("there is no Profile".into())
}

fn default_deny(context: &Context<'_>) -> Result<Outcome, Missing> {
    let policies = context.network_policies()?.iter();
    let policies = by_namespace(policies.filter(|p| p.is_for_ingress()));
    let profiles = context.profile_namespaces()?;
    if profiles.is_empty() {
        return Ok(no_profiles());
    }
    let mut findings = Vec::new();
    for profile in profiles {
        let here = policies.get(profile).map(Vec::as_slice).unwrap_or_default();
        let object = reference("v1", "Namespace", "", profile);
        let whole: Vec<_> = here.iter().filter(|p| p.spec.pod_selector.is_empty()).collect();
        if whole.is_empty() {
            let seen = if here.is_empty() {
                "none".to_owned()
            } else {
                format!("{}, none for all pods", count(here.len(), "policy"))
            };
            findings.push(finding(
                object,
                "NetworkPolicy for ingress",
                seen,
                "one with an empty podSelector",
            ));
        }
        for policy in whole.iter().filter(|p| p.spec.ingress.iter().any(|r| r.admits_all())) {
            findings.push(finding(
                policy.reference(),
                "spec.ingress",
                "admits everybody to every pod",
                "chosen sources",
            ));
        }
    }
    Ok(outcome(findings, format!("{} deny by default", count(profiles.len(), "Profile"))))
}

fn web_apps_guarded(context: &Context<'_>) -> Result<Outcome, Missing> {
    let namespace = context.namespace();
    let mut findings = Vec::new();
    let mut guarded = 0;
    for (app, ports) in WEB_APPS {
        let pods = context.pods()?.iter().filter(|p| {
            p.metadata.namespace == *namespace
                && p.metadata.label("app.kubernetes.io/name") == Some(app)
                && !p.is_finished()
        });
        for pod in pods {
            for port in *ports {
                match opening(context, pod, *port, &[namespace])? {
                    None => guarded += 1,
                    Some((object, field, seen)) => {
                        findings.push(finding(
                            object,
                            &field,
                            seen,
                            format!("only the gateway and the control plane reach {app}"),
                        ));
                    }
                }
            }
        }
    }
    if findings.is_empty() && guarded == 0 {
        return Ok(Outcome::NotAssessed("no pod of a web app is there".into()));
    }
    Ok(outcome(
        findings,
        format!(
            "{} closed to other namespaces; kfp-api, which believes the same header, is not among them",
            count(guarded, "port")
        ),
    ))
}

/// The mode of mutual TLS that a namespace's policies set for all its pods, and
/// the object that sets it: of several the oldest holds.
fn mode<'a>(policies: &[&'a PeerAuthentication]) -> Option<(&'a PeerAuthentication, &'a str)> {
    let for_all = policies.iter().filter(|p| is_for_all(p));
    for_all
        .min_by_key(|p| p.created)
        .filter(|p| !matches!(&*p.spec.mtls.mode, "" | "UNSET"))
        .map(|p| (*p, &*p.spec.mtls.mode))
}

pub(crate) fn is_for_all(policy: &PeerAuthentication) -> bool {
    policy.spec.selector.as_ref().is_none_or(|s| s.match_labels.is_empty())
}

fn mutual_tls_strict(context: &Context<'_>) -> Result<Outcome, Missing> {
    let policies = by_namespace(context.peer_authentications()?);
    let of = |namespace: &str| policies.get(namespace).map(Vec::as_slice).unwrap_or_default();
    // The platform's namespace is the root of the mesh.
    let of_mesh = mode(of(context.namespace()));
    let profiles = context.profile_namespaces()?;
    if profiles.is_empty() {
        return Ok(no_profiles());
    }
    let mut findings = Vec::new();
    for profile in profiles {
        // A namespace's own mode goes before that of the mesh.
        match mode(of(profile)).or(of_mesh) {
            Some((_, "STRICT")) => {}
            Some((policy, other)) => {
                findings.push(finding(policy.reference(), "spec.mtls.mode", other, "STRICT"))
            }
            None => {
                let object = reference("v1", "Namespace", "", profile);
                findings.push(finding(
                    object,
                    "PeerAuthentication",
                    "none, so PERMISSIVE",
                    "one with mtls.mode STRICT",
                ));
            }
        }
        for policy in of(profile) {
            let weak = |mode: &str| matches!(mode, "PERMISSIVE" | "DISABLE");
            if !is_for_all(policy) && weak(&policy.spec.mtls.mode) {
                findings.push(finding(
                    policy.reference(),
                    "spec.mtls.mode",
                    &*policy.spec.mtls.mode,
                    "STRICT",
                ));
            }
            for (port, mtls) in
                policy.spec.port_level_mtls.iter().filter(|(_, mtls)| weak(&mtls.mode))
            {
                findings.push(finding(
                    policy.reference(),
                    &format!("spec.portLevelMtls[{port}].mode"),
                    &*mtls.mode,
                    "STRICT",
                ));
            }
        }
    }
    Ok(outcome(findings, format!("{} accept mutual TLS only", count(profiles.len(), "Profile"))))
}

fn mutual_tls_not_off(context: &Context<'_>) -> Result<Outcome, Missing> {
    let mesh = context
        .peer_authentications()?
        .iter()
        .filter(|p| p.metadata.namespace == *context.namespace() && is_for_all(p));
    let findings = mesh
        .filter(|p| p.spec.mtls.mode == "DISABLE")
        .map(|p| finding(p.reference(), "spec.mtls.mode", "DISABLE", "PERMISSIVE or STRICT"))
        .collect();
    Ok(outcome(findings, "no policy of the mesh switches it off"))
}

fn pods_in_the_mesh(context: &Context<'_>) -> Result<Outcome, Missing> {
    let profiles = context.profile_namespaces()?;
    if profiles.is_empty() {
        return Ok(no_profiles());
    }
    let mut ambient = Vec::new();
    let mut findings = Vec::new();
    for namespace in
        context.namespaces()?.iter().filter(|n| profiles.contains(n.metadata.name.as_str()))
    {
        let label = |key: &str| namespace.metadata.label(key);
        if label("istio.io/dataplane-mode") == Some("ambient") {
            ambient.push(namespace.metadata.name.as_str());
        } else if label("istio-injection") != Some("enabled")
            && (label("istio-injection").is_some() || label("istio.io/rev").is_none())
        {
            let seen = label("istio-injection").unwrap_or("absent");
            findings.push(finding(
                namespace.reference(),
                "metadata.labels[istio-injection]",
                seen,
                "enabled",
            ));
        }
    }
    let mut judged = 0;
    let pods = context
        .pods()?
        .iter()
        .filter(|p| profiles.contains(&*p.metadata.namespace) && !p.is_finished());
    for pod in pods {
        judged += 1;
        let sidecar = pod
            .spec
            .containers
            .iter()
            .chain(&pod.spec.init_containers)
            .any(|c| c.name == "istio-proxy");
        let in_ambient = ambient.contains(&&*pod.metadata.namespace)
            && pod.metadata.label("istio.io/dataplane-mode") != Some("none");
        if !sidecar && !in_ambient {
            findings.push(finding(
                pod.reference(),
                "container istio-proxy",
                "missing",
                "a sidecar",
            ));
        }
    }
    Ok(outcome(findings, format!("{} in the mesh", count(judged, "pod"))))
}

fn nothing_else_exposed(context: &Context<'_>) -> Result<Outcome, Missing> {
    let ingress = Ingress::find(context)?;
    let ambient = super::tls::ambient_ingress(context)?;
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

fn source_ranges(context: &Context<'_>) -> Result<Outcome, Missing> {
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

fn known_routes(context: &Context<'_>) -> Result<Outcome, Missing> {
    let namespace = context.namespace();
    let ingress = Ingress::find(context)?;
    if !ingress.exists() {
        return Ok(Outcome::NotApplicable("there is no Istio ingress gateway".into()));
    }
    let release = context.release()?;
    let profiles = context.profile_namespaces()?;
    let mut findings = Vec::new();
    let mut judged = 0;
    for service in context.virtual_services()? {
        let own = &*service.metadata.namespace;
        let on_gateway = service.spec.gateways.iter().any(|g| {
            let (ns, name) = g.split_once('/').unwrap_or((own, g));
            ns == namespace && name == MAIN_GATEWAY
        });
        if !on_gateway || allowed(&context.policy.allow.virtualservices, service) {
            continue;
        }
        judged += 1;
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
            if !of_release && !of_profile {
                findings.push(finding(
                    service.reference(),
                    "spec.http",
                    format!("{path} goes to {host}"),
                    "a route of the release or of a profile",
                ));
            }
        }
    }
    Ok(outcome(findings, format!("{} known", count(judged, "VirtualService"))))
}
