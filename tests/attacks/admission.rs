//! Admission that refuses what the product would write, as a webhook that is down, a quota or
//! an organisation's policy does.

use std::time::{Duration, Instant};

use ckf_worlds::World;
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

use super::{get, kubectl, run};
use ckf_test_support::cluster;

const POLICY: [&str; 4] = ["networkpolicy", "-n", "admin", "ckf-hardening-profile"];

fn spec(sandbox: &Sandbox) -> Value {
    get(sandbox, &POLICY).expect("the policy is there")["spec"].clone()
}

/// Changes the policy as a person with kubectl would.
fn patch(sandbox: &Sandbox, patch: &str) {
    let patch = [&["patch"], &POLICY[..], &["--type=merge", "-p", patch]].concat();
    kubectl(sandbox, &patch);
}

/// Refuses to create or change NetworkPolicies, in words that name another status.
fn refuse(sandbox: &Sandbox) {
    let name = json!({"name": "owned"});
    let rules = json!([{"apiGroups": ["networking.k8s.io"], "apiVersions": ["v1"],
        "resources": ["networkpolicies"], "operations": ["CREATE", "UPDATE"]}]);
    let validation = json!({"expression": "false",
        "message": "network policies of team-409 need an owner"});
    let policy = json!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy", "metadata": name,
        "spec": {"failurePolicy": "Fail", "matchConstraints": {"resourceRules": rules},
            "validations": [validation]}});
    let binding = json!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding", "metadata": name,
        "spec": {"policyName": "owned", "validationActions": ["Deny"]}});
    for object in [policy, binding] {
        let create = ["create", "-f", "-"];
        sandbox.kubectl_with(&create, &object.to_string()).unwrap();
    }
    wait(sandbox, false);
}

/// Waits until NetworkPolicies may be written, or may not.
fn wait(sandbox: &Sandbox, is_allowed: bool) {
    let started = Instant::now();
    loop {
        let label = ["label", "--overwrite", "--dry-run=server"];
        let label = [&label[..], &POLICY[..], &["probe=here"]].concat();
        if sandbox.kubectl(&label).unwrap().status.success() == is_allowed {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn object_stays_as_it_is_until_its_replacement_is_accepted() {
    let sandbox = cluster(&World::stock("1.10"));
    let apply = || run(&sandbox, &["apply", "profile-network-policies", "--yes"]);
    let (code, text) = apply();
    assert_eq!(code, Some(0), "{text}");
    let good = spec(&sandbox);
    let uid = get(&sandbox, &POLICY).unwrap()["metadata"]["uid"].clone();

    // A user takes a field that the charm manages, and adds one that it leaves out.
    patch(&sandbox, r#"{"spec": {"ingress": [{}], "egress": [{}]}}"#);
    let weak = spec(&sandbox);
    assert_ne!(weak, good);
    refuse(&sandbox);
    let (code, text) = apply();
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("need an owner"), "{text}");
    assert_eq!(spec(&sandbox), weak, "it is not deleted for what is refused");

    for kind in ["validatingadmissionpolicybinding", "validatingadmissionpolicy"] {
        kubectl(&sandbox, &["delete", kind, "owned"]);
    }
    wait(&sandbox, true);
    let (code, text) = apply();
    assert_eq!(code, Some(0), "{text}");
    let now = get(&sandbox, &POLICY).unwrap();
    assert_eq!((&now["spec"], &now["metadata"]["uid"]), (&good, &uid));
    assert_eq!(run(&sandbox, &["plan", "profile-network-policies"]).0, Some(0));
    // What is ours by name and labels alone is restored, and undone once we applied it.
    let (code, text) = run(&sandbox, &["undo", "--all", "--yes"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(get(&sandbox, &POLICY).is_none());
}
