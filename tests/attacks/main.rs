//! The product attacked through what others may write: each file is an attacker, or a slip.
//!
//! They are a binary of their own: an attacker may need a cluster, a registry and a simulated Juju at
//! once, and some take thousands of connections, which are descriptors of the tests' process.

mod admission;
mod juju_records;
mod limited_account;
mod namespace_editor;
mod network;
mod planned;
mod registry;
mod second_application;
mod slip;
mod slip_consent;
mod tenant_expressions;
mod tenant_names;
mod tenant_profiles;
mod tenant_text;

use std::process::Output;

use kube_sandbox::Sandbox;
use serde_json::Value;

/// Runs kubectl as admin; it must succeed.
fn kubectl(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let output = sandbox.kubectl(arguments).unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// An object as it is; `None` if there is none.
fn get(sandbox: &Sandbox, arguments: &[&str]) -> Option<Value> {
    let all = [&["get", "-o", "json", "--ignore-not-found"], arguments].concat();
    let text = kubectl(sandbox, &all);
    (!text.is_empty()).then(|| serde_json::from_str(&text).unwrap())
}

/// The names of all objects of a kind in a namespace.
fn names(sandbox: &Sandbox, kind: &str, namespace: &str) -> Vec<String> {
    let listed = kubectl(sandbox, &["get", kind, "-n", namespace, "-o", "json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let items = listed["items"].as_array().unwrap().iter();
    let names = items.map(|item| item["metadata"]["name"].as_str().unwrap().to_owned());
    names.collect()
}

/// Runs the binary as a user at a shell would, as admin of the cluster.
fn run(sandbox: &Sandbox, arguments: &[&str]) -> (Option<i32>, String) {
    let admin = sandbox.kubeconfig("admin");
    let all = [arguments, &["--kubeconfig", admin.to_str().unwrap()]].concat();
    let Output { status, stdout, stderr } = ckf_test_support::run(&all);
    let text = String::from_utf8([stdout, stderr].concat()).unwrap();
    (status.code(), text)
}
