//! Privileges of pods: root, the host, capabilities.

use crate::catalog;
use crate::controls::check::Check;
use crate::facts::core::{Container, Pod};
use crate::facts::image::ImageReference;
use crate::facts::object::Object as _;
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::views::pod_security::{self, Violation};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("PSS-06", charms_not_root), ("PSS-07", nothing_privileged)];

/// PSS-06: Charms do not run as root
fn charms_not_root(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let charms: Vec<_> = context
        .pods()?
        .iter()
        .filter(|p| p.metadata.namespace == *context.namespace() && !p.is_finished())
        .filter_map(|p| Some((p, p.spec.containers.iter().find(|c| c.name == "charm")?)))
        .collect();
    if charms.is_empty() {
        return Ok(Outcome::NotApplicable("no charm pod is in the platform's namespace".into()));
    }
    let mut findings = Vec::new();
    for (pod, container) in &charms {
        let own = container.security_context.as_ref();
        let user = own.and_then(|s| s.run_as_user).or(pod.spec.security_context.run_as_user);
        let non_root =
            own.and_then(|s| s.run_as_non_root).or(pod.spec.security_context.run_as_non_root);
        let seen = match (user, non_root) {
            (Some(0), _) => "0",
            (None, Some(true)) | (Some(_), _) => continue,
            (None, _) => "absent, and the charm image runs as root",
        };
        findings.push(finding(pod.reference(), "container charm runAsUser", seen, "not 0"));
    }
    Ok(outcome(findings, format!("{} without root", count(charms.len(), "charm"))))
}

/// Capabilities that Istio's init container needs to set up its redirection.
const ISTIO_INIT_CAPABILITIES: [&str; 2] = ["NET_ADMIN", "NET_RAW"];

/// Where Istio's rocks are, which istio-k8s runs from 1.29.
const ROCKS: &str = "docker.io/ubuntu/";
/// DaemonSets of Istio that set redirection up on their node, and their images.
const NODE_AGENTS: [(&str, &str); 2] = [("istio-cni-node", "install-cni"), ("ztunnel", "ztunnel")];

/// Whether an image is Istio's own of this name, as a release runs it or as the policy allows its
/// registry: the last part of a name is any user's to choose.
fn is_of_istio(context: &Context<'_>, image: &str, name: &str) -> bool {
    let Some(image) = ImageReference::parse(image) else {
        return false;
    };
    let repository = &image.repository;
    let last = repository.rsplit('/').next().unwrap_or_default();
    let is_rock = repository.starts_with(ROCKS) && last.strip_prefix("istio-") == Some(name);
    let is_named = last == name;
    let mut shipped = catalog::releases()
        .iter()
        .flat_map(|release| release.started_images.iter().chain(&release.platform_images));
    let is_allowed = |registry: &String| {
        let rest = repository.strip_prefix(registry.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    is_rock
        || is_named
            && (shipped.any(|known| {
                ImageReference::parse(known).is_some_and(|k| k.repository == *repository)
            }) || context.policy.allow.registries.iter().any(is_allowed))
}

/// Whether a container is Istio's own that sets up redirection: by its image and
/// by its capabilities, since any container can have its name.
fn is_istio_init(context: &Context<'_>, container: &Container) -> bool {
    matches!(&*container.name, "istio-init" | "istio-validation")
        && is_of_istio(context, &container.image, "proxyv2")
}

/// PSS-07: No privileged containers
fn nothing_privileged(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let mut findings = Vec::new();
    let mut checked = 0;
    for pod in context.pods()?.iter().filter(|p| !p.is_finished()) {
        if !context.is_ours(&pod.metadata.namespace)? || is_excepted(context, pod) {
            continue;
        }
        checked += 1;
        findings.extend(beyond_baseline(context, pod));
    }
    Ok(outcome(findings, format!("{} unprivileged", count(checked, "pod"))))
}

fn is_excepted(context: &Context<'_>, pod: &Pod) -> bool {
    // A tenant may call its own DaemonSet so.
    let is_of_tenant = context
        .profile_namespaces()
        .is_ok_and(|profiles| profiles.contains(&*pod.metadata.namespace));
    let is_agent = |(name, image): &(&str, &str)| {
        let mut owners = pod.metadata.owner_references.iter();
        owners.any(|owner| owner.kind == "DaemonSet" && owner.name == *name)
            && pod.all_containers().all(|c| is_of_istio(context, &c.image, image))
    };
    let is_of_mesh = !is_of_tenant && NODE_AGENTS.iter().any(is_agent);
    is_of_mesh || context.policy.allow.pods.iter().any(|entry| entry.allows_prefix(&pod.metadata))
}

/// What of a pod the baseline standard refuses, but for Istio's own redirection.
pub(crate) fn beyond_baseline(context: &Context<'_>, pod: &Pod) -> Vec<Finding> {
    let is_excepted = |violation: &Violation<'_>| {
        let container = violation.container.filter(|c| is_istio_init(context, c));
        container.is_some()
            && violation.reason == "non-default capabilities"
            && ISTIO_INIT_CAPABILITIES.contains(&&*violation.seen)
    };
    let refused = pod_security::baseline(pod).into_iter().filter(|v| !is_excepted(v));
    let as_finding = |Violation { field, seen, wanted, .. }: Violation<'_>| {
        finding(pod.reference(), &field, seen, wanted)
    };
    refused.map(as_finding).collect()
}
