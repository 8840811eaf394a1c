//! The report as SARIF 2.1.0, for code scanning services.
//!
//! GitHub makes an alert of every result, whatever its kind and its suppressions, and tracks it by
//! `primaryLocationLineHash`. So only open findings are written, unless every verdict is asked for.

use serde_json::{Value, json};

use super::identity::{self, Identified};
use super::links::control_page;
use super::model::{ControlReport, Report};
use crate::catalog::Severity;
use crate::controls::{Finding, Verdict};

/// Renders the open findings of a report as SARIF.
pub fn render(report: &Report) -> String {
    write(report, false)
}

/// Renders every verdict of a report as SARIF, for viewers that know kinds and suppressions.
pub fn render_all(report: &Report) -> String {
    write(report, true)
}

fn write(report: &Report, is_whole: bool) -> String {
    let rules: Vec<Value> = report.controls.iter().map(rule).collect();
    let results: Vec<Value> = report
        .controls
        .iter()
        .enumerate()
        .filter(|(_, control)| is_whole || control.verdict == Verdict::Fail)
        .flat_map(|(index, control)| results(report, control, index))
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "ckf-hardening", "version": crate::VERSION,
                "semanticVersion": crate::VERSION, "rules": rules,
            }},
            "automationDetails": {"id": format!("ckf-hardening/{}/", report.cluster.namespace)},
            "invocations": [{
                "executionSuccessful": true,
                "endTimeUtc": report.cluster.collected_at,
                "toolExecutionNotifications": report.problems.iter()
                    .chain(&report.cluster.unknown)
                    .map(|problem| json!({"level": "warning", "message": {"text": problem}}))
                    .collect::<Vec<_>>(),
            }],
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&log).unwrap_or_default();
    text.push('\n');
    text
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// Score by which services sort, on the scale of CVSS.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Info => "0.0",
    }
}

fn rule(control: &ControlReport) -> Value {
    let known = control.known();
    let why = known.map_or("", |(why, _)| why.trim());
    let mut tags = vec!["security".to_owned(), control.section.clone()];
    if let Some((_, mappings)) = known {
        tags.extend(mappings.all().map(|(of, id)| format!("{of}: {id}")));
    }
    let mut rule = json!({
        "id": control.id,
        "name": control.title,
        "shortDescription": {"text": control.title},
        "fullDescription": {"text": if why.is_empty() { &control.title } else { why }},
        "help": {"text": control.fix.trim()},
        "defaultConfiguration": {"level": level(control.severity)},
        "properties": {
            "tags": tags,
            "security-severity": security_severity(control.severity),
        },
    });
    if let Some(page) = control_page(&control.id) {
        rule["helpUri"] = page.into();
    }
    rule
}

fn results(report: &Report, control: &ControlReport, index: usize) -> Vec<Value> {
    let result = |kind: &str, text: &str| {
        json!({
            "ruleId": control.id, "ruleIndex": index, "kind": kind,
            "level": if kind == "fail" { level(control.severity) } else { "none" },
            "message": {"text": if text.is_empty() { &control.title } else { text }},
            // Services drop results without a location.
            "locations": [place(&format!("{}/{}", report.cluster.namespace, control.id), None)],
        })
    };
    match control.verdict {
        Verdict::Pass => vec![result("pass", &control.reason)],
        Verdict::NotApplicable => vec![result("notApplicable", &control.reason)],
        Verdict::NotAssessed => vec![result("open", &control.reason)],
        Verdict::Waived => {
            let mut waived = result("fail", &control.reason);
            waived["suppressions"] = json!([{"kind": "external", "justification": control.reason}]);
            vec![waived]
        }
        Verdict::Fail => identity::open(control)
            .map(|Identified { finding, digest, occurrence }| {
                let mut failed = result("fail", &finding.to_string());
                failed["locations"] =
                    json!([place(&identity::path(&finding.object), Some(finding))]);
                failed["partialFingerprints"] = json!({
                    "evidence/v2": digest,
                    "primaryLocationLineHash": format!("{digest}:{occurrence}"),
                });
                failed
            })
            .collect(),
    }
}

/// Location of a finding. An object has no file, so its name stands in for the path.
fn place(path: &str, finding: Option<&Finding>) -> Value {
    let uri: String = path
        .bytes()
        .map(|byte| match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let mut place = json!({
        "physicalLocation": {
            "artifactLocation": {"uri": uri},
            "region": {"startLine": 1},
        },
    });
    if let Some(Finding { object, field, .. }) = finding {
        place["logicalLocations"] = json!([{
            "name": object.name,
            "fullyQualifiedName": format!("{object}: {field}"),
            "kind": "object",
        }]);
    }
    place
}
