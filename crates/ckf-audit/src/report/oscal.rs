//! The report as OSCAL assessment results 1.1.2, for auditors: an observation and a finding for
//! each assessed control, with the NIST SP 800-53 requirements that it maps to. Equal reports give
//! equal identifiers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::model::{ControlReport, Report};
use crate::controls::Verdict;

/// Renders a report as OSCAL.
pub fn render(report: &Report) -> String {
    let when = &report.cluster.collected_at;
    let assessed: Vec<&ControlReport> = report
        .controls
        .iter()
        .filter(|c| matches!(c.verdict, Verdict::Pass | Verdict::Fail | Verdict::Waived))
        .collect();
    let observations: Vec<Value> = assessed.iter().map(|c| observation(report, c)).collect();
    let findings: Vec<Value> = assessed.iter().map(|c| finding(report, c)).collect();
    let requirements: BTreeSet<String> =
        assessed.iter().flat_map(|control| nist(control)).collect();
    let selected: Vec<Value> = requirements.iter().map(|id| json!({"control-id": id})).collect();
    let selection = match selected.is_empty() {
        true => json!({"include-all": {}}),
        false => json!({"include-controls": selected}),
    };
    let not_assessed = report.summary.not_assessed;
    let results = json!({"assessment-results": {
        "uuid": uuid(report, "results"),
        "metadata": {
            "title": format!("Audit of Charmed Kubeflow in namespace {}", report.cluster.namespace),
            "last-modified": when, "version": crate::VERSION, "oscal-version": "1.1.2",
        },
        "import-ap": {"href": "https://charmed-kubeflow.io/docs/security"},
        "results": [{
            "uuid": uuid(report, "result"),
            "title": format!("{}; {not_assessed} controls not assessed", report.status_line()),
            "description": format!(
                "Verdicts of ckf-hardening {} on release {}.",
                crate::VERSION,
                report.release.as_deref().unwrap_or("unknown"),
            ),
            "start": when, "end": when,
            "reviewed-controls": {"control-selections": [selection]},
            "observations": observations,
            "findings": findings,
        }],
    }});
    let mut results = results;
    if !report.problems.is_empty() {
        results["assessment-results"]["results"][0]["remarks"] = report.problems.join("\n").into();
    }
    // OSCAL does not allow empty lists.
    if assessed.is_empty() {
        let result = results["assessment-results"]["results"][0].as_object_mut();
        if let Some(result) = result {
            result.remove("observations");
            result.remove("findings");
        }
    }
    let mut text = serde_json::to_string_pretty(&results).unwrap_or_default();
    text.push('\n');
    text
}

fn observation(report: &Report, control: &ControlReport) -> Value {
    let mut observation = json!({
        "uuid": uuid(report, &format!("observation {}", control.id)),
        "title": control.title,
        "description": non_empty(&control.reason),
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

fn finding(report: &Report, control: &ControlReport) -> Value {
    // A waived control is not satisfied, as the waiver itself states.
    let state = match control.verdict {
        Verdict::Pass => "satisfied",
        _ => "not-satisfied",
    };
    let mut props = vec![
        json!({"name": "severity", "ns": NAMESPACE, "value": control.severity.name()}),
        json!({"name": "verdict", "ns": NAMESPACE, "value": control.verdict.name()}),
    ];
    let of_nist = nist(control);
    props.extend(
        of_nist.iter().map(|id| json!({"name": "nist-800-53", "ns": NAMESPACE, "value": id})),
    );
    json!({
        "uuid": uuid(report, &format!("finding {}", control.id)),
        "title": format!("{} {}", control.id, control.title),
        "description": non_empty(&control.reason),
        "props": props,
        "target": {
            "type": "objective-id", "target-id": control.id.to_lowercase(),
            "status": {"state": state},
        },
        "related-observations": [
            {"observation-uuid": uuid(report, &format!("observation {}", control.id))}],
    })
}

/// Namespace of this program's properties.
const NAMESPACE: &str = "https://charmhub.io/ckf-hardening";

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
fn uuid(report: &Report, part: &str) -> String {
    let (namespace, when) = (&report.cluster.namespace, &report.cluster.collected_at);
    let half = |which: u8| crate::digest(format!("{which} {namespace} {when} {part}"));
    let (one, two) = (half(1), half(2));
    format!("{}-{}-5{}-8{}-{}", &one[..8], &one[8..12], &one[13..16], &two[1..4], &two[4..16])
}
