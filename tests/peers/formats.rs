//! Reports in the formats that others read, checked by those who read them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use ckf_hardening::catalog;
use ckf_hardening::controls::Verdict;
use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::report::{ControlReport, Format, sarif};
use ckf_test_support::run;
use ckf_worlds::World;
use serde_json::Value;

use crate::reports::{WAIVERS, report_of};

/// Stock, with names that no format may stumble over.
pub fn hostile() -> World {
    let mut world = World::stock("1.10");
    let pod = world.get("Pod", "minio-0");
    pod["spec"]["containers"][0]["image"] = "evil]]><script>&\u{1}\u{fffe}\"' %2f:latest".into();
    world
}

pub fn python(packages: &[&str], name: &str, script: &str, arguments: &[&Path]) -> String {
    let programs = test_programs::python::programs(name, packages).unwrap();
    let output = Command::new(programs.join("python"))
        .args(["-c", script])
        .args(arguments)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn sarif_satisfies_its_own_validator() {
    let folder = test_programs::npm::packages("sarif", &["@microsoft/sarif-multitool-linux@5.7.0"]);
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
        let findings: usize = report.controls.iter().map(|c| c.findings.len()).sum();
        let whole = sarif::render_all(&report);
        for (text, is_whole) in [(Format::Sarif.render(&report), false), (whole, true)] {
            let log: Value = serde_json::from_str(&text).unwrap();
            let errors: Vec<String> = schema.iter_errors(&log).map(|e| e.to_string()).collect();
            assert_eq!(errors, [""; 0], "{name}");
            let results = log["runs"][0]["results"].as_array().unwrap();
            let failing = results.iter().filter(|result| result["kind"] == "fail");
            let open = failing.filter(|result| result["suppressions"].is_null()).count();
            assert_eq!(open, findings, "{name}");
            // GitHub makes an alert of each result, one for each of its hashes.
            let hash = |r: &Value| {
                r["partialFingerprints"]["primaryLocationLineHash"].as_str().map(str::to_owned)
            };
            let hashes: BTreeSet<String> = results.iter().filter_map(hash).collect();
            assert_eq!(hashes.len(), findings, "{name}");
            assert_eq!(results.len() > findings, is_whole, "{name}");

            let file = directory.path().join(format!("{name}.sarif"));
            fs::write(&file, &text).unwrap();
            let output = Command::new(package.join("Sarif.Multitool"))
                .arg("validate")
                .arg(&file)
                .args(["--level", "Error;Warning", "--kind", "Fail", "--rule-kind", "Sarif;Ghas"])
                .env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")
                .output()
                .unwrap();
            let shown = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{name}: {shown}");
            assert!(!shown.contains(": error "), "{name}: {shown}");
        }
    }
}

#[test]
fn csv_is_read_row_by_row() {
    let directory = tempfile::tempdir().unwrap();
    let script = "
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1], newline='')))
assert all(None not in row and None not in row.values() for row in rows)
failing = {row['control'] for row in rows if row['verdict'] == 'fail'}
print(len(rows), len({row['control'] for row in rows}), len(failing))
";
    for world in [World::stock("1.10"), hostile()] {
        let report = report_of(&world, WAIVERS);
        let file = directory.path().join("report.csv");
        fs::write(&file, Format::Csv.render(&report)).unwrap();
        let shown = python(&["junitparser==5.0.3"], "junit", script, &[&file]);
        let evidence = report.controls.iter().map(|c| c.findings.len() + c.waived.len());
        let rows: usize = evidence.map(|number| number.max(1)).sum();
        let expected = format!("{rows} {} {}\n", report.controls.len(), report.summary.fail);
        assert_eq!(shown, expected);
    }
}

#[test]
fn junit_counts_match_the_report() {
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
        let shown = python(&["junitparser==5.0.3"], "junit", script, &[&file]);
        let s = &report.summary;
        let skipped = s.waived + s.not_applicable + s.not_assessed;
        let expected = format!("{} {} {} {skipped}\n", report.controls.len(), s.pass, s.fail);
        assert_eq!(shown, expected);
    }
}

#[test]
fn oscal_is_read_by_trestle_and_joins_to_the_catalogue_of_nist() {
    let directory = tempfile::tempdir().unwrap();
    let script = "
import re, sys, pathlib, json
from trestle.oscal.assessment_plan import AssessmentPlan
from trestle.oscal.assessment_results import AssessmentResults
read = AssessmentResults.oscal_read(pathlib.Path(sys.argv[1]))
plan = AssessmentPlan.oscal_read(pathlib.Path(sys.argv[2]))
selected = lambda of: {c.control_id: c.statement_ids for s in of.control_selections for c in s.include_controls or []}
resources = {r.uuid: r for r in read.back_matter.resources}
assert resources[read.import_ap.href[1:]].rlinks[0].href
result = read.results[0]
reviewed = selected(result.reviewed_controls)
assert reviewed == selected(plan.reviewed_controls)
activities = (plan.local_definitions.activities if plan.local_definitions else None) or []
assert {i for a in activities for i in selected(a.related_controls)} == set(reviewed)
observed = {o.uuid for o in result.observations or []}
states = {}
for f in result.findings or []:
    assert f.target.type.value == 'statement-id', f
    assert re.fullmatch(r'[a-z]{2}-[0-9]+(\\.[0-9]+)?_smt', f.target.target_id), f
    assert f.target.target_id in reviewed[f.target.target_id.removesuffix('_smt')]
    assert {o.observation_uuid for o in f.related_observations} <= observed
    assert f.target.target_id not in states
    states[f.target.target_id] = f.target.status.state.value
print(json.dumps([states, len(observed)]))
";
    let empty = World { objects: Vec::new() };
    for world in [World::stock("1.10"), World::hardened("1.10"), hostile(), empty] {
        let report = report_of(&world, WAIVERS);
        let file = directory.path().join("results.json");
        let text = Format::Oscal.render(&report);
        assert_eq!(text, Format::Oscal.render(&report), "the same report, the same bytes");
        fs::write(&file, text).unwrap();
        let plan = directory.path().join("plan.json");
        fs::write(&plan, Format::OscalPlan.render(&report)).unwrap();
        let shown = python(&["compliance-trestle==5.2.0"], "oscal", script, &[&file, &plan]);
        let (states, observed): (BTreeMap<String, String>, usize) =
            serde_json::from_str(&shown).unwrap();
        let s = &report.summary;
        assert_eq!(observed, s.pass + s.fail + s.waived);
        // A statement is satisfied only if each control that maps to it was assessed and passes.
        for (statement, state) in states {
            let id = statement.trim_end_matches("_smt").to_uppercase();
            let mapped = report.controls.iter().filter(|control| {
                let known = catalog::control(&control.id).unwrap();
                known
                    .mappings
                    .nist_800_53
                    .iter()
                    .any(|nist| nist.replace('(', ".").replace(')', "") == id)
            });
            let holds = |control: &ControlReport| {
                matches!(control.verdict, Verdict::Pass | Verdict::NotApplicable)
            };
            assert_eq!(state == "satisfied", mapped.into_iter().all(holds), "{statement}");
        }
    }
}

#[test]
fn api_server_accepts_the_report_as_an_object() {
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
fn keys_are_listed_and_their_cbom_satisfies_cyclonedx() {
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
    let gateway = at("kubeflow-gateway-gateway-secret", "data[tls.crt][0]");
    assert!(gateway.has_private_key && gateway.renewed_by.starts_with("istio-pilot"));
    assert!(at("istio-ca-root-cert", "root-cert.pem").certificate.is_some());
    assert!(at("mlpipeline-minio-artifact", "secretkey").material.is_some());
    assert!(keys.iter().any(|key| key.field.contains("caBundle")));

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cbom.json");
    fs::write(&file, cbom(&keys, &facts.about).to_string()).unwrap();
    let bill = cbom(&keys, &facts.about);
    let serial = bill["serialNumber"].as_str().unwrap().trim_start_matches("urn:uuid:");
    assert_eq!(cyclonedx(&file, "V1_6"), format!("None {serial} 2026-11-01T00:00:00+00:00\n"));
}

#[test]
fn sbom_of_an_image_satisfies_cyclonedx() {
    use ckf_hardening::facts::dpkg::{Package, Packages};
    use ckf_hardening::images::{Row, sbom};
    let package = Package {
        name: "libstdc++6".into(),
        version: "1:12.3.0-1ubuntu1~22.04".into(),
        source: "gcc-12".into(),
        source_version: "12.3.0-1ubuntu1~22.04".into(),
    };
    let row = Row {
        image: "docker.io/charmedkubeflow/dex:2.41.1-1d3fe19".into(),
        running: vec![format!("sha256:{}", "ab".repeat(32))],
        packages: Some(Packages {
            base: Some(("ubuntu".into(), "22.04".into())),
            packages: vec![package],
        }),
        ..Row::default()
    };
    let bill = sbom(&row, "2026-11-01T00:00:00Z".parse().unwrap()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sbom.json");
    fs::write(&file, bill.to_string()).unwrap();
    let serial = bill["serialNumber"].as_str().unwrap().trim_start_matches("urn:uuid:");
    let purl = "pkg:deb/ubuntu/libstdc%2B%2B6@1:12.3.0-1ubuntu1~22.04?distro=ubuntu-22.04";
    let read = format!("None {serial} 2026-11-01T00:00:00+00:00\n{purl} libstdc++6\n");
    assert_eq!(cyclonedx(&file, "V1_5"), read);
}

/// What CycloneDX's library says of a bill of a version of the schema: what is wrong, its serial
/// number and time, and the package URL of each component with the name that it decodes to.
fn cyclonedx(file: &Path, version: &str) -> String {
    let script = "
import json, sys
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
text = open(sys.argv[1]).read()
wrong = JsonStrictValidator(SchemaVersion[sys.argv[2]]).validate_str(text)
read = Bom.from_json(json.loads(text))
print(wrong, read.serial_number, read.metadata.timestamp.isoformat())
for component in read.components:
    if component.purl:
        print(component.purl, component.purl.name)
";
    let packages = ["cyclonedx-python-lib[json-validation]==11.5.0"];
    python(&packages, "cyclonedx", script, &[file, Path::new(version)])
}

#[test]
fn terraform_module_names_the_charms_endpoints_and_uses_its_variables() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("terraform");
    let script = "
import json, pathlib, sys, hcl2
shown = {}
for file in sorted(pathlib.Path(sys.argv[1]).glob('*.tf')):
    for kind, blocks in hcl2.loads(file.read_text()).items():
        shown.setdefault(kind, []).extend(blocks if isinstance(blocks, list) else [blocks])
print(json.dumps(shown))
";
    let shown = python(&["python-hcl2==7.3.1"], "hcl", script, &[&folder]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let output = |name: &str| {
        let mut all = shown["output"].as_array().unwrap().iter();
        let found = all.find_map(|block| block.get(name).or(block.get(format!("\"{name}\""))));
        found.unwrap_or_else(|| panic!("no output {name}: {shown}"))["value"].clone()
    };
    let metadata: Value = serde_yaml::from_str(include_str!("../../metadata.yaml")).unwrap();
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
    for block in shown["variable"].as_array().unwrap() {
        let name = block.as_object().unwrap().keys().next().unwrap();
        let name = name.trim_matches('"');
        assert!(main.contains(&format!("var.{name}")), "{name} is used");
    }
}
