//! Relations with COS: metrics, dashboards and logs.

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
    let missing = all.into_iter().filter(|app| !app.is_related(endpoint));
    let field = format!("relation {endpoint}");
    let agent = telemetry_agent(context.applications()?, endpoint);
    let findings = missing.map(|app| {
        let wanted = format!("juju integrate {}:{endpoint} {agent}", app.name);
        finding(object(app), &field, "absent", wanted)
    });
    let findings = findings.collect();
    Ok(match total {
        0 => Outcome::NotApplicable(format!("no application of the model has {endpoint}")),
        total => outcome(findings, format!("{} related", count(total, "application"))),
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
    fn the_line_to_paste_names_the_agent_that_is_there() {
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
