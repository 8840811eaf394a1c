//! Policies: waivers that are findings themselves, and errors that are found before use.

use std::fs;

use ckf_test_support::run;
use ckf_worlds::World;
use serde_json::Value;

use crate::{WAIVERS, control, report_of};

#[test]
fn waiver_expired_or_unused_is_a_finding() {
    let report = report_of(&World::stock("1.10"), WAIVERS);
    let expired = control(&report, "POL-01");
    assert_eq!(expired.findings[0].object.name, "3");
    assert!(expired.findings[0].seen.contains("2026-01-31, of TLS-02, by platform"));
    let unused = control(&report, "POL-02");
    assert_eq!(unused.findings.len(), 1, "{unused:?}");
    assert_eq!(unused.findings[0].object.name, "2");
    let waived = &control(&report, "NET-01").waived;
    assert_eq!((waived[0].owner.as_str(), waived[0].until.as_str()), ("platform", "2027-01-31"));
    assert_eq!(control(&report, "PSS-05").severity.name(), "high");
    let without = report_of(&World::stock("1.10"), "");
    assert_eq!(control(&without, "POL-01").reason, "the policy waives nothing");
    assert!(without.score.passed < 100 && without.score.covered > 30, "{:?}", without.score);
    // A waiver takes responsibility, and makes nothing better.
    assert!(report.score.passed <= without.score.passed);
}

#[test]
fn policy_check_names_the_line_of_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("policy.yaml");
    let says = |text: &str, status: i32, more: &[&str]| {
        fs::write(&file, text).unwrap();
        let arguments = [&["policy", "check", file.to_str().unwrap()], more].concat();
        let output = run(&arguments);
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(status), "{told}");
        told
    };
    let told = says(WAIVERS, 0, &[]);
    assert!(told.contains("the waiver of TLS-02 by platform expired on 2026-01-31"), "{told}");
    assert!(told.contains("the policy is sound: 3 waivers"), "{told}");
    let told = says("waivers:\n  - {control: TLS-99}\n", 1, &[]);
    assert!(told.contains("waiver 1 (line 2): no control \"TLS-99\""), "{told}");
    let told = says("thresholds: {certificate-fail-day: 3}\n", 1, &[]);
    assert!(told.contains("line 1"), "{told}");

    let schema: Value =
        serde_json::from_str(include_str!("../../docs/policy-v1.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let yaml = |text: &str| serde_yaml::from_str::<Value>(text).unwrap();
    assert!(schema.is_valid(&yaml(WAIVERS)));
    assert!(!schema.is_valid(&yaml("waivers: [{control: TLS-01}]")));
    assert!(!schema.is_valid(&yaml("severities: {TLS-01: bad}")));
}
