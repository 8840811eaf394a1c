//! Relations with COS: metrics, dashboards and logs.

use std::collections::BTreeSet;

use crate::controls::application::object;
use crate::controls::check::Check;
use crate::facts::juju::Application;
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("OBS-01", metrics_are_related),
    ("OBS-02", dashboards_are_related),
    ("OBS-03", logs_are_related),
];

/// OBS-01: Metrics of every application reach COS
fn metrics_are_related(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    is_observed(context, "metrics-endpoint")
}

/// OBS-02: Dashboards of every application reach COS
fn dashboards_are_related(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    is_observed(context, "grafana-dashboard")
}

/// OBS-03: Logs of every application reach COS
fn logs_are_related(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    is_observed(context, "logging")
}

/// Every application that the release can observe by an endpoint is related there.
fn is_observed(context: &Context<'_>, endpoint: &str) -> Result<Outcome, MissingFact> {
    let release = context.release()?;
    let can = |app: &Application| {
        let known = release.applications.values().find(|known| known.charm == app.charm);
        known.is_some_and(|known| known.cos.iter().any(|name| name == endpoint))
    };
    let all: Vec<_> = context.applications()?.iter().filter(|app| can(app)).collect();
    let total = all.len();
    let applications = context.applications()?;
    let missing = all.iter().filter(|app| !is_collected(applications, app, endpoint));
    let field = format!("relation {endpoint}");
    let agent = telemetry_agent(context.applications()?, endpoint);
    let findings = missing.map(|app| {
        let wanted = format!("juju integrate {}:{endpoint} {agent}", app.name);
        let with = app.relations.get(endpoint).filter(|with| !with.is_empty());
        let seen = with.map_or("absent".into(), |with| format!("with {} only", with.join(", ")));
        finding(object(app), &field, seen, wanted)
    });
    let mut findings: Vec<_> = findings.collect();
    // What a collector does not pass on is lost.
    let ends: BTreeSet<&str> = all
        .iter()
        .flat_map(|app| app.relations.get(endpoint).into_iter().flatten())
        .map(String::as_str)
        .collect();
    let collectors = applications.iter().filter(|app| ends.contains(app.name.as_str()));
    for collector in collectors.filter(|app| is_agent(app) && !passes_on(app, endpoint)) {
        let onward = onward(endpoint);
        let seen = format!("none of {}", onward.join(", "));
        let wanted = "related to COS";
        findings.push(finding(object(collector), "relations onward", seen, wanted));
    }
    Ok(match total {
        0 => Outcome::NotApplicable(format!("no application of the model has {endpoint}")),
        total => outcome(findings, format!("{} related", count(total, "application"))),
    })
}

/// Charms of COS, which are the end.
const COS: [&str; 7] =
    ["prometheus", "loki", "grafana-k8s", "mimir", "tempo", "cos-configuration", "alertmanager"];

fn is_agent(app: &Application) -> bool {
    app.charm.starts_with("grafana-agent") || app.charm.starts_with("opentelemetry-collector")
}

/// Endpoints by which collectors pass on what comes in by an endpoint.
fn onward(endpoint: &str) -> &'static [&'static str] {
    match endpoint {
        "metrics-endpoint" => &["send-remote-write", "grafana-cloud-config", "cloud-config"],
        "grafana-dashboard" => {
            &["grafana-dashboards-provider", "grafana-cloud-config", "cloud-config"]
        }
        _ => &["send-loki-logs", "logging-consumer", "grafana-cloud-config", "cloud-config"],
    }
}

fn passes_on(collector: &Application, endpoint: &str) -> bool {
    let with = onward(endpoint).iter().filter_map(|name| collector.relations.get(*name)).flatten();
    with.into_iter().any(|other| *other != collector.name)
}

/// Whether an endpoint is related to a collector, to COS, or to another model.
fn is_collected(applications: &[Application], app: &Application, endpoint: &str) -> bool {
    let with = app.relations.get(endpoint).into_iter().flatten();
    with.into_iter().any(|name| match applications.iter().find(|other| other.name == *name) {
        Some(other) => is_agent(other) || COS.iter().any(|charm| other.charm.starts_with(charm)),
        // An application of another model, which offers it.
        None => true,
    })
}

/// The endpoint of the telemetry agent of the model to which an endpoint is related; that of
/// the collector that is to be deployed, if there is none.
fn telemetry_agent(applications: &[Application], endpoint: &str) -> String {
    let of_charm = |charm: &str| applications.iter().find(|app| app.charm == charm);
    // grafana-agent-k8s is past its end of life: it is named only where it is all there is.
    let (name, logs) =
        match (of_charm("opentelemetry-collector-k8s"), of_charm("grafana-agent-k8s")) {
            (Some(collector), _) => (collector.name.as_str(), "receive-loki-logs"),
            (None, Some(agent)) => (agent.name.as_str(), "logging-provider"),
            (None, None) => ("opentelemetry-collector-k8s", "receive-loki-logs"),
        };
    let other_side = match endpoint {
        "grafana-dashboard" => "grafana-dashboards-consumer",
        "logging" => logs,
        same => same,
    };
    format!("{name}:{other_side}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggested_command_names_the_deployed_agent() {
        let of = |name: &str, charm: &str| Application {
            name: name.into(),
            charm: charm.into(),
            ..Application::default()
        };
        let none: [Application; 0] = [];
        assert_eq!(
            telemetry_agent(&none, "metrics-endpoint"),
            "opentelemetry-collector-k8s:metrics-endpoint"
        );
        let collector = [of("otel", "opentelemetry-collector-k8s")];
        assert_eq!(telemetry_agent(&collector, "logging"), "otel:receive-loki-logs");
        let agent = [of("agent", "grafana-agent-k8s")];
        assert_eq!(
            telemetry_agent(&agent, "grafana-dashboard"),
            "agent:grafana-dashboards-consumer"
        );
        assert_eq!(telemetry_agent(&agent, "logging"), "agent:logging-provider");
        let both = [agent[0].clone(), collector[0].clone()];
        assert_eq!(telemetry_agent(&both, "logging"), "otel:receive-loki-logs");
    }
}
