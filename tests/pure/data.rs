//! Tables of a data file: written by one program, used by another, and never older than its own.

use std::path::Path;
use std::process::Output;

use ckf_hardening::catalog;
use ckf_hardening::facts::advisory::release_numbers;
use ckf_hardening::facts::snapshot;
use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::{Policy, Tables};
use ckf_hardening::report::Report;
use ckf_test_support::run;
use ckf_worlds::World;
use serde_json::Value;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn audit(snapshot: &Path, more: &[&str]) -> Output {
    let mut arguments = vec!["audit", "--from", text(snapshot), "--format", "json"];
    arguments.extend(["--fail-on", "never"]);
    arguments.extend(more);
    run(&arguments)
}

/// Findings of a control, as texts.
fn findings(output: &Output, id: &str) -> Vec<String> {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let control = ckf_test_support::control(&report, id).clone();
    let all = control["findings"].as_array().cloned().unwrap_or_default();
    all.iter().map(|finding| finding["seen"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn newer_table_of_a_data_file_is_what_the_audit_goes_by() {
    let directory = tempfile::tempdir().unwrap();
    let snapshot = directory.path().join("snapshot");
    let about = About {
        collected_at: "2026-12-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let facts = Facts::from_objects(about, &World::stock("1.11").objects);
    snapshot::write(&facts, &snapshot).unwrap();
    let own = findings(&audit(&snapshot, &[]), "UPG-09");
    assert!(own.iter().any(|seen| seen.contains("ISTIO-SECURITY-2026-004")), "{own:?}");
    assert!(own.iter().all(|seen| !seen.contains("GHSA-new")), "{own:?}");

    // A table with one more, in the form of the catalogue's.
    let mut table = catalog::advisories().clone();
    let mut advisory =
        table.advisories.iter().find(|a| a.id.ends_with("2026-004")).unwrap().clone();
    advisory.id = "GHSA-new".into();
    table.advisories.push(advisory);
    let written = directory.path().join("table.yaml");
    std::fs::write(&written, serde_json::to_string(&table).unwrap()).unwrap();
    let data = directory.path().join("data.json");
    let output = run(&["bundle-data", "--advisories", text(&written), text(&data)]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(&format!("{} advisories", table.advisories.len())), "{said}");
    let newer = findings(&audit(&snapshot, &["--data", text(&data)]), "UPG-09");
    assert_eq!(newer.len(), own.len() + newer.iter().filter(|s| s.contains("GHSA-new")).count());
    assert!(newer.iter().any(|seen| seen.contains("GHSA-new")), "{newer:?}");
}

#[test]
fn frontend_of_pipelines_is_affected_up_to_the_release_with_the_fix() {
    let table = catalog::advisories();
    let package = "github.com/kubeflow/pipelines";
    let (advisory, affected) =
        table.of(package).find(|(advisory, _)| advisory.id == "GHSA-gqww-5pj5-8fq7").unwrap();
    assert!(advisory.is_severe() && advisory.aliases == ["CVE-2026-54745"]);
    for (tag, is_affected) in [
        ("2.5.0-308f3e0", true),
        ("2.15.0-6b3223a", true),
        ("2.16.0-c9e8334", true),
        ("2.16.99", true),
        ("2.17.0-0000000", false),
        ("2.18.1", false),
    ] {
        let version = release_numbers(tag).unwrap();
        assert_eq!(affected.remedy(&version).is_some(), is_affected, "{tag}");
    }
    assert!(!table.covers(package, &[2, 18]));
    // Releases of the catalogue run it.
    for release in ["1.10", "1.11"] {
        let objects = World::stock(release).objects;
        let about = About {
            collected_at: "2026-12-01T00:00:00Z".parse().unwrap(),
            namespace: "kubeflow".into(),
        };
        let facts = Facts::from_objects(about, &objects);
        let report = Report::audit(&facts, &Policy::default(), Some(release), Vec::new());
        let control = report.controls.iter().find(|control| control.id == "UPG-09").unwrap();
        let mut seen = control.findings.iter().map(|finding| finding.seen.clone());
        assert!(seen.any(|seen| seen.contains("CVE-2026-54745")), "{release}");
    }
}

#[test]
fn data_file_that_was_changed_or_is_older_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("data.json");
    let refused = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let output = audit(directory.path(), &["--data", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let good = Tables::default().write().unwrap();
    let changed = refused(&good.replace("CRITICAL", "LOW"));
    assert!(changed.contains("checksum") && changed.contains("data.json"), "{changed}");
    let mut table = catalog::advisories().clone();
    table.reviewed = "2026-01-01".parse().unwrap();
    let old = refused(&Tables::default().with_advisories(table).write().unwrap());
    assert!(old.contains("older than those of this program"), "{old}");
    let other = refused("{}");
    assert!(other.contains("bundle-data"), "{other}");
}
