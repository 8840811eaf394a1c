//! Mutual TLS in the mesh.

use crate::controls::check::Check;
use crate::controls::network::policies::no_profiles;
use crate::facts::core::{Namespace, Pod};
use crate::facts::object::{Object as _, ObjectRef};
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::views::authorization::Mesh;
use crate::views::context::by_namespace;
use crate::views::entrances::names::namespace_of_host;
use crate::views::mesh::{is_for_all, is_of_job};
use crate::views::peer_authentication::{Set, of_namespace, of_pod};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("NET-03", mutual_tls_strict), ("NET-04", mutual_tls_not_off), ("NET-05", pods_in_the_mesh)];

/// NET-03: Profiles accept mutual TLS only
fn mutual_tls_strict(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let policies = by_namespace(context.peer_authentications()?);
    let of = |namespace: &str| policies.get(namespace).map(Vec::as_slice).unwrap_or_default();
    let of_mesh = of_namespace(of(&Mesh::of(context)?.root_namespace));
    let profiles = context.profile_namespaces()?;
    if profiles.is_empty() {
        return Ok(no_profiles());
    }
    let mut findings = Vec::new();
    for profile in profiles {
        // A namespace's own mode goes before that of the mesh.
        match of_namespace(of(profile)).or(of_mesh) {
            Some((_, "STRICT")) => {}
            Some((policy, other)) => {
                findings.push(finding(policy.reference(), "spec.mtls.mode", other, "STRICT"))
            }
            None => {
                let object = ObjectRef::new("v1", "Namespace", "", profile);
                findings.push(finding(
                    object,
                    "PeerAuthentication",
                    "none, so PERMISSIVE",
                    "one with mtls.mode STRICT",
                ));
            }
        }
        for policy in of(profile).iter().filter(|policy| !is_for_all(policy)) {
            let Some(selector) = &policy.spec.selector else {
                continue;
            };
            // An older policy for the same pods goes before it.
            let modes = of_pod(of(profile), of_mesh, &selector.match_labels);
            let is_weak = |(by, mode): &Set<'_>| {
                std::ptr::eq(*by, *policy) && matches!(*mode, "PERMISSIVE" | "DISABLE")
            };
            if let Some((_, mode)) = modes.all.filter(is_weak) {
                findings.push(finding(policy.reference(), "spec.mtls.mode", mode, "STRICT"));
            }
            for (port, (_, mode)) in modes.ports.iter().filter(|(_, set)| is_weak(set)) {
                if policy
                    .spec
                    .port_level_mtls
                    .get(port.to_string().as_str())
                    .is_some_and(|m| m.mode == **mode)
                {
                    let field = format!("spec.portLevelMtls[{port}].mode");
                    findings.push(finding(policy.reference(), &field, *mode, "STRICT"));
                }
            }
        }
    }
    Ok(outcome(findings, format!("{} accept mutual TLS only", count(profiles.len(), "Profile"))))
}

/// NET-04: Mutual TLS is not switched off for the mesh
fn mutual_tls_not_off(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let root = Mesh::of(context)?.root_namespace;
    let mesh = context
        .peer_authentications()?
        .iter()
        .filter(|p| *p.metadata.namespace == *root && is_for_all(p));
    let mut findings: Vec<_> = mesh
        .filter(|p| p.spec.mtls.mode == "DISABLE")
        .map(|p| finding(p.reference(), "spec.mtls.mode", "DISABLE", "PERMISSIVE or STRICT"))
        .collect();
    for rule in context.destination_rules()? {
        let own = &*rule.metadata.namespace;
        let is_near = *own == *root || context.is_ours(own)?;
        if !is_near || !rule.tls_modes().any(|mode| mode == "DISABLE") {
            continue;
        }
        let host = &*rule.spec.host;
        let is_of_ours = match namespace_of_host(host, own) {
            Some(namespace) => namespace.starts_with('*') || context.is_ours(namespace)?,
            None => matches!(host, "*" | "*.local" | "*.cluster.local" | "*.svc.cluster.local"),
        };
        if is_of_ours {
            let seen = format!("DISABLE for {host}");
            let wanted = "ISTIO_MUTUAL, or absent";
            findings.push(finding(rule.reference(), "spec.trafficPolicy.tls.mode", seen, wanted));
        }
    }
    Ok(outcome(findings, "no policy of the mesh and no DestinationRule switches it off"))
}

/// Ports of a pod that its annotations take past its sidecar, and so out of every policy.
fn past_sidecar(pod: &Pod) -> impl Iterator<Item = Finding> {
    let annotations = &pod.metadata.annotations;
    let excluded = annotations.excluded_ports.as_deref().map(|ports| ("exclude", ports));
    let included = annotations.included_ports.as_deref().map(|ports| ("include", ports));
    let excluded = excluded.filter(|(_, ports)| !ports.trim().is_empty());
    let included = included.filter(|(_, ports)| ports.trim() != "*");
    let is_none = annotations.interception_mode.as_deref() == Some("NONE");
    let uncaught = is_none.then(|| {
        let field = "metadata.annotations[sidecar.istio.io/interceptionMode]";
        finding(pod.reference(), field, "NONE", "REDIRECT, so that the sidecar sees every request")
    });
    let ports = excluded.into_iter().chain(included).map(|(how, ports)| {
        let field = format!("metadata.annotations[traffic.sidecar.istio.io/{how}InboundPorts]");
        let seen = match ports.is_empty() {
            true => "no port".to_owned(),
            false => ports.to_owned(),
        };
        finding(pod.reference(), &field, seen, "absent, so that the sidecar sees every port")
    });
    uncaught.into_iter().chain(ports)
}

/// NET-05: Profile pods are in the mesh
fn pods_in_the_mesh(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let profiles = context.profile_namespaces()?;
    if profiles.is_empty() {
        return Ok(no_profiles());
    }
    let namespaces = context.namespaces()?.iter();
    let namespaces = namespaces.filter(|n| profiles.contains(n.metadata.name.as_str()));
    let (ambient, mut findings) = mesh_labels(namespaces);
    let (mut checked, mut jobs) = (0, 0);
    let exposed: Vec<_> = context.services()?.iter().filter(|s| s.is_exposed()).collect();
    let pods = context
        .pods()?
        .iter()
        .filter(|p| profiles.contains(&*p.metadata.namespace) && !p.is_finished());
    for pod in pods {
        checked += 1;
        let sidecar = pod
            .spec
            .containers
            .iter()
            .chain(&pod.spec.init_containers)
            .any(|c| c.name == "istio-proxy");
        let in_ambient = ambient.contains(&&*pod.metadata.namespace)
            && pod.metadata.label("istio.io/dataplane-mode") != Some("none");
        // A job that is reached from outside is a server.
        let is_reached = exposed
            .iter()
            .any(|service| service.selects(&pod.metadata.namespace, &pod.metadata.labels));
        if !sidecar && !in_ambient && is_of_job(pod) && !is_reached {
            jobs += 1;
            continue;
        }
        if !sidecar && !in_ambient {
            findings.push(finding(
                pod.reference(),
                "container istio-proxy",
                "missing",
                "a sidecar",
            ));
        }
        findings.extend(past_sidecar(pod).filter(|_| sidecar && !in_ambient));
    }
    let mut evidence = format!("{} in the mesh", count(checked - jobs, "pod"));
    if jobs > 0 {
        evidence += &format!(
            "; {} of pipelines and jobs outside of it, where Kubeflow starts them",
            count(jobs, "pod")
        );
    }
    Ok(outcome(findings, evidence))
}

/// Namespaces of the ambient mesh, and findings for those that are in neither mesh.
fn mesh_labels<'a>(
    namespaces: impl Iterator<Item = &'a Namespace>,
) -> (Vec<&'a str>, Vec<Finding>) {
    let (mut ambient, mut findings) = (Vec::new(), Vec::new());
    for namespace in namespaces {
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
    (ambient, findings)
}
