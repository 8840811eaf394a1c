//! Results of benchmarks of the cluster, in the form of trivy-operator's reports.

use serde::{Deserialize, Serialize};

use super::object::{Meta, object};
use super::wire::wire;

wire! {
/// A report of trivy-operator on a benchmark, or what kube-bench printed, in the same form.
ClusterComplianceReport {
    /// Metadata.
    metadata: Meta,
    /// The benchmark.
    spec: ComplianceSpec,
    /// Its results.
    status: ComplianceStatus,
}}
object!(ClusterComplianceReport, "aquasecurity.github.io/v1alpha1", "ClusterComplianceReport");

wire! {
/// What is to be checked.
ComplianceSpec {
    /// The benchmark.
    compliance: Benchmark,
}}

wire! {
/// A benchmark.
Benchmark {
    /// For example `k8s-cis-1.23` or `cis-1.11`.
    id: String,
    /// Its name.
    title: String,
    /// Its version.
    version: String,
    /// Its requirements, with their severities.
    #[serde(skip_serializing_if = "Vec::is_empty")] controls: Vec<Requirement>,
}}

wire! {
/// A requirement of a benchmark.
Requirement {
    /// Its number, for example `1.2.1`.
    id: String,
    /// What it asks for.
    name: String,
    /// `CRITICAL`, `HIGH`, `MEDIUM`, `LOW` or `UNKNOWN`.
    severity: String,
}}

wire! {
/// Results.
ComplianceStatus {
    /// Results by requirement, in a summary.
    summary_report: Option<Summary>,
    /// Results by requirement, with each check.
    detail_report: Option<Details>,
    /// When the checks were made, RFC 3339.
    update_timestamp: String,
}}

wire! {
/// Results by requirement.
Summary {
    /// One for each.
    control_check: Vec<Checked>,
}}

wire! {
/// Result of a requirement.
Checked {
    /// Its number.
    id: String,
    /// What it asks for.
    name: String,
    /// Its severity.
    severity: String,
    /// Failed checks; None if a person has to look.
    total_fail: Option<i64>,
}}

wire! {
/// Results by requirement, with each check.
Details {
    /// One for each.
    results: Vec<Detail>,
}}

wire! {
/// Result of a requirement.
Detail {
    /// Its number.
    id: String,
    /// What it asks for.
    name: String,
    /// Its severity.
    severity: String,
    /// Its checks; without any a person has to look.
    checks: Vec<Check>,
}}

wire! {
/// A check.
Check {
    /// It passed.
    success: bool,
}}

impl ClusterComplianceReport {
    /// Results by requirement, from whichever form of them the report has; None if it has none yet.
    pub fn results(&self) -> Option<Vec<Checked>> {
        if let Some(summary) = &self.status.summary_report {
            return Some(summary.control_check.clone());
        }
        let details = self.status.detail_report.as_ref()?;
        let results = details.results.iter().map(|detail| {
            let failed = detail.checks.iter().filter(|check| !check.success).count();
            let total_fail = match detail.checks.is_empty() {
                true => None,
                false => i64::try_from(failed).ok(),
            };
            let (id, name) = (detail.id.clone(), detail.name.clone());
            Checked { id, name, severity: detail.severity.clone(), total_fail }
        });
        Some(results.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_is_read_from_its_summary_or_its_details() {
        let of = |status: &str| -> ClusterComplianceReport {
            serde_json::from_str(&format!(
                r#"{{"metadata":{{"name":"k8s-cis-1.23"}},"spec":{{"compliance":{{"id":"k8s-cis-1.23"}}}},"status":{status}}}"#
            ))
            .unwrap()
        };
        let summary = of(
            r#"{"summaryReport":{"controlCheck":[{"id":"1.1.1","name":"n","severity":"HIGH","totalFail":2},
            {"id":"1.1.2","name":"m","severity":"HIGH"}]}}"#,
        );
        let fails: Vec<_> = summary.results().unwrap().iter().map(|r| r.total_fail).collect();
        assert_eq!(fails, [Some(2), None]);
        let details =
            of(r#"{"detailReport":{"results":[{"id":"1","name":"n","severity":"LOW","checks":[
            {"success":false},{"success":true}]},{"id":"2","checks":[]}]}}"#);
        let fails: Vec<_> = details.results().unwrap().iter().map(|r| r.total_fail).collect();
        assert_eq!(fails, [Some(1), None]);
        assert_eq!(of("{}").results(), None);
    }
}
