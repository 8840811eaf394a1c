//! What kube-bench prints with `--json`, read into the form of trivy-operator's reports.

use serde::Deserialize;

use super::compliance::{
    Benchmark, Checked, ClusterComplianceReport, ComplianceSpec, ComplianceStatus, Summary,
};
use super::object::Meta;

/// What kube-bench prints with `--json`.
#[derive(Deserialize)]
struct KubeBench {
    #[serde(rename = "Controls")]
    controls: Vec<Section>,
}

#[derive(Deserialize)]
struct Section {
    #[serde(default)]
    version: String,
    #[serde(default)]
    node_type: String,
    #[serde(default)]
    tests: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    results: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    test_number: String,
    #[serde(default)]
    test_desc: String,
    status: String,
}

/// Something else than what kube-bench prints.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// It is no JSON of its form.
    #[error("not what kube-bench --json prints: {0}")]
    Form(#[from] serde_json::Error),
    /// It has no results.
    #[error("it has no results of kube-bench")]
    Empty,
}

/// The results that kube-bench printed, as read at this time: its output names none.
pub fn kube_bench(
    text: &str,
    read: jiff::Timestamp,
) -> Result<ClusterComplianceReport, BenchError> {
    // The log of a Job may begin with lines of its own.
    let start = text.find('{').unwrap_or(0);
    let printed: KubeBench = serde_json::from_str(text.get(start..).unwrap_or_default())?;
    let mut results = Vec::new();
    for section in &printed.controls {
        for test in section.tests.iter().flat_map(|group| &group.results) {
            let total_fail = match test.status.as_str() {
                "PASS" => Some(0),
                "FAIL" => Some(1),
                // WARN and INFO leave it to a person.
                _ => None,
            };
            let name = match section.node_type.as_str() {
                "" => test.test_desc.clone(),
                of => format!("{} ({of})", test.test_desc),
            };
            let id = test.test_number.clone();
            results.push(Checked { id, name, total_fail, ..Checked::default() });
        }
    }
    let id = printed.controls.iter().map(|section| section.version.clone()).find(|v| !v.is_empty());
    if results.is_empty() {
        return Err(BenchError::Empty);
    }
    let id = id.unwrap_or_default();
    let version = id.rsplit('-').next().unwrap_or_default().to_owned();
    let title = format!("{id} by kube-bench");
    Ok(ClusterComplianceReport {
        metadata: Meta { name: "kube-bench".into(), ..Meta::default() },
        spec: ComplianceSpec {
            compliance: Benchmark { id, title, version, ..Benchmark::default() },
        },
        status: ComplianceStatus {
            summary_report: Some(Summary { control_check: results }),
            update_timestamp: read.to_string(),
            ..ComplianceStatus::default()
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_kube_bench_are_read_by_requirement() {
        let printed = r#"I1128 kube-bench starts
{"Controls":[{"id":"1","version":"cis-1.11","node_type":"master","tests":[{"section":"1.2","results":[
 {"test_number":"1.2.1","test_desc":"Ensure anonymous-auth is false","status":"WARN"},
 {"test_number":"1.2.11","test_desc":"Ensure AlwaysPullImages is set","status":"FAIL"}]}]},
 {"id":"4","version":"cis-1.11","node_type":"node","tests":[{"section":"4.1","results":[
 {"test_number":"4.1.1","test_desc":"Ensure permissions","status":"PASS"}]}]}],"Totals":{}}"#;
        let now = "2026-11-28T00:00:00Z".parse().unwrap();
        let report = kube_bench(printed, now).unwrap();
        assert_eq!(report.spec.compliance.version, "1.11");
        let results = report.results().unwrap();
        let seen: Vec<_> = results.iter().map(|r| (r.id.as_str(), r.total_fail)).collect();
        assert_eq!(seen, [("1.2.1", None), ("1.2.11", Some(1)), ("4.1.1", Some(0))]);
        assert!(results[1].name.ends_with("(master)"));
        for bad in ["", "nothing", "{}", r#"{"Controls":[]}"#] {
            assert!(kube_bench(bad, now).is_err(), "{bad}");
        }
    }
}
