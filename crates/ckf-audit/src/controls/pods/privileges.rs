//! Privileges of pods: root, the host, capabilities.

use crate::controls::check::Check;
use crate::facts::core::{Container, Pod};
use crate::facts::image::ImageReference;
use crate::facts::object::Object as _;
use crate::finding::{Finding, Outcome, count, finding, outcome};
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

/// Capabilities of the container runtime's default, which the baseline standard allows.
const DEFAULT_CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Whether a container is Istio's own that sets up redirection: by its image and
/// by its capabilities, since any container can have its name.
fn is_istio_init(container: &Container) -> bool {
    matches!(&*container.name, "istio-init" | "istio-validation")
        && ImageReference::parse(&container.image)
            .is_some_and(|i| i.repository.ends_with("/proxyv2"))
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
        check_pod(pod, &mut findings);
    }
    Ok(outcome(findings, format!("{} unprivileged", count(checked, "pod"))))
}

fn is_excepted(context: &Context<'_>, pod: &Pod) -> bool {
    let cni = pod
        .metadata
        .owner_references
        .iter()
        .any(|o| o.kind == "DaemonSet" && o.name == "istio-cni-node")
        && pod.all_containers().all(|c| {
            ImageReference::parse(&c.image).is_some_and(|i| i.repository.ends_with("/install-cni"))
        });
    cni || context.policy.allow.pods.iter().any(|entry| {
        let (namespace, prefix) = entry.split_once('/').unwrap_or(("", entry));
        (namespace.is_empty() || pod.metadata.namespace == *namespace)
            && pod.metadata.name.starts_with(prefix)
    })
}

/// What of a pod the baseline standard refuses.
pub(crate) fn beyond_baseline(pod: &Pod) -> Vec<Finding> {
    let mut findings = Vec::new();
    check_pod(pod, &mut findings);
    findings
}

fn check_pod(pod: &Pod, findings: &mut Vec<Finding>) {
    let spec = &pod.spec;
    for (field, set) in
        [("hostNetwork", spec.host_network), ("hostPID", spec.host_pid), ("hostIPC", spec.host_ipc)]
    {
        if set {
            findings.push(finding(pod.reference(), &format!("spec.{field}"), "true", "false"));
        }
    }
    for volume in &spec.volumes {
        if let Some(host) = &volume.host_path {
            findings.push(finding(
                pod.reference(),
                &format!("volume {} hostPath", volume.name),
                &*host.path,
                "no path of the node",
            ));
        }
    }
    for container in pod.all_containers() {
        let Some(security) = &container.security_context else {
            continue;
        };
        if security.privileged == Some(true) {
            findings.push(finding(
                pod.reference(),
                &format!("container {} privileged", container.name),
                "true",
                "false",
            ));
        }
        let added = security.capabilities.iter().flat_map(|c| &c.add);
        for capability in added {
            let name = capability.strip_prefix("CAP_").unwrap_or(capability);
            let excepted = is_istio_init(container) && ISTIO_INIT_CAPABILITIES.contains(&name);
            if !excepted && !DEFAULT_CAPABILITIES.contains(&name) {
                findings.push(finding(
                    pod.reference(),
                    &format!("container {} capabilities.add", container.name),
                    &**capability,
                    "none",
                ));
            }
        }
    }
}
