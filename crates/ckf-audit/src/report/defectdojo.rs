//! The findings as DefectDojo's generic findings. It refuses fields that it does not know.

use serde_json::{Value, json};

use super::identity::{self, Identified};
use super::model::{ControlReport, Report};
use crate::catalog::Severity;

/// Limit on a title, in characters: DefectDojo has a column of 511.
const LONGEST_TITLE: usize = 500;

/// Renders the open findings, and the waived ones as accepted risks.
pub fn render(report: &Report) -> String {
    let findings: Vec<Value> = report
        .controls
        .iter()
        .flat_map(|control| {
            let open = identity::open(control).map(|one| finding(report, control, &one, None));
            let waived = identity::waived(control).zip(&control.waived).map(|(one, waiver)| {
                let why =
                    format!("Waived by {} until {}: {}", waiver.owner, waiver.until, waiver.reason);
                finding(report, control, &one, Some(why))
            });
            open.chain(waived).collect::<Vec<_>>()
        })
        .collect();
    let mut description = vec![report.status_line()];
    description.extend(report.problems.iter().cloned());
    let all = json!({
        "name": format!("Charmed Kubeflow in {}", report.cluster.namespace),
        "type": "ckf-hardening",
        "version": crate::VERSION,
        "description": description.join("\n"),
        "dynamic_tool": true,
        "static_tool": false,
        "findings": findings,
    });
    let mut text = serde_json::to_string_pretty(&all).unwrap_or_default();
    text.push('\n');
    text
}

fn finding(
    report: &Report,
    control: &ControlReport,
    one: &Identified<'_>,
    waiver: Option<String>,
) -> Value {
    let known = control.known();
    let why = known.map_or("", |(why, _)| why.trim());
    let requirements = known.into_iter().flat_map(|(_, mappings)| mappings.all());
    let requirements: Vec<String> =
        requirements.map(|(framework, id)| format!("{framework}: {id}")).collect();
    let title = format!("{} {}: {}", control.id, control.title, one.finding.object);
    let title: String = title.chars().take(LONGEST_TITLE).collect();
    let day = report.cluster.collected_at.split('T').next().unwrap_or_default();
    let mut finding = json!({
        "title": title,
        "severity": severity(control.severity),
        "description": one.finding.to_string(),
        "mitigation": control.fix.trim(),
        "impact": why,
        "references": requirements.join("\n"),
        "date": day,
        "active": waiver.is_none(),
        "verified": true,
        "risk_accepted": waiver.is_some(),
        "static_finding": false,
        "dynamic_finding": true,
        "unique_id_from_tool": one.id(),
        "vuln_id_from_tool": control.id,
        "component_name": identity::path(&one.finding.object),
        "tags": [control.section],
    });
    if let Some(why) = waiver {
        finding["severity_justification"] = why.into();
    }
    finding
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Critical",
        Severity::High => "High",
        Severity::Medium => "Medium",
        Severity::Low => "Low",
        Severity::Info => "Info",
    }
}
