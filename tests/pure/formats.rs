//! Reports redacted, by other catalogues of controls, and of a bundle; no other program reads them.

use std::fs;

use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::report::{Report, json};
use ckf_test_support::run;
use ckf_worlds::World;
use serde_json::Value;

use crate::{control, report_of};

#[test]
fn redaction_replaces_each_name_the_same_everywhere() {
    let about = About {
        collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let mut world = World::large("1.10", 6, 2);
    // Drift that names an owner and a host.
    let binding = |o: &&mut Value| {
        o["kind"] == "RoleBinding"
            && o["metadata"]["namespace"] == "user-00000"
            && o["metadata"]["name"] == "namespaceAdmin"
    };
    let binding = world.objects.iter_mut().find(binding).unwrap();
    binding["subjects"][0]["name"] = "mallory@evil.example.com".into();
    let facts = Facts::from_objects(about, &world.objects);
    let report = Report::audit(&facts, &Policy::default(), None, Vec::new());
    let open = json::render(&report);
    let hidden = ckf_hardening::report::redact(&report, &facts, &["kubeflow.example.com".into()]);
    let text = json::render(&hidden);
    for name in ["user-00000", "user-00001", "mallory", "evil.example.com"] {
        assert!(open.contains(name), "{name} is in the report");
        assert!(!text.contains(name), "{name} is hidden");
    }
    assert_eq!(hidden.summary, report.summary);
    let findings =
        |report: &Report| report.controls.iter().map(|c| c.findings.len()).collect::<Vec<_>>();
    assert_eq!(findings(&hidden), findings(&report));
    // The namespace of a person is the same one wherever it stands: admin is the platform's.
    let binding = &control(&hidden, "AUTHZ-02").findings[0].object;
    let named = |id: &str| {
        let mut findings = control(&hidden, id).findings.iter();
        findings.any(|finding| finding.object.name == binding.namespace)
    };
    assert!(binding.namespace.starts_with("person-") && named("NET-01") && named("NET-03"));
}

#[test]
fn framework_report_shows_verdicts_and_coverage() {
    use ckf_hardening::report::framework::Framework;
    let report = report_of(&World::stock("1.10"), "");
    for (framework, requirement) in
        [(Framework::Nist, "SC-8"), (Framework::Cis, "5."), (Framework::Nsa, "")]
    {
        let text = framework.render(&report);
        assert!(text.contains("mapped requirements assessed"), "{text}");
        assert!(text.contains(requirement), "{text}");
        assert!(text.contains("fail"), "{text}");
    }
}

#[test]
fn bundle_is_assessed_before_deployment() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bundle.yaml");
    let bundle = "
applications:
  dex-auth: {charm: dex-auth, channel: 2.41/edge, options: {static-username: admin, static-password: admin}}
  kubeflow-profiles: {charm: kubeflow-profiles, channel: 1.10/stable, options: {security-policy: baseline}}
relations:
  - [dex-auth:logging, grafana-agent-k8s:logging-provider]
";
    fs::write(&file, bundle).unwrap();
    let path = file.to_str().unwrap();
    let output = run(&["audit", "--bundle", path, "--format", "json", "--release", "1.10"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for (id, verdict) in [
        ("AUTHN-09", "fail"),
        ("AUTHN-10", "fail"),
        ("UPG-03", "fail"),
        ("PSS-02", "pass"),
        ("JUJU-03", "not-assessed"),
        ("UPG-01", "not-assessed"),
        ("TLS-01", "not-assessed"),
    ] {
        assert_eq!(
            ckf_test_support::verdict(&report, id),
            verdict,
            "{id}: {}",
            ckf_test_support::control(&report, id)
        );
    }
    let text = report.to_string();
    assert!(text.contains("no application grafana-agent-k8s"), "{text}");
    let output = run(&["audit", "--bundle", path, "--fail-on", "never"]);
    assert_eq!(output.status.code(), Some(0));
    fs::write(&file, "applications: 3").unwrap();
    let output = run(&["audit", "--bundle", path]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(error.contains("not a bundle"), "{error}");
}
