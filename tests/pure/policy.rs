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

/// Pods have generated names; what they belong to and their labels last.
#[test]
fn waiver_matches_pods_by_owner_and_label() {
    let waived = |object: &str| {
        let waiver = "reason: r, owner: o, expires: 2027-01-31";
        let policy = format!("waivers: [{{control: IMG-02, object: {object}, {waiver}}}]");
        let report = report_of(&World::stock("1.10"), &policy);
        let unused = control(&report, "POL-02").findings.len();
        (control(&report, "IMG-02").waived.len(), unused)
    };
    for object in [
        "{owner: {kind: Deployment, name: otel-collector}}",
        "{owner: {kind: Depl*, name: otel-*}, namespace: kubeflow}",
        "{kind: Pod, labels: {app: otel-collector}}",
        "{labels: {app: 'otel-*'}}",
    ] {
        assert_eq!(waived(object), (1, 0), "{object}");
    }
    for object in [
        "{owner: {kind: StatefulSet, name: otel-collector}}",
        "{labels: {app: otel-collector, team: a}}",
        "{labels: {app: otel-collector}, namespace: team-a}",
    ] {
        assert_eq!(waived(object), (0, 1), "{object}");
    }
    let report = report_of(&World::stock("1.10"), "");
    let owner = control(&report, "IMG-02").findings[0].owner.as_ref().unwrap();
    assert_eq!(owner.to_string(), "Deployment otel-collector");
}

#[test]
fn waiver_that_can_never_match_is_refused() {
    for (object, why) in [
        ("{kind: Service, labels: {app: x}}", "of pods, not of a Service"),
        ("{kind: Deployment, owner: {name: x}}", "of pods, not of a Deployment"),
        ("{kind: Namespace, namespace: team-a}", "a Namespace has no namespace"),
        ("{kind: Pod, name: ''}", "object.name is empty"),
        ("{kind: Namespace, labels: {a: b}}", "of pods, not of a Namespace"),
    ] {
        let waiver = "control: IMG-02, reason: r, owner: o, expires: 2027-01-31";
        let text = format!("waivers: [{{{waiver}, object: {object}}}]");
        let (policy, problems) = ckf_hardening::policy::Policy::parse(&text);
        assert!(policy.waivers.is_empty(), "{object}");
        assert!(problems[0].0.contains("it can never match"), "{problems:?}");
        assert!(problems[0].0.contains(why), "{problems:?}");
    }
}

#[test]
fn allowance_of_an_object_that_is_not_there_is_a_finding() {
    let policy = "allow: {virtualservices: [kubeflow/kfp-ui, kubeflow/gone], envoyfilters: ['*/istio-pilot-*']}";
    let report = report_of(&World::stock("1.10"), policy);
    let unused = &control(&report, "POL-02").findings;
    assert_eq!(unused.len(), 1, "{unused:?}");
    assert_eq!(unused[0].object.to_string(), "Allow virtualservices");
    assert!(unused[0].seen.starts_with("kubeflow/gone"), "{unused:?}");
}

#[test]
fn policy_check_names_the_line_of_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("policy.yaml");
    let says = |text: &str, status: i32, more: &[&str]| {
        fs::write(&file, text).unwrap();
        let arguments = [&["policy", "check", file.to_str().unwrap()], more].concat();
        let output = run(&arguments);
        let shown = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(status), "{shown}");
        shown
    };
    let shown = says(WAIVERS, 0, &[]);
    assert!(shown.contains("the waiver of TLS-02 by platform expired on 2026-01-31"), "{shown}");
    assert!(shown.contains("the policy is sound: 3 waivers"), "{shown}");
    let shown = says("waivers:\n  - {control: TLS-99}\n", 1, &[]);
    assert!(shown.contains("waiver 1 (line 2): no control \"TLS-99\""), "{shown}");
    let shown = says("thresholds: {certificate-fail-day: 3}\n", 1, &[]);
    assert!(shown.contains("line 1"), "{shown}");

    let schema: Value =
        serde_json::from_str(include_str!("../../docs/policy-v1.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let yaml = |text: &str| serde_yaml::from_str::<Value>(text).unwrap();
    assert!(schema.is_valid(&yaml(WAIVERS)));
    assert!(!schema.is_valid(&yaml("waivers: [{control: TLS-01}]")));
    assert!(!schema.is_valid(&yaml("severities: {TLS-01: bad}")));
}
