//! The report as OSCAL assessment results 1.1.2, for auditors: an observation for each assessed
//! control, and a finding for each statement of NIST SP 800-53 that controls map to, by the ids of
//! OSCAL's catalogue. Equal reports give equal identifiers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::model::{ControlReport, Report};
use super::oscal_plan::{self, NAMESPACE, VERSION, selection};
use crate::controls::Verdict;

/// Renders a report as OSCAL assessment results.
pub fn render(report: &Report) -> String {
    let when = &report.cluster.collected_at;
    let assessed: Vec<&ControlReport> =
        report.controls.iter().filter(|control| is_assessed(control)).collect();
    let observations: Vec<Value> = assessed.iter().map(|c| observation(report, c)).collect();
    let requirements = requirements(report);
    let of_nist = requirements
        .iter()
        .filter(|(_, controls)| controls.iter().any(|control| is_assessed(control)))
        .map(|(id, controls)| of_statement(report, id, controls));
    // A control of the policy may map to nothing.
    let unmapped = assessed.iter().filter(|control| nist(control).is_empty());
    let findings: Vec<Value> =
        of_nist.chain(unmapped.map(|control| of_objective(report, control))).collect();
    let not_assessed = report.summary.not_assessed;
    let (plan, resource) = oscal_plan::reference(report);
    let mut result = json!({
        "uuid": uuid(report, "result"),
        "title": format!("{}; {not_assessed} controls not assessed", report.status_line()),
        "description": format!(
            "Verdicts of ckf-hardening {} on release {}.",
            crate::VERSION,
            report.release.as_deref().unwrap_or("unknown"),
        ),
        "start": when, "end": when,
        "reviewed-controls": {"control-selections": [selection(requirements.keys())]},
        "observations": observations,
        "findings": findings,
    });
    if !report.problems.is_empty() {
        result["remarks"] = report.problems.join("\n").into();
    }
    // OSCAL does not allow empty lists.
    if let Some(result) = result.as_object_mut().filter(|_| assessed.is_empty()) {
        result.remove("observations");
        result.remove("findings");
    }
    text(&json!({"assessment-results": {
        "uuid": uuid(report, "results"),
        "metadata": {
            "title": format!("Audit of Charmed Kubeflow in namespace {}", report.cluster.namespace),
            "last-modified": when, "version": crate::VERSION, "oscal-version": VERSION,
        },
        "import-ap": plan,
        "results": [result],
        "back-matter": {"resources": [resource]},
    }}))
}

/// Renders the assessment plan that the results import.
pub fn plan(report: &Report) -> String {
    text(&oscal_plan::of(report, &requirements(report)))
}

fn text(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

fn is_assessed(control: &ControlReport) -> bool {
    matches!(control.verdict, Verdict::Pass | Verdict::Fail | Verdict::Waived)
}

/// Controls by the NIST control that they map to; those that do not apply are left out.
fn requirements(report: &Report) -> BTreeMap<String, Vec<&ControlReport>> {
    let mut requirements: BTreeMap<String, Vec<&ControlReport>> = BTreeMap::new();
    let applicable = report.controls.iter().filter(|c| c.verdict != Verdict::NotApplicable);
    for control in applicable {
        for id in nist(control) {
            requirements.entry(id).or_default().push(control);
        }
    }
    requirements
}

fn observation(report: &Report, control: &ControlReport) -> Value {
    let mut observation = json!({
        "uuid": observation_id(report, control),
        "title": format!("{} {}", control.id, control.title),
        "description": non_empty(&control.reason),
        "props": [
            {"name": "control", "ns": NAMESPACE, "value": control.id},
            {"name": "severity", "ns": NAMESPACE, "value": control.severity.name()},
            {"name": "verdict", "ns": NAMESPACE, "value": control.verdict.name()},
        ],
        "methods": ["TEST"],
        "types": ["control-objective"],
        "collected": report.cluster.collected_at,
    });
    let evidence: Vec<Value> = control
        .findings
        .iter()
        .map(|finding| json!({"description": non_empty(&finding.to_string())}))
        .collect();
    if !evidence.is_empty() {
        observation["relevant-evidence"] = evidence.into();
    }
    observation
}

fn observation_id(report: &Report, control: &ControlReport) -> String {
    uuid(report, &format!("observation {}", control.id))
}

/// The finding on a statement: satisfied only if every mapped control was assessed and passes.
/// A waived control is not satisfied, as the waiver itself states.
fn of_statement(report: &Report, id: &str, controls: &[&ControlReport]) -> Value {
    let ids = |is: fn(Verdict) -> bool| -> Vec<&str> {
        controls.iter().filter(|c| is(c.verdict)).map(|c| c.id.as_str()).collect()
    };
    let fail = ids(|verdict| verdict == Verdict::Fail);
    let waived = ids(|verdict| verdict == Verdict::Waived);
    let unknown = ids(|verdict| verdict == Verdict::NotAssessed);
    let (state, reason) = match (fail.is_empty(), waived.is_empty() && unknown.is_empty()) {
        (false, _) => ("not-satisfied", "fail"),
        (true, false) => ("not-satisfied", "other"),
        (true, true) => ("satisfied", "pass"),
    };
    let all: Vec<&str> = controls.iter().map(|control| control.id.as_str()).collect();
    let mut parts = vec![format!("Assessed by {}.", all.join(", "))];
    for (what, which) in [("Fail", fail), ("Waived", waived), ("Not assessed", unknown)] {
        if !which.is_empty() {
            parts.push(format!("{what}: {}.", which.join(", ")));
        }
    }
    let observed: Vec<Value> = controls
        .iter()
        .filter(|control| is_assessed(control))
        .map(|control| json!({"observation-uuid": observation_id(report, control)}))
        .collect();
    json!({
        "uuid": uuid(report, &format!("finding {id}")),
        "title": format!("NIST SP 800-53 {}", id.to_uppercase()),
        "description": parts.join(" "),
        "target": {
            "type": "statement-id", "target-id": oscal_plan::statement(id),
            "status": {"state": state, "reason": reason},
            "remarks": "Only as far as these controls assess the statement.",
        },
        "related-observations": observed,
    })
}

/// The finding on a control that maps to no statement.
fn of_objective(report: &Report, control: &ControlReport) -> Value {
    let (state, reason) = match control.verdict {
        Verdict::Pass => ("satisfied", "pass"),
        Verdict::Waived => ("not-satisfied", "other"),
        _ => ("not-satisfied", "fail"),
    };
    json!({
        "uuid": uuid(report, &format!("finding {}", control.id)),
        "title": format!("{} {}", control.id, control.title),
        "description": non_empty(&control.reason),
        "target": {
            "type": "objective-id", "target-id": control.id.to_lowercase(),
            "status": {"state": state, "reason": reason},
        },
        "related-observations": [{"observation-uuid": observation_id(report, control)}],
    })
}

/// NIST SP 800-53 requirements of a control, with the ids of OSCAL's catalogue.
fn nist(control: &ControlReport) -> Vec<String> {
    let mapped = control.known().map(|(_, mappings)| mappings.nist_800_53.as_slice());
    let ids = mapped.unwrap_or_default().iter();
    // For example AC-6(1) is ac-6.1.
    ids.map(|id| id.to_lowercase().replace('(', ".").replace(')', "")).collect()
}

/// A text that is not empty, as OSCAL requires.
fn non_empty(text: &str) -> &str {
    match text.trim() {
        "" => "no details",
        text => text,
    }
}

/// A UUID in the form of version 5, derived from this report and one of its parts.
pub(super) fn uuid(report: &Report, part: &str) -> String {
    let (namespace, when) = (&report.cluster.namespace, &report.cluster.collected_at);
    crate::uuid(&format!("{namespace} {when} {part}"))
}
