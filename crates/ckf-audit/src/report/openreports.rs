//! The report as a Kubernetes object: OpenReports, and its predecessor PolicyReport.

use serde_json::{Value, json};

use super::identity;
use super::model::{ControlReport, Report, printable};
use crate::controls::Verdict;

/// Limit on results in one object: each has some hundred bytes, and etcd accepts 1.5 MB.
const MOST: usize = 2000;

/// Renders an OpenReports `Report`.
pub fn render(report: &Report) -> String {
    text(&Kind::OpenReports.of(report))
}

/// Renders a `PolicyReport` of the policy working group, for clusters without OpenReports.
pub fn policy_report(report: &Report) -> String {
    text(&Kind::PolicyReport.of(report))
}

/// Kind of report object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `Report` of openreports.io.
    OpenReports,
    /// `PolicyReport` of wgpolicyk8s.io.
    PolicyReport,
}

impl Kind {
    /// The kind to write, by the names of the cluster's CustomResourceDefinitions; newest first.
    pub fn among<'a>(mut definitions: impl Iterator<Item = &'a str> + Clone) -> Option<Self> {
        let mut all = definitions.clone();
        if all.any(|name| name == "reports.openreports.io") {
            return Some(Self::OpenReports);
        }
        definitions.any(|name| name == "policyreports.wgpolicyk8s.io").then_some(Self::PolicyReport)
    }

    /// Plural name, as in an API path.
    pub fn plural(self) -> &'static str {
        match self {
            Self::OpenReports => "reports",
            Self::PolicyReport => "policyreports",
        }
    }

    /// Manifest of a report.
    pub fn of(self, report: &Report) -> Value {
        match self {
            Self::OpenReports => manifest(report, "openreports.io/v1alpha1", "Report", "source"),
            Self::PolicyReport => manifest(report, "wgpolicyk8s.io/v1alpha2", "PolicyReport", ""),
        }
    }
}

fn text(manifest: &Value) -> String {
    // JSON, which is valid YAML: names may have characters that need escaping in YAML.
    let mut text = serde_json::to_string_pretty(manifest).unwrap_or_default();
    text.push('\n');
    printable(&text)
}

/// Builds the object. `source` is the field for the reporting tool, empty if the kind has none.
fn manifest(report: &Report, api_version: &str, kind: &str, source: &str) -> Value {
    let all = report.controls.iter();
    let mut results: Vec<Value> = all.flat_map(|control| of(report, control)).collect();
    let total = results.len();
    // Failures first, so that the limit drops the least important results.
    results.sort_by_key(|result| result["result"] != "fail");
    results.truncate(MOST);
    let count = |verdict: &str| results.iter().filter(|r| r["result"] == verdict).count();
    let summary = json!({
        "pass": count("pass"), "fail": count("fail"), "warn": count("warn"),
        "error": count("error"), "skip": count("skip"),
    });
    let mut manifest = json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": "ckf-hardening",
            "namespace": report.cluster.namespace,
            "labels": {"app.kubernetes.io/managed-by": "ckf-hardening"},
            "annotations": {"ckf-hardening/left-out": (total - results.len()).to_string()},
        },
        "scope": {"apiVersion": "v1", "kind": "Namespace", "name": report.cluster.namespace},
        "summary": summary,
        "results": results,
    });
    if !report.problems.is_empty() {
        manifest["metadata"]["annotations"]["ckf-hardening/problems"] =
            report.problems.join("\n").into();
    }
    if !source.is_empty() {
        manifest[source] = "ckf-hardening".into();
    }
    manifest
}

fn of(report: &Report, control: &ControlReport) -> Vec<Value> {
    let verdict = match control.verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Waived | Verdict::NotApplicable => "skip",
        Verdict::NotAssessed => "error",
    };
    let seconds = report.cluster.collected_at.parse::<jiff::Timestamp>();
    // Policy Reporter keeps one result for each id, and its own id ignores the object.
    let result = |message: &str, id: String| {
        json!({
            "source": "ckf-hardening",
            "policy": control.id,
            "category": control.section,
            "severity": control.severity.name(),
            "result": verdict,
            "scored": true,
            "message": message,
            "timestamp": {"seconds": seconds.clone().map_or(0, jiff::Timestamp::as_second), "nanos": 0},
            "properties": {"title": control.title, "verdict": control.verdict.name(), "resultID": id},
        })
    };
    if control.verdict != Verdict::Fail {
        let id = identity::of_verdict(&report.cluster.namespace, control);
        return vec![result(&control.reason, id)];
    }
    identity::open(control)
        .map(|one| {
            let object = &one.finding.object;
            let mut failed = result(&one.finding.to_string(), one.id());
            failed["resources"] = json!([{
                "apiVersion": object.api_version, "kind": object.kind,
                "namespace": object.namespace, "name": object.name,
            }]);
            failed
        })
        .collect()
}
