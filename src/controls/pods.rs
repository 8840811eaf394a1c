//! Pod security.

use super::context::{Context, Missing};
use super::{Check, Finding, Outcome, count, finding, outcome};
use crate::facts::core::{Container, Namespace, Pod};
use crate::facts::image::ImageReference;
use crate::facts::object::Object;

/// The checks of this section.
pub const CHECKS: &[(&str, Check)] = &[
    ("PSS-01", profiles_enforce),
    ("PSS-03", cni_is_on),
    ("PSS-04", profiles_warn),
    ("PSS-05", platform_audits),
    ("PSS-06", charms_not_root),
    ("PSS-07", nothing_privileged),
];

pub(crate) const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
const AUDIT: &str = "pod-security.kubernetes.io/audit";
const WARN: &str = "pod-security.kubernetes.io/warn";

fn profile_namespaces<'a>(context: &Context<'a>) -> Result<Vec<&'a Namespace>, Missing> {
    let profiles = context.profile_namespaces()?;
    Ok(context
        .namespaces()?
        .iter()
        .filter(|n| profiles.contains(n.metadata.name.as_str()))
        .collect())
}

fn labelled(
    namespaces: &[&Namespace],
    labels: &[&str],
    wanted: &[&str],
    evidence: &str,
) -> Outcome {
    if namespaces.is_empty() {
        return Outcome::NotApplicable("there is no such Namespace".into());
    }
    let mut findings = Vec::new();
    for namespace in namespaces {
        for label in labels {
            let seen = namespace.metadata.label(label).unwrap_or("absent");
            if !wanted.contains(&seen) {
                findings.push(finding(
                    namespace.reference(),
                    &format!("metadata.labels[{label}]"),
                    seen,
                    wanted.join(" or "),
                ));
            }
        }
    }
    outcome(findings, format!("{}: {evidence}", count(namespaces.len(), "namespace")))
}

/// Standards that refuse the init container of a mesh without its CNI plugin.
const REFUSING: [&str; 2] = ["baseline", "restricted"];

fn profiles_enforce(context: &Context<'_>) -> Result<Outcome, Missing> {
    let mut result = labelled(
        &profile_namespaces(context)?,
        &[ENFORCE],
        &REFUSING,
        "each enforces at least baseline",
    );
    // What is not known of the plugin is told by PSS-03.
    if let (Outcome::Fail(findings), Ok(Outcome::Fail(_))) = (&mut result, cni_is_on(context)) {
        for finding in findings {
            finding.wanted.push_str(
                ", once Istio CNI is on (PSS-03): before that, a profile could start no pod of the \
                 mesh",
            );
        }
    }
    Ok(result)
}

fn profiles_warn(context: &Context<'_>) -> Result<Outcome, Missing> {
    Ok(labelled(
        &profile_namespaces(context)?,
        &[AUDIT, WARN],
        &["restricted"],
        "each audits and warns at restricted",
    ))
}

fn platform_audits(context: &Context<'_>) -> Result<Outcome, Missing> {
    let own: Vec<_> =
        context.namespaces()?.iter().filter(|n| n.metadata.name == context.namespace()).collect();
    Ok(labelled(&own, &[AUDIT], &["baseline", "restricted"], "it audits at baseline or above"))
}

fn cni_is_on(context: &Context<'_>) -> Result<Outcome, Missing> {
    let agents: Vec<_> = context
        .daemon_sets()?
        .iter()
        .filter(|d| {
            d.metadata.name == "istio-cni-node"
                || d.spec.template.spec.containers.iter().any(|c| c.name == "install-cni")
        })
        .collect();
    let Some(agent) = agents.first() else {
        let object = crate::facts::istio::reference(
            "apps/v1",
            "DaemonSet",
            context.namespace(),
            "istio-cni-node",
        );
        let mut findings =
            vec![finding(object, "metadata.name", "missing", "Istio's CNI node agent")];
        let is_refusing = |namespace: &&&Namespace| {
            let label = namespace.metadata.label(ENFORCE);
            label.is_some_and(|label| REFUSING.contains(&label))
        };
        let in_mesh = |namespace: &&&Namespace| {
            namespace.metadata.label("istio-injection") == Some("enabled")
        };
        // Without them it still fails; PSS-01 tells that they are not known.
        let profiles = profile_namespaces(context).unwrap_or_default();
        let shut = profiles.iter().filter(is_refusing).filter(in_mesh);
        findings.extend(shut.map(|namespace| {
            let label = namespace.metadata.label(ENFORCE).unwrap_or_default();
            finding(
                namespace.reference(),
                &format!("metadata.labels[{ENFORCE}]"),
                format!("{label}, without Istio CNI: the profile can start no pod of the mesh"),
                "privileged, until Istio's CNI node agent is there",
            )
        }));
        return Ok(Outcome::Fail(findings));
    };
    let (ready, wanted) = (agent.status.number_ready, agent.status.desired_number_scheduled);
    let findings = (ready < wanted).then(|| {
        finding(agent.reference(), "status.numberReady", ready.to_string(), wanted.to_string())
    });
    Ok(outcome(findings.into_iter().collect(), format!("{} is there", agent.reference())))
}

fn charms_not_root(context: &Context<'_>) -> Result<Outcome, Missing> {
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
/// by what it adds, for anybody can take its name.
fn is_istio_init(container: &Container) -> bool {
    matches!(&*container.name, "istio-init" | "istio-validation")
        && ImageReference::parse(&container.image)
            .is_some_and(|i| i.repository.ends_with("/proxyv2"))
}

fn nothing_privileged(context: &Context<'_>) -> Result<Outcome, Missing> {
    let mut findings = Vec::new();
    let mut judged = 0;
    for pod in context.pods()?.iter().filter(|p| !p.is_finished()) {
        if !context.is_ours(&pod.metadata.namespace)? || is_excepted(context, pod) {
            continue;
        }
        judged += 1;
        judge_pod(pod, &mut findings);
    }
    Ok(outcome(findings, format!("{} unprivileged", count(judged, "pod"))))
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
    judge_pod(pod, &mut findings);
    findings
}

fn judge_pod(pod: &Pod, findings: &mut Vec<Finding>) {
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
