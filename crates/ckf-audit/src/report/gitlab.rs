//! The open findings as GitLab's code quality report, which a merge request shows.

use serde_json::{Value, json};

use super::identity;
use super::model::{ControlReport, Report};
use crate::catalog::Severity;
use crate::controls::Verdict;

/// Renders the open findings. GitLab keeps one entry for each fingerprint.
pub fn render(report: &Report) -> String {
    let failing = report.controls.iter().filter(|control| control.verdict == Verdict::Fail);
    let entries: Vec<Value> = failing.flat_map(entries).collect();
    let mut text = serde_json::to_string_pretty(&entries).unwrap_or_default();
    text.push('\n');
    text
}

fn entries(control: &ControlReport) -> impl Iterator<Item = Value> + '_ {
    identity::open(control).map(|one| {
        json!({
            "check_name": control.id,
            "description": format!("{} {}: {}", control.id, control.title, one.finding),
            "content": {"body": control.fix.trim()},
            "categories": ["Security"],
            "fingerprint": one.id(),
            "severity": severity(control.severity),
            // An object has no file, so its name stands in for the path.
            "location": {"path": identity::path(&one.finding.object), "lines": {"begin": 1}},
        })
    })
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "blocker",
        Severity::High => "critical",
        Severity::Medium => "major",
        Severity::Low => "minor",
        Severity::Info => "info",
    }
}
