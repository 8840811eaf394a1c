//! What of the platform's telemetry arrives in COS, as its Prometheus has it.

use std::collections::BTreeSet;

use crate::controls::application::application_reference;
use crate::controls::check::Check;
use crate::facts::telemetry::{FULL, Telemetry};
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("OBS-08", metrics_arrive), ("OBS-09", nothing_is_lost)];

/// OBS-08: Metrics of every application arrive in COS
fn metrics_arrive(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let telemetry = context.telemetry()?;
    let expected = observable(context)?;
    if expected.is_empty() {
        let nothing = "no application of the model has metrics-endpoint";
        return Ok(Outcome::NotApplicable(nothing.into()));
    }
    if telemetry.scraped.is_empty() {
        // One cause, and most likely one that is not the applications'.
        let object = application_reference("opentelemetry-collector-k8s");
        let field = format!("up of model {} in COS", context.namespace());
        let wanted = format!("metrics of {}", count(expected.len(), "application"));
        return Ok(Outcome::Fail(vec![finding(object, &field, "missing", wanted)]));
    }
    let findings: Vec<Finding> =
        expected.iter().filter_map(|name| absent(telemetry, name)).collect();
    let arrived = count(expected.len(), "application");
    Ok(outcome(findings, format!("metrics of {arrived} arrived in the last 5 minutes")))
}

/// Telemetry that is missing from an application.
fn absent(telemetry: &Telemetry, application: &str) -> Option<Finding> {
    let seen = match telemetry.scraped.get(application) {
        None => "missing".to_owned(),
        Some(units) => {
            let down: Vec<&str> =
                units.iter().filter(|(_, up)| !**up).map(|(unit, _)| unit.as_str()).collect();
            if down.is_empty() {
                return None;
            }
            format!("0 for {}", down.join(", "))
        }
    };
    Some(finding(application_reference(application), "up in COS", seen, "1"))
}

/// Applications that are deployed and have metrics by the release: by Juju, or without a login to
/// it by the pods that it labels.
fn observable(context: &Context<'_>) -> Result<BTreeSet<String>, MissingFact> {
    let release = context.release()?;
    let has_metrics = |charm: &str| {
        let mut of_charm = release.applications.values().filter(|known| known.charm == charm);
        of_charm.any(|known| known.cos.iter().any(|name| name == "metrics-endpoint"))
    };
    if let Ok(applications) = context.deployed() {
        let all = applications.iter().filter(|app| has_metrics(&app.charm));
        return Ok(all.map(|app| app.name.clone()).collect());
    }
    let namespace = context.namespace();
    let pods = context.pods()?.iter().filter(|pod| {
        pod.metadata.namespace == *namespace
            && !pod.is_finished()
            && pod.metadata.label("app.kubernetes.io/name").is_some()
    });
    let names = pods.filter_map(|pod| pod.metadata.label("app.kubernetes.io/name"));
    let known = names.filter(|name| {
        release.applications.get(*name).is_some_and(|known| has_metrics(&known.charm))
    });
    Ok(known.map(str::to_owned).collect())
}

/// OBS-09: The collectors deliver what they collect
fn nothing_is_lost(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let telemetry = context.telemetry()?;
    let mut findings: Vec<Finding> = Vec::new();
    for loss in &telemetry.losses {
        let field = format!("{} of {}", loss.counter, exporter(&loss.exporter));
        let seen = format!("above 0 for {} in the last hour", loss.unit);
        let object = application_reference(&loss.application);
        findings.push(finding(object, &field, seen, "0"));
    }
    for queue in &telemetry.full {
        let field = format!("queue of {}", exporter(&queue.exporter));
        let seen = format!("{FULL} % full or more for {}", queue.unit);
        let object = application_reference(&queue.application);
        findings.push(finding(object, &field, seen, format!("below {FULL} %")));
    }
    if findings.is_empty() && telemetry.collectors.is_empty() {
        return Ok(Outcome::NotAssessed(
            "COS's Prometheus has no counters of a collector of this model".into(),
        ));
    }
    let units = telemetry.collectors.join(", ");
    Ok(outcome(findings, format!("no failed delivery of {units} in the last hour")))
}

fn exporter(name: &str) -> &str {
    if name.is_empty() { "an exporter" } else { name }
}
