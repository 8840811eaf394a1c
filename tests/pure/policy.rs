//! Policies: waivers that are findings themselves, and errors that are found before use.

use std::fs;

use ckf_test_support::run;
use ckf_worlds::World;
use serde_json::{Value, json};

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
fn allowance_matches_by_pattern_owner_and_label() {
    let mut world = World::stock("1.10");
    let route = |name: &str, labels: Value, owners: Value| {
        let mut service = ckf_worlds::object(
            "networking.istio.io/v1beta1",
            "VirtualService",
            "kubeflow",
            name,
            json!({"spec": {"gateways": ["kubeflow-gateway"], "hosts": ["*"],
                "http": [{"match": [{"uri": {"prefix": format!("/{name}/")}}], "route": [{"destination": {"host": "x.y.svc.cluster.local"}}]}]}}),
        );
        service["metadata"]["labels"] = labels;
        service["metadata"]["ownerReferences"] = owners;
        service
    };
    let owner = json!([{"apiVersion": "example.com/v1", "kind": "Portal", "name": "front", "uid": "1", "controller": true}]);
    world.objects.push(route("labelled", json!({"team": "vision"}), json!([])));
    world.objects.push(route("owned", json!({}), owner));
    let left = |policy: &str| {
        let report = report_of(&world, policy);
        let routes = control(&report, "NET-08").findings.iter();
        let own = routes.map(|found| found.object.name.clone());
        let own: Vec<String> = own.filter(|name| name == "labelled" || name == "owned").collect();
        let unused = control(&report, "POL-02").findings.iter();
        (own, unused.map(|found| found.seen.clone()).collect::<Vec<_>>())
    };
    let of = |entry: &str| left(&format!("allow: {{virtualservices: [{entry}]}}"));
    assert_eq!(left("").0, ["labelled", "owned"]);
    assert_eq!(of("{labels: {team: vis*}}"), (vec!["owned".into()], vec![]));
    assert_eq!(of("{owner: {kind: Portal}}"), (vec!["labelled".into()], vec![]));
    assert_eq!(of("{namespace: kube*, owner: {name: fr*}}"), (vec!["labelled".into()], vec![]));
    let (_, unused) = of("{owner: {kind: Gate}, labels: {team: vision}}");
    let named = "{owner.kind: Gate, labels.team: vision}, which matches no object";
    assert_eq!(unused, [named]);
}

#[test]
fn unused_entries_of_every_list_are_findings() {
    let world = World::stock("1.10");
    for (entry, is_used) in [
        ("services: [istio-ingressgateway-workload]", true),
        ("services: [gone]", false),
        ("pods: [kubeflow/kfp-ui]", true),
        ("pods: [kubeflow/kfp-uj]", false),
        ("registries: [docker.io/charmedkubeflow]", true),
        ("registries: [registry.example.com]", false),
    ] {
        let report = report_of(&world, &format!("allow: {{{entry}}}"));
        let findings = &control(&report, "POL-02").findings;
        assert_eq!(findings.is_empty(), is_used, "{entry}: {findings:?}");
    }
    let report = report_of(&world, "allow: {superusers: [ada]}");
    let unread = control(&report, "POL-02");
    assert_eq!(unread.verdict, ckf_hardening::controls::Verdict::NotAssessed);
    assert!(unread.reason.contains("superusers"), "{}", unread.reason);
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
