//! COS and its agent, as far as Kubernetes shows them.

use std::collections::BTreeSet;

use crate::controls::application::object;
use crate::controls::check::Check;
use crate::facts::object::{Object as _, ObjectRef};
use crate::finding::{Outcome, finding, outcome};
use crate::policy::Profile;
use crate::views::support::{last_day, today};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("OBS-04", cos_is_apart), ("OBS-05", agent_is_healthy), ("OBS-06", logs_are_on)];

/// Workload containers of COS's charms: an application can have any name.
const COS_CONTAINERS: &[&str] = &["prometheus", "grafana", "loki", "alertmanager"];

const COS_APPLICATIONS: &[&str] = &[
    "prometheus",
    "prometheus-k8s",
    "grafana",
    "grafana-k8s",
    "loki",
    "loki-k8s",
    "alertmanager",
    "alertmanager-k8s",
];

/// Workload containers of the telemetry agents' charms.
const AGENT_CONTAINERS: &[&str] = &[OLD_CONTAINER, "otelcol"];
/// The agent that the collector replaces, as the table of ends of support has it, and its container.
const OLD: &str = "grafana-agent-k8s";
const OLD_CONTAINER: &str = "agent";

/// OBS-04: COS runs apart from Charmed Kubeflow
fn cos_is_apart(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let is_strict = context.policy.profile == Profile::Strict;
    let mut findings = Vec::new();
    let mut beside = BTreeSet::new();
    for pod in context.pods()?.iter().filter(|p| !p.is_finished()) {
        let namespace = &*pod.metadata.namespace;
        let by_container =
            pod.spec.containers.iter().map(|c| &*c.name).find(|name| COS_CONTAINERS.contains(name));
        let by_name = pod
            .metadata
            .label("app.kubernetes.io/name")
            .filter(|name| COS_APPLICATIONS.contains(name));
        let here = namespace == context.namespace();
        // Elsewhere a container's name alone says little of whose it is.
        let Some(what) = (if here { by_container.or(by_name) } else { by_name }) else { continue };
        let (seen, wanted) = match (here, is_strict) {
            (true, _) => ("beside the platform", "another model"),
            (false, true) => {
                ("in the platform's cluster, and goes down with it", "another cluster")
            }
            (false, false) => {
                beside.insert(namespace);
                continue;
            }
        };
        let seen = format!("{what} {seen}");
        findings.push(finding(pod.reference(), "metadata.namespace", seen, wanted));
    }
    let mut evidence = String::from("no application of COS is in the platform's model");
    if !beside.is_empty() {
        let beside: Vec<&str> = beside.into_iter().collect();
        evidence.push_str(&format!("; it is in the same cluster: {}", beside.join(", ")));
    }
    Ok(outcome(findings, evidence))
}

/// OBS-05: The telemetry agent is healthy
fn agent_is_healthy(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let is_agent = |name: &str| {
        name.starts_with("grafana-agent") || name.starts_with("opentelemetry-collector")
    };
    let agents: Vec<_> = context
        .pods()?
        .iter()
        .filter(|p| p.metadata.namespace == *context.namespace() && !p.is_finished())
        .filter(|p| {
            p.spec.containers.iter().any(|c| AGENT_CONTAINERS.contains(&&*c.name))
                || p.metadata.label("app.kubernetes.io/name").is_some_and(is_agent)
        })
        .collect();
    if agents.is_empty() {
        let object = ObjectRef::new(
            "apps/v1",
            "StatefulSet",
            context.namespace(),
            "opentelemetry-collector-k8s",
        );
        let wanted = "opentelemetry-collector-k8s";
        return Ok(Outcome::Fail(vec![finding(object, "metadata.name", "missing", wanted)]));
    }
    let mut findings = Vec::new();
    for pod in &agents {
        if !pod.is_ready() {
            findings.push(finding(pod.reference(), "status.conditions[Ready]", "not True", "True"));
        }
        let is_old = pod
            .metadata
            .label("app.kubernetes.io/name")
            .is_some_and(|name| name.starts_with("grafana-agent"));
        let is_old = is_old || pod.spec.containers.iter().any(|c| *c.name == *OLD_CONTAINER);
        let end = last_day(context.policy.tables.support(), OLD).filter(|_| is_old);
        if let Some(end) = end.filter(|end| *end < today(context)) {
            let seen = format!("{OLD}, without fixes since {end}");
            findings.push(finding(pod.reference(), "charm", seen, "opentelemetry-collector-k8s"));
        }
    }
    Ok(outcome(findings, format!("{} is ready", agents[0].reference())))
}

/// OBS-06: Access and audit logs are on
fn logs_are_on(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let Some(map) = context.config_maps()?.iter().find(|m| m.metadata.name == "istio") else {
        return Ok(Outcome::NotAssessed("there is no ConfigMap istio".into()));
    };
    let text = map.data.get("mesh").map(String::as_str).unwrap_or_default();
    let mesh: serde_yaml::Value = match serde_yaml::from_str(text) {
        Ok(mesh) => mesh,
        Err(error) => {
            return Ok(Outcome::NotAssessed(format!(
                "{} key mesh is not YAML: {error}",
                map.reference()
            )));
        }
    };
    let file = mesh.get("accessLogFile").and_then(|v| v.as_str()).unwrap_or_default();
    if file.is_empty() {
        let missing = finding(map.reference(), "data[mesh].accessLogFile", "absent", "/dev/stdout");
        return Ok(Outcome::Fail(vec![missing]));
    }
    // Without a login to Juju nothing shows it.
    let applications = context.applications().unwrap_or_default().iter();
    let off = applications.filter(|app| {
        app.charm == "mysql-k8s" && app.option("plugin-audit-enabled") == Some("false")
    });
    let off: Vec<_> =
        off.map(|app| finding(object(app), "plugin-audit-enabled", "false", "true")).collect();
    if !off.is_empty() {
        return Ok(Outcome::Fail(off));
    }
    Ok(Outcome::NotAssessed(format!(
        "Istio logs to {file}; whether MySQL's plugin-audit-enabled is on needs Juju credentials"
    )))
}
