//! The report as compliance findings of OCSF 1.5.0, for SIEMs: an event a line.

use serde_json::{Value, json};

use super::identity;
use super::model::{ControlReport, Report};
use crate::catalog::Severity;
use crate::controls::{Finding, Verdict};

/// Version of the schema.
const SCHEMA: &str = "1.5.0";
/// Class Compliance Finding.
const CLASS: u32 = 2003;
/// Activity Create: every audit states what it found.
const CREATE: u32 = 1;

/// Renders an event for each open or waived finding, and for each control without findings.
pub fn render(report: &Report) -> String {
    let events = report.controls.iter().flat_map(|control| events(report, control));
    events.map(|event| format!("{event}\n")).collect()
}

fn events(report: &Report, control: &ControlReport) -> Vec<Value> {
    let open =
        identity::open(control).map(|one| event(report, control, Some(one.finding), one.id()));
    let waived = identity::waived(control).zip(&control.waived).map(|(one, waiver)| {
        let mut event = event(report, control, Some(one.finding), one.id());
        event["status_id"] = 3.into();
        event["status"] = "Suppressed".into();
        event["comment"] =
            format!("waived by {} until {}: {}", waiver.owner, waiver.until, waiver.reason).into();
        event
    });
    let mut events: Vec<Value> = open.chain(waived).collect();
    if events.is_empty() {
        let id = identity::of_verdict(&report.cluster.namespace, control);
        events.push(event(report, control, None, id));
    }
    events
}

fn event(report: &Report, control: &ControlReport, finding: Option<&Finding>, id: String) -> Value {
    let time = report.cluster.collected_at.parse::<jiff::Timestamp>();
    let time = time.map_or(0, jiff::Timestamp::as_millisecond);
    let (severity_id, severity) = match finding {
        Some(_) => severity(control.severity),
        None => severity(Severity::Info),
    };
    let (status_id, status) = match (finding, control.verdict) {
        (Some(_), _) | (None, Verdict::Fail | Verdict::Waived) => (3, "Fail"),
        (None, Verdict::Pass) => (1, "Pass"),
        // The schema's word for a check without a result.
        (None, Verdict::NotAssessed) => (2, "Warning"),
        (None, Verdict::NotApplicable) => (99, "Not applicable"),
    };
    let known = control.known();
    let why = known.map_or("", |(why, _)| why.trim());
    let mappings = || known.into_iter().flat_map(|(_, mappings)| mappings.all());
    let mut standards: Vec<&str> = mappings().map(|(framework, _)| framework).collect();
    standards.dedup();
    let requirements: Vec<String> =
        mappings().map(|(framework, id)| format!("{framework} {id}")).collect();
    let message = finding.map_or_else(|| control.reason.clone(), ToString::to_string);
    let mut event = json!({
        "activity_id": CREATE, "activity_name": "Create",
        "category_uid": 2, "category_name": "Findings",
        "class_uid": CLASS, "class_name": "Compliance Finding",
        "type_uid": CLASS * 100 + CREATE, "type_name": "Compliance Finding: Create",
        "time": time,
        "severity_id": severity_id, "severity": severity,
        "status_id": 1, "status": "New",
        "message": message,
        "metadata": {
            "version": SCHEMA,
            "uid": format!("{id}-{time}"),
            "product": {
                "name": "ckf-hardening", "vendor_name": "ckf-hardening", "version": crate::VERSION,
            },
        },
        "finding_info": {
            "uid": id, "title": format!("{} {}", control.id, control.title), "desc": why,
            "created_time": time, "types": [control.section],
        },
        "compliance": {
            "control": control.id, "desc": control.title,
            "standards": standards, "requirements": requirements,
            "status_id": status_id, "status": status,
        },
        "unmapped": {"verdict": control.verdict.name()},
    });
    if let Some(Finding { object, .. }) = finding {
        event["resources"] = json!([{
            "uid": identity::path(object), "name": object.name, "type": object.kind,
            "namespace": object.namespace, "version": object.api_version,
        }]);
        event["remediation"] = json!({"desc": control.fix.trim()});
    }
    event
}

fn severity(severity: Severity) -> (u32, &'static str) {
    match severity {
        Severity::Info => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}
