//! Reports in the formats that others read, judged by those who read them.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::report::{Format, Report, json};
use ckf_worlds::World;
use serde_json::Value;
use support::run;

const WAIVERS: &str = "
waivers:
  - {control: NET-01, reason: no other tenants, owner: platform, expires: 2027-01-31}
  - {control: NET-03, object: {name: nobody}, reason: none, owner: platform, expires: 2027-01-31}
  - {control: TLS-02, reason: soon, owner: platform, expires: 2026-01-31}
severities: {PSS-05: high}
";

fn report_of(world: &World, policy: &str) -> Report {
    let about = About {
        collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let facts = Facts::from_objects(about, &world.objects);
    let (policy, problems) = Policy::parse(policy);
    assert!(problems.is_empty(), "{problems:?}");
    Report::audit(&facts, &policy, None, Vec::new())
}

/// Stock, with names that no format may stumble over.
fn hostile() -> World {
    let mut world = World::stock("1.10");
    let pod = world.get("Pod", "minio-0");
    pod["spec"]["containers"][0]["image"] = "evil]]><script>&\u{1}\u{fffe}\"' %2f:latest".into();
    world
}

fn python(packages: &[&str], name: &str, script: &str, arguments: &[&Path]) -> String {
    let programs = pip_programs::programs(name, packages).unwrap();
    let output = Command::new(programs.join("python"))
        .args(["-c", script])
        .args(arguments)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).unwrap()
}

fn control<'a>(report: &'a Report, id: &str) -> &'a ckf_hardening::report::ControlReport {
    report.controls.iter().find(|control| control.id == id).unwrap()
}

#[test]
fn sarif_satisfies_its_own_validator() {
    let folder = npm_programs::packages("sarif", &["@microsoft/sarif-multitool-linux@5.7.0"]);
    let package = folder.unwrap().join("node_modules/@microsoft/sarif-multitool-linux");
    let schema = fs::read_to_string(package.join("sarif-2.1.0.json")).unwrap();
    // Its $id is an address, and nothing is fetched.
    let mut schema: Value = serde_json::from_str(&schema).unwrap();
    schema.as_object_mut().unwrap().remove("$id");
    let schema = jsonschema::validator_for(&schema).unwrap();
    let directory = tempfile::tempdir().unwrap();
    for (name, world) in [
        ("stock", World::stock("1.10")),
        ("hostile", hostile()),
        ("ambient", World::hardened("1.11")),
    ] {
        let report = report_of(&world, WAIVERS);
        let text = Format::Sarif.render(&report);
        let log: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = schema.iter_errors(&log).map(|e| e.to_string()).collect();
        assert_eq!(errors, [""; 0], "{name}");
        let results = log["runs"][0]["results"].as_array().unwrap();
        let failing = results.iter().filter(|result| result["kind"] == "fail");
        let open = failing.filter(|result| result["suppressions"].is_null()).count();
        let findings: usize = report.controls.iter().map(|c| c.findings.len()).sum();
        assert_eq!(open, findings, "{name}");

        let file = directory.path().join(format!("{name}.sarif"));
        fs::write(&file, &text).unwrap();
        let output = Command::new(package.join("Sarif.Multitool"))
            .arg("validate")
            .arg(&file)
            .args(["--level", "Error;Warning", "--kind", "Fail", "--rule-kind", "Sarif;Ghas"])
            .env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{name}: {told}");
        assert!(!told.contains(": error "), "{name}: {told}");
    }
}

#[test]
fn junit_is_read_as_it_was_meant() {
    let directory = tempfile::tempdir().unwrap();
    let script = "
import sys
from junitparser import JUnitXml
suites = JUnitXml.fromfile(sys.argv[1])
cases = [case for suite in suites for case in suite]
kinds = [type(case.result[0]).__name__ if case.result else 'Pass' for case in cases]
print(len(cases), kinds.count('Pass'), kinds.count('Failure'), kinds.count('Skipped'))
";
    for world in [World::stock("1.10"), hostile()] {
        let report = report_of(&world, WAIVERS);
        let file = directory.path().join("junit.xml");
        fs::write(&file, Format::Junit.render(&report)).unwrap();
        let told = python(&["junitparser==5.0.3"], "junit", script, &[&file]);
        let s = &report.summary;
        let skipped = s.waived + s.not_applicable + s.not_assessed;
        let expected = format!("{} {} {} {skipped}\n", report.controls.len(), s.pass, s.fail);
        assert_eq!(told, expected);
    }
}

#[test]
fn oscal_is_what_the_auditors_tool_reads() {
    let directory = tempfile::tempdir().unwrap();
    let script = "
import sys, pathlib
from trestle.oscal.assessment_results import AssessmentResults
read = AssessmentResults.oscal_read(pathlib.Path(sys.argv[1]))
result = read.results[0]
states = [str(f.target.status.state.value) for f in result.findings or []]
print(states.count('satisfied'), states.count('not-satisfied'), len({o.uuid for o in result.observations or []}))
";
    let empty = World { objects: Vec::new() };
    for world in [World::stock("1.10"), World::hardened("1.10"), hostile(), empty] {
        let report = report_of(&world, WAIVERS);
        let file = directory.path().join("results.json");
        let text = Format::Oscal.render(&report);
        assert_eq!(text, Format::Oscal.render(&report), "the same report, the same bytes");
        fs::write(&file, text).unwrap();
        let told = python(&["compliance-trestle==5.2.0"], "oscal", script, &[&file]);
        let s = &report.summary;
        let not = s.fail + s.waived;
        assert_eq!(told, format!("{} {not} {}\n", s.pass, s.pass + not));
    }
}

#[test]
fn kubernetes_takes_the_report_as_an_object() {
    let sandbox = kube_sandbox::Sandbox::start().unwrap();
    sandbox.install_open_reports().unwrap();
    let namespace =
        r#"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kubeflow"}}"#;
    let apply = |text: &str| {
        // Fields that the definition does not have are refused.
        let strict = ["apply", "--server-side", "--validate=strict", "-f", "-"];
        sandbox.kubectl_with(&strict, text).unwrap()
    };
    apply(namespace);
    // Where there is no Charmed Kubeflow, nothing is audited.
    apply(
        r#"{"apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "kubeflow-roles", "namespace": "kubeflow"}, "spec": {"serviceName": "kubeflow-roles",
        "replicas": 0, "selector": {"matchLabels": {"app": "kubeflow-roles"}}, "template": {"metadata":
        {"labels": {"app": "kubeflow-roles"}}, "spec": {"containers": [{"name": "charm", "image": "charm-base"}]}}}}"#,
    );
    // As the tool writes it itself, once and again.
    let admin = sandbox.kubeconfig("admin");
    let publish = [
        "audit",
        "--publish",
        "--yes",
        "--fail-on",
        "never",
        "--kubeconfig",
        admin.to_str().unwrap(),
    ];
    for _ in 0..2 {
        let output = run(&publish);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 3)), "{error}");
    }
    let get = ["get", "reports.openreports.io", "-n", "kubeflow", "ckf-hardening", "-o", "name"];
    assert!(sandbox.kubectl(&get).unwrap().status.success());
    let delete = ["delete", "reports.openreports.io", "-n", "kubeflow", "ckf-hardening"];
    assert!(sandbox.kubectl(&delete).unwrap().status.success());
    for world in [World::stock("1.10"), hostile(), World::large("1.10", 6000, 50)] {
        let report = report_of(&world, WAIVERS);
        apply(&Format::OpenReports.render(&report));
        let output =
            sandbox.kubectl(&["get", "reports.openreports.io", "-n", "kubeflow", "-o", "json"]);
        let listed: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
        let stored = &listed["items"][0];
        let results = stored["results"].as_array().unwrap();
        assert!(results.len() <= 2000);
        let fails = results.iter().filter(|result| result["result"] == "fail").count();
        assert_eq!(stored["summary"]["fail"], fails);
        assert_eq!(stored["summary"]["pass"], report.summary.pass);
    }
}

#[test]
fn what_is_new_is_told_by_the_evidence_and_nothing_is_guessed() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, report: &Report| {
        let file = directory.path().join(name);
        fs::write(&file, json::render(report)).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let old = write("old.json", &report_of(&World::stock("1.10"), ""));
    let mut changed = World::stock("1.10");
    changed.get("Pod", "minio-0")["spec"]["containers"][0]["image"] =
        "elsewhere.io/minio:latest".into();
    changed.remove("EnvoyFilter", "istio-pilot-authn-filter");
    let new = write("new.json", &report_of(&changed, ""));
    let waived = write("waived.json", &report_of(&World::stock("1.10"), WAIVERS));
    let says = |status: i32, arguments: &[&str]| {
        let output = run(&[&["diff"], arguments].concat());
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(status), "{text}");
        text
    };
    assert!(says(0, &[&old, &old]).starts_with("0 new, 0 fixed, "));
    let text = says(1, &[&old, &new]);
    assert!(text.contains("new AUTHN-01 (critical)"), "{text}");
    assert!(text.contains("new IMG-02 (high) Pod kubeflow/minio-0"), "{text}");
    let text = says(0, &[&new, &old]);
    assert!(text.contains("fixed AUTHN-01 (critical)"), "{text}");
    says(0, &[&old, &new, "--fail-on", "never"]);
    says(1, &[&new, &old, "--fail-on", "fixed:high"]);
    // What is waived is still there.
    let text = says(1, &[&old, &waived]);
    assert!(text.contains("2 new, 0 fixed, "), "{text}");
    assert!(text.contains("new POL-01 (medium) Waiver 3"), "{text}");
    let refused = says(2, &[&old, "/nowhere.json"]);
    assert!(refused.contains("report /nowhere.json"), "{refused}");
    assert!(says(2, &[&old, &new, "--fail-on", "worse"]).contains("new:SEVERITY"));

    // What one of both could not judge is not told of.
    let unread = World { objects: Vec::new() };
    let mut report = report_of(&World::stock("1.10"), "");
    let unread = report_of(&unread, "");
    for control in &mut report.controls {
        if control.id == "AUTHN-01" {
            *control = ckf_hardening::report::ControlReport {
                verdict: ckf_hardening::controls::Verdict::NotAssessed,
                ..unread.controls[0].clone()
            };
            control.id = "AUTHN-01".into();
        }
    }
    let partial = write("partial.json", &report);
    let text = says(1, &[&partial, &new, "--fail-on", "new:high"]);
    assert!(text.contains("incomparable AUTHN-01: not-assessed -> fail"), "{text}");
    assert!(!text.contains("new AUTHN-01"), "{text}");
}

#[test]
fn waivers_that_wait_for_nothing_are_findings_that_cannot_be_waived() {
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
fn a_policy_is_checked_before_it_is_used() {
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
        serde_json::from_str(include_str!("../docs/policy-v1.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let yaml = |text: &str| serde_yaml::from_str::<Value>(text).unwrap();
    assert!(schema.is_valid(&yaml(WAIVERS)));
    assert!(!schema.is_valid(&yaml("waivers: [{control: TLS-01}]")));
    assert!(!schema.is_valid(&yaml("severities: {TLS-01: bad}")));
}

#[test]
fn names_of_people_and_hosts_are_hidden_the_same_everywhere() {
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
fn other_catalogues_see_the_same_verdicts_and_how_much_is_looked_at() {
    use ckf_hardening::report::framework::Framework;
    let report = report_of(&World::stock("1.10"), "");
    for (framework, requirement) in
        [(Framework::Nist, "SC-8"), (Framework::Cis, "5."), (Framework::Nsa, "")]
    {
        let text = framework.render(&report);
        assert!(text.contains("requirements that a control maps to could be judged"), "{text}");
        assert!(text.contains(requirement), "{text}");
        assert!(text.contains("fail"), "{text}");
    }
}

#[test]
fn a_bundle_is_judged_before_it_is_deployed() {
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
            support::verdict(&report, id),
            verdict,
            "{id}: {}",
            support::control(&report, id)
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
    assert!(error.contains("it is no bundle"), "{error}");
}

#[test]
fn keys_are_listed_and_their_bill_satisfies_the_schema_of_cyclonedx() {
    use ckf_hardening::controls::Context;
    use ckf_hardening::crypto_assets::{cbom, inventory};
    let about = About {
        collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let facts = Facts::from_objects(about, &World::hardened("1.10").objects);
    let policy = Policy::default();
    let context = Context::new(&facts, &policy, None);
    let keys = inventory(&context).unwrap();
    let at = |object: &str, field: &str| {
        let mut all = keys.iter();
        let found = all.find(|key| key.object.name == object && key.field.contains(field));
        found.unwrap_or_else(|| panic!("{object} {field}: {keys:?}"))
    };
    let gateway = at("kubeflow-gateway-gateway-secret", "tls.crt[0]");
    assert!(gateway.has_private_key && gateway.renewed_by.starts_with("istio-pilot"));
    assert!(at("istio-ca-root-cert", "root-cert.pem").certificate.is_some());
    assert!(at("mlpipeline-minio-artifact", "secretkey").material.is_some());
    assert!(keys.iter().any(|key| key.field.contains("caBundle")));

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cbom.json");
    fs::write(&file, cbom(&keys, "kubeflow").to_string()).unwrap();
    let script = "
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())
print(wrong)
";
    let packages = ["cyclonedx-python-lib[json-validation]==11.5.0"];
    assert_eq!(python(&packages, "cyclonedx", script, &[&file]), "None\n");
}

#[test]
fn the_terraform_module_names_the_charms_own_endpoints_and_uses_its_variables() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("terraform");
    let script = "
import json, pathlib, sys, hcl2
told = {}
for file in sorted(pathlib.Path(sys.argv[1]).glob('*.tf')):
    for kind, blocks in hcl2.loads(file.read_text()).items():
        told.setdefault(kind, []).extend(blocks if isinstance(blocks, list) else [blocks])
print(json.dumps(told))
";
    let told = python(&["python-hcl2==7.3.1"], "hcl", script, &[&folder]);
    let told: Value = serde_json::from_str(&told).unwrap();
    let output = |name: &str| {
        let mut all = told["output"].as_array().unwrap().iter();
        let found = all.find_map(|block| block.get(name).or(block.get(format!("\"{name}\""))));
        found.unwrap_or_else(|| panic!("no output {name}: {told}"))["value"].clone()
    };
    let metadata: Value = serde_yaml::from_str(include_str!("../metadata.yaml")).unwrap();
    for side in ["provides", "requires"] {
        let named = output(side);
        let named = named.as_object().unwrap().values();
        let mut named: Vec<String> =
            named.map(|value| value.as_str().unwrap().trim_matches('"').to_owned()).collect();
        let mut own: Vec<String> = metadata[side].as_object().unwrap().keys().cloned().collect();
        named.sort();
        own.sort();
        assert_eq!(named, own, "{side}");
    }
    let main = fs::read_to_string(folder.join("main.tf")).unwrap();
    for block in told["variable"].as_array().unwrap() {
        let name = block.as_object().unwrap().keys().next().unwrap();
        let name = name.trim_matches('"');
        assert!(main.contains(&format!("var.{name}")), "{name} is used");
    }
}
