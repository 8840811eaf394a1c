//! Relations between the platform's applications and the telemetry agent of their model.

use super::about::{About, Risk};
use super::desired::{Decision, DesiredState};
use super::edit::{Edit, JujuEdit};
use super::verdicts::open;
use crate::views::{Context, MissingFact};

pub(super) const ABOUT: About = About {
    does: "integrates each application with the telemetry agent of the model",
    controls: &["OBS-01", "OBS-02", "OBS-03"],
    risk: Risk::Low,
    reach: "each application sends its metrics, logs and dashboards to the agent",
    breaks: "nothing; the agent needs more memory and storage",
    works_on: "1.10, 1.11 and latest, with grafana-agent-k8s or opentelemetry-collector-k8s",
    source: "the endpoints of each charm's metadata.yaml; tests/cluster/hardening.rs",
    only_by_name: false,
    needs_juju: true,
};

/// Charms of telemetry agents.
const AGENTS: [&str; 2] = ["grafana-agent-k8s", "opentelemetry-collector-k8s"];

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, MissingFact> {
    let mut all = context.applications()?.iter();
    if !all.any(|app| AGENTS.contains(&app.charm.as_str())) {
        let why = "the model has no telemetry agent; see OBS-05";
        return Ok(Decision::Skip(why.into()));
    }
    let mut edits = Vec::new();
    for id in ABOUT.controls {
        for finding in open(context, id)? {
            // The `wanted` of these findings is the command to run.
            let endpoints = finding.wanted.strip_prefix("juju integrate ");
            let endpoints = endpoints.and_then(|line| line.split_once(' '));
            edits.extend(endpoints.map(|(one, other)| {
                Edit::from(JujuEdit::Relation { endpoints: [one.to_owned(), other.to_owned()] })
            }));
        }
    }
    Ok(DesiredState::edits(edits))
}
