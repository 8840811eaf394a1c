//! Controls that a policy adds, assessed beside the catalogue's on a real API server.

use std::fs;
use std::path::Path;

use ckf_test_support::run;
use ckf_worlds::World;
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

const POLICY: &str = "
controls:
  - id: ORG-01
    title: Deployments have an owner
    severity: high
    why: No one is called when one without owner fails.
    fix: kubectl label deployment NAME example.com/owner=TEAM
    mappings: {nist-800-53: [CM-8]}
    apiVersion: apps/v1
    kind: Deployment
    namespaces: [kubeflow]
    expression: >-
      has(object.metadata.labels) && 'example.com/owner' in object.metadata.labels
  - id: ORG-02
    title: Profiles have a quota
    section: Tenants
    severity: low
    why: One tenant can take all.
    fix: Set resourceQuotaSpec of the Profile.
    apiVersion: kubeflow.org/v1
    kind: Profile
    expression: has(object.spec.resourceQuotaSpec)
  - id: ORG-03
    title: No Secret is called password
    severity: medium
    why: w
    fix: f
    apiVersion: v1
    kind: Secret
    expression: \"!has(object.data) || object.data.all(k, object.data[k] == 'hidden')\"
  - id: ORG-04
    title: Rockets land
    severity: low
    why: w
    fix: f
    apiVersion: space.example.com/v1
    kind: Rocket
    expression: object.spec.lands
  - id: ORG-05
    title: Pods say how many they are
    severity: low
    why: w
    fix: f
    apiVersion: v1
    kind: Pod
    expression: object.spec.replicas > 1
waivers:
  - {control: ORG-02, object: {name: admin}, reason: it is the only one, owner: platform, expires: 2099-01-31}
";

fn audit(folder: &Path, kubeconfig: &Path, more: &[&str]) -> (i32, String) {
    let policy = folder.join("policy.yaml");
    let mut arguments = vec!["audit", "--policy", policy.to_str().unwrap()];
    let kubeconfig = kubeconfig.to_str().unwrap();
    if !more.contains(&"--from") {
        arguments.extend(["--kubeconfig", kubeconfig]);
    }
    arguments.extend(more);
    let output = run(&arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{error}");
    (output.status.code().unwrap(), text)
}

fn found(report: &Value, id: &str) -> Value {
    let controls = report["controls"].as_array().unwrap();
    let found = controls.iter().find(|control| control["id"] == id);
    found.unwrap_or_else(|| panic!("no {id} in the report")).clone()
}

/// A stock deployment in which one Deployment has an owner, and a folder with the policy.
fn prepared() -> (Sandbox, tempfile::TempDir) {
    let mut world = World::stock("1.10");
    let labels = &mut world.get("Deployment", "istiod")["metadata"]["labels"];
    labels["example.com/owner"] = "mesh".into();
    let sandbox = ckf_test_support::cluster(&world);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("policy.yaml"), POLICY).unwrap();
    (sandbox, folder)
}

#[test]
fn custom_control_is_assessed_and_reported_like_a_built_in_one() {
    let (sandbox, folder) = prepared();
    let kubeconfig = sandbox.kubeconfig("admin");
    let (_, text) = audit(folder.path(), &kubeconfig, &["--format", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["problems"], json!([]));
    let own = 5;
    let built_in = ckf_hardening::catalog::controls().len();
    assert_eq!(report["controls"].as_array().unwrap().len(), built_in + own);

    let owners = found(&report, "ORG-01");
    assert_eq!((&owners["verdict"], &owners["section"]), (&json!("fail"), &json!("Ours")));
    let names: Vec<&str> = owners["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["object"]["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"training-operator") && !names.contains(&"istiod"), "{names:?}");
    let quotas = found(&report, "ORG-02");
    assert_eq!(quotas["verdict"], "waived");
    assert_eq!(quotas["waived"][0]["owner"], "platform");
    // The waiver of one of them is used, which is a control of the catalogue.
    assert_eq!(found(&report, "POL-02")["verdict"], "pass");
    let secrets = found(&report, "ORG-03");
    assert_eq!(secrets["verdict"], "pass", "no value of a Secret is read: {secrets}");
    let rockets = found(&report, "ORG-04");
    assert_eq!(
        (&rockets["verdict"], &rockets["reason"]),
        (&json!("not-applicable"), &json!("space.example.com/v1 Rocket is not installed"))
    );
    let pods = found(&report, "ORG-05");
    assert_eq!(pods["verdict"], "not-assessed");
    assert!(pods["reason"].as_str().unwrap().contains("No such key: replicas"), "{pods}");

    // Other formats have it with what the policy says of it.
    let (_, sarif) = audit(folder.path(), &kubeconfig, &["--format", "sarif"]);
    let sarif: Value = serde_json::from_str(&sarif).unwrap();
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["id"] == "ORG-01").unwrap();
    assert_eq!(rule["fullDescription"]["text"], "No one is called when one without owner fails.");
    let (_, table) = audit(folder.path(), &kubeconfig, &["--framework", "nist-800-53"]);
    let line = table.lines().find(|line| line.contains("CM-8")).unwrap();
    assert!(line.contains("ORG-01"), "{line}");

    // With nothing else open at that severity it decides the exit status.
    let (status, _) = audit(folder.path(), &kubeconfig, &["--fail-on", "never"]);
    assert_ne!(status, 1);
}

#[test]
fn snapshot_has_the_kinds_of_custom_controls_and_no_secret() {
    let (sandbox, folder) = prepared();
    let kubeconfig = sandbox.kubeconfig("admin");
    let (snapshot, policy) = (folder.path().join("snapshot"), folder.path().join("policy.yaml"));
    let (snapshot, policy) = (snapshot.to_str().unwrap(), policy.to_str().unwrap());
    let kubeconfig_text = kubeconfig.to_str().unwrap();
    let output = run(&["collect", snapshot, "--kubeconfig", kubeconfig_text]);
    assert!(output.status.success());
    let from = ["--from", snapshot, "--format", "json"];
    let (_, text) = audit(folder.path(), &kubeconfig, &from);
    let report: Value = serde_json::from_str(&text).unwrap();
    let owners = found(&report, "ORG-01");
    assert_eq!(
        (&owners["verdict"], &owners["reason"]),
        (
            &json!("not-assessed"),
            &json!("apps/v1 Deployment was not read; `collect` reads it with the policy")
        )
    );

    let arguments = ["collect", snapshot, "--policy", policy, "--kubeconfig", kubeconfig_text];
    assert!(run(&arguments).status.success());
    let (_, text) = audit(folder.path(), &kubeconfig, &from);
    let offline: Value = serde_json::from_str(&text).unwrap();
    let (_, text) = audit(folder.path(), &kubeconfig, &["--format", "json"]);
    let live: Value = serde_json::from_str(&text).unwrap();
    for id in ["ORG-01", "ORG-02", "ORG-03", "ORG-04", "ORG-05"] {
        assert_eq!(found(&offline, id), found(&live, id), "{id}");
    }
    let kept = fs::read_to_string(folder.path().join("snapshot/others.json")).unwrap();
    let secrets: Value = serde_json::from_str(&kept).unwrap();
    let values: Vec<&Value> = secrets["v1 Secret"]["known"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|secret| secret["data"].as_object())
        .flat_map(|data| data.values())
        .collect();
    assert!(!values.is_empty() && values.iter().all(|value| **value == "hidden"));
}

#[test]
fn policy_check_live_shows_verdicts_of_custom_controls() {
    let (sandbox, folder) = prepared();
    let kubeconfig = sandbox.kubeconfig("admin");
    let path = folder.path().join("policy.yaml");
    let path = path.to_str().unwrap();
    let arguments =
        ["policy", "check", path, "--live", "--kubeconfig", kubeconfig.to_str().unwrap()];
    let output = run(&arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let line = |id: &str| text.lines().find(|line| line.starts_with(id)).unwrap_or_default();
    assert!(line("ORG-01").starts_with("ORG-01: fail: "), "{text}");
    let pods = World::stock("1.10").objects.iter().filter(|o| o["kind"] == "Pod").count();
    let none = format!("not-assessed: the expression has no result for {pods} of {pods}, ");
    assert!(line("ORG-05").contains(&none), "{text}");
    assert!(text.contains("5 controls"), "{text}");

    let broken = POLICY.replace("has(object.spec.resourceQuotaSpec)", "has(object.spec.)");
    fs::write(folder.path().join("policy.yaml"), broken).unwrap();
    let output = run(&["policy", "check", path]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("control 2 (line 14): expression is not CEL: 1:"), "{text}");
}
