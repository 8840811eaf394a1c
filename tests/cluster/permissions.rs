//! The printed roles are enough for what they are printed for, and no right in them is idle.

use std::path::Path;

use ckf_test_support::{cluster, run};
use ckf_worlds::World;
use kube_sandbox::Sandbox;
use serde_json::Value;

/// The account that `permissions` gives the rights to when none is named.
const ACCOUNT: &str = "system:serviceaccount:kubeflow:ckf-hardening";
/// The remedies that change the cluster by its own API.
const REMEDIES: &str = "pod-security-labels,profile-network-policies,platform-network-policies,\
                        mutual-tls,service-account-tokens,foreign-role-bindings";

/// Gives the account what `permissions` prints with these arguments.
fn grant(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let printed = run(&[&["permissions"], arguments].concat());
    assert!(printed.status.success());
    let manifest = String::from_utf8(printed.stdout).expect("the manifest is text");
    sandbox.kubectl_with(&["apply", "-f", "-"], &manifest).expect("the manifest applies");
    manifest
}

fn audit(kubeconfig: &Path) -> Value {
    let kubeconfig = kubeconfig.to_str().expect("a path of text");
    let output = run(&["audit", "--kubeconfig", kubeconfig, "--format", "json"]);
    serde_json::from_slice(&output.stdout).expect("a report")
}

fn verdicts(report: &Value) -> Vec<(String, String)> {
    let controls = report["controls"].as_array().expect("controls");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    controls.iter().map(|control| (text(&control["id"]), text(&control["verdict"]))).collect()
}

#[test]
fn audit_with_printed_rights_reads_what_an_administrator_reads() {
    let sandbox = cluster(&World::stock("1.10"));
    grant(&sandbox, &[]);
    let account = sandbox.write_kubeconfig(ACCOUNT, "system:serviceaccounts").unwrap();
    let (seen, all) = (audit(&account), audit(&sandbox.kubeconfig("admin")));
    assert_eq!(seen["cluster"]["unknown"], all["cluster"]["unknown"]);
    assert_eq!(verdicts(&seen), verdicts(&all));
}

#[test]
fn remedies_with_printed_rights_apply_and_undo() {
    let sandbox = cluster(&World::stock("1.10"));
    grant(&sandbox, &["--enforce", REMEDIES]);
    let account = sandbox.write_kubeconfig(ACCOUNT, "system:serviceaccounts").unwrap();
    let account = account.to_str().unwrap();
    let names: Vec<&str> = REMEDIES.split(',').collect();
    for verb in ["apply", "undo"] {
        let mut arguments = vec![verb];
        arguments.extend(&names);
        arguments.extend(["--yes", "--kubeconfig", account]);
        if verb == "apply" {
            arguments.push("--allow-disruption");
        }
        let output = run(&arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{verb}: {said}");
        assert!(!said.contains("forbidden"), "{verb}: {said}");
    }
}

#[test]
fn apply_with_rights_to_read_only_is_refused() {
    let sandbox = cluster(&World::stock("1.10"));
    grant(&sandbox, &[]);
    let account = sandbox.write_kubeconfig(ACCOUNT, "system:serviceaccounts").unwrap();
    let output = run(&[
        "apply",
        "platform-network-policies",
        "--yes",
        "--allow-disruption",
        "--kubeconfig",
        account.to_str().unwrap(),
    ]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("forbidden"), "{said}");
}
