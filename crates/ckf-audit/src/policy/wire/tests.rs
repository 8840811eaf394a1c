//! Tests of what a policy may say, and of what is said of the rest.

use super::*;

pub(super) const WAIVER: &str = "control: TLS-02, reason: r, owner: o, expires: 2027-01-31";

#[test]
fn waiver_applies_until_end_of_its_last_day() {
    let (policy, problems) = Policy::parse(&format!("waivers: [{{{WAIVER}}}]"));
    assert!(problems.is_empty(), "{problems:?}");
    assert!(policy.waivers[0].holds("2027-01-31T23:59:59Z".parse().unwrap()));
    assert!(!policy.waivers[0].holds("2027-02-01T00:00:00Z".parse().unwrap()));
}

#[test]
fn problem_names_line() {
    let yaml = "thresholds: {}\nwaivers:\n  - control: TLS-02\n    reason: r\n    owner: o\n    \
        expires: 2027-01-31\n  # one more\n  - control: TLS-03\n    object: {kind: Secret}\n\
        attestations: [{control: x}]\n";
    let (_, problems) = Policy::parse(yaml);
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert!(shown[0].starts_with("policy: waiver 2 (line 8): "), "{shown:?}");
    assert!(shown[1].starts_with("policy: attestation 1 (line 10): "), "{shown:?}");
}

#[test]
fn severities_are_overridden_and_waiver_controls_cannot_be_waived() {
    let (policy, problems) = Policy::parse("severities: {TLS-20: high, TLS-99: low, TLS-02: bad}");
    assert_eq!(policy.severities, BTreeMap::from([("TLS-20".into(), Severity::High)]));
    assert_eq!(problems.len(), 2, "{problems:?}");
    let waiver = WAIVER.replace("TLS-02", "POL-01");
    let (_, problems) = Policy::parse(&format!("waivers: [{{{waiver}}}]"));
    assert!(problems[0].0.contains("cannot be waived"), "{problems:?}");
}

pub(super) const CUSTOM: &str = "id: ORG-01, title: t, severity: low, why: w, fix: f, apiVersion: v1, \
    kind: Pod, expression: object.spec.replicas > 1";

#[test]
fn custom_control_can_be_waived_and_its_severity_overridden() {
    let yaml = format!(
        "controls: [{{{CUSTOM}}}]\nseverities: {{ORG-01: high}}\n\
         waivers: [{{control: ORG-01, reason: r, owner: o, expires: 2027-01-31}}]"
    );
    let (policy, problems) = Policy::parse(&yaml);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(policy.controls[0].control.section, "Ours");
    assert_eq!(policy.severities["ORG-01"], Severity::High);
    assert_eq!(policy.waivers.len(), 1);
}

#[test]
fn invalid_control_is_reported_and_skipped() {
    let long = format!("expression: '{}'", "1+".repeat(600));
    for (old, new, message) in [
        ("ORG-01", "TLS-99", "is reserved"),
        ("ORG-01", "org-1", "expected upper-case letters"),
        ("why: w, ", "", "why is missing"),
        ("severity: low", "severity: bad", "is not one of critical"),
        ("apiVersion: v1", "apiVersion: a/b/c", "is not a version"),
        ("kind: Pod", "kimd: Pod", "unknown field `kimd`"),
        ("object.spec.replicas > 1", "object.spec.", "expression is not CEL: 1:"),
        ("object.spec.replicas > 1", "\"'a\"", "unterminated"),
        ("expression: object.spec.replicas > 1", &long, "at most 1000"),
        ("object.spec.replicas > 1", &format!("'{}1'", "(".repeat(400)), "not CEL"),
    ] {
        let entry = CUSTOM.replace(old, new);
        let (policy, problems) = Policy::parse(&format!("controls:\n  - {{{entry}}}"));
        assert_eq!((policy.controls.len(), problems.len()), (0, 1), "{new}");
        let problem = problems[0].to_string();
        assert!(problem.contains(message), "{new}: {problem}");
        assert!(problem.contains("control 1 (line 2)"), "{problem}");
    }
    let (policy, problems) = Policy::parse(&format!("controls: [{{{CUSTOM}}}, {{{CUSTOM}}}]"));
    assert_eq!((policy.controls.len(), problems.len()), (1, 1));
}

#[test]
fn invalid_part_is_reported_and_the_rest_applies() {
    for (yaml, message) in [
        ("waivers: [{control: TLS-02, owner: o, expires: 2027-01-31}]", "reason is missing"),
        (
            "waivers: [{control: TLS-02, reason: ' ', owner: o, expires: 2027-01-31}]",
            "reason is missing",
        ),
        ("waivers: [{control: TLS-02, reason: r, expires: 2027-01-31}]", "owner is missing"),
        ("waivers: [{control: TLS-02, reason: r, owner: o}]", "expires is missing"),
        (
            "waivers: [{control: TLS-02, reason: r, owner: o, expires: soon}]",
            "\"soon\" is not a date",
        ),
        ("waivers: [{control: TLS-02, reason: r, owner: o, expires: 2027-02-30}]", "is not a date"),
        (
            "waivers: [{control: TLS-99, reason: r, owner: o, expires: 2027-01-31}]",
            "no control \"TLS-99\"",
        ),
        ("waivers: [{reason: r, owner: o, expires: 2027-01-31}]", "control is missing"),
        ("waivers: [{controll: TLS-02}]", "controll"),
        ("waivers: [TLS-02]", "expected a map"),
        (
            "waivers: [{control: TLS-02, object: gateway, reason: r, owner: o, expires: 2027-01-31}]",
            "waiver 1",
        ),
        ("waivers: TLS-02", "waivers"),
        ("attestations: [{control: K8S-01}]", "reason is missing"),
        (
            "attestations: [{control: TLS-01, reason: r, owner: o, date: 2026-01-01}]",
            "TLS-01 is assessed by ckf-hardening",
        ),
        ("attestations: [{control: K8S-01, reason: r, owner: o, date: 1}]", "attestation 1"),
        ("thresholds: {certificate-fail-days: -1}", "certificate-fail-days"),
        ("thresholds: {certificate-fail-days: 40}", "certificate-warn-days"),
        ("thresholds: {certificate-fail-days: many}", "line 1"),
        ("threshold: {}", "threshold"),
        ("allow: {gateways: [x]}", "gateways"),
        ("- a list", "expected a map"),
        ("waivers: [", "line"),
        ("just words", "expected a map"),
    ] {
        let (_, problems) = Policy::parse(yaml);
        let text = problems.iter().map(ToString::to_string).collect::<String>();
        assert!(
            text.starts_with("policy: ") && text.contains(message),
            "{yaml}: {text:?} lacks {message:?}"
        );
    }
    let (policy, problems) = Policy::parse(&format!("waivers: [{{{WAIVER}}}, {{control: x}}]"));
    assert_eq!((policy.waivers.len(), problems.len()), (1, 1));
}

proptest::proptest! {
    #[test]
    fn arbitrary_text_does_not_panic(text: String) {
        let _ = Policy::parse(&text);
    }
}

#[test]
fn allowance_that_allows_everything_or_nothing_is_refused_and_named() {
    for (entry, why) in [
        ("services: ['*']", "\"*\": it allows everything"),
        ("services: [{name: '*'}]", "\"{name: *}\": it allows everything"),
        ("services: [{}]", "it allows everything"),
        ("virtualservices: [{name: ''}]", "a part is empty"),
        ("virtualservices: [{owner: {kind: ''}}]", "a part is empty"),
        ("clusterroles: [kubeflow/x]", "a ClusterRole has no namespace"),
        ("clusterroles: [{namespace: kubeflow, name: x}]", "a ClusterRole has no namespace"),
        ("services: [{label: {a: b}}]", "unknown field `label`"),
        (
            "services: [7]",
            "expected NAME, NAMESPACE/NAME, or a map with namespace, name, owner, labels",
        ),
        ("registries: ['*']", "is no name"),
    ] {
        let (policy, problems) = Policy::parse(&format!("allow: {{{entry}}}"));
        assert_eq!(policy.allow, Allow::default(), "{entry}");
        assert_eq!(problems.len(), 1, "{entry}: {problems:?}");
        let list = entry.split(':').next().unwrap();
        assert!(problems[0].0.contains(why), "{entry}: {problems:?}");
        assert!(problems[0].0.contains(list), "{entry}: {problems:?}");
    }
    let sound = "allow: {services: [kubeflow/web, {namespace: 'kube*', labels: {app: '*'}}], pods: [istio-cni]}";
    assert_eq!(Policy::parse(sound).1, []);
}
