//! An account that may not read the key of records.

use ckf_worlds::{World, object};
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

use super::{get, kubectl, names};
use ckf_test_support::{cluster, run};

const RBAC: &str = "rbac.authorization.k8s.io/v1";

fn as_limited(sandbox: &Sandbox, arguments: &[&str]) -> (Option<i32>, String) {
    let kubeconfig = sandbox.kubeconfig("limited");
    let all = [arguments, &["--kubeconfig", kubeconfig.to_str().unwrap()]].concat();
    let output = run(&all);
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code(), text)
}

/// A right on one name in kube-system, as an administrator would give it.
fn grant(sandbox: &Sandbox, verbs: &[&str]) {
    let role = object(
        RBAC,
        "Role",
        "kube-system",
        "limited",
        json!({"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": verbs,
            "resourceNames": ["ckf-hardening-kubeflow"]}]}),
    );
    let binding = object(RBAC, "RoleBinding", "kube-system", "limited", refers("Role"));
    sandbox.loader().unwrap().load(&[role, binding]).unwrap();
}

fn refers(kind: &str) -> Value {
    let group = "rbac.authorization.k8s.io";
    json!({"roleRef": {"apiGroup": group, "kind": kind, "name": "limited"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "limited"}]})
}

#[test]
fn account_without_the_record_key_edits_nothing() {
    let sandbox = cluster(&World::stock("1.10"));
    sandbox.write_kubeconfig("limited", "limited").unwrap();
    let rule = |resources: &[&str], verbs: &[&str]| json!({"apiGroups": ["*"], "resources": resources, "verbs": verbs});
    let rules = json!([
        rule(&["*"], &["list"]),
        rule(&["networkpolicies", "configmaps", "namespaces"], &["get", "create", "patch", "delete"]),
        rule(&["selfsubjectaccessreviews", "subjectaccessreviews"], &["create"]),
        {"nonResourceURLs": ["*"], "verbs": ["get"]},
    ]);
    let role = object(RBAC, "ClusterRole", "", "limited", json!({"rules": rules}));
    let binding = object(RBAC, "ClusterRoleBinding", "", "limited", refers("ClusterRole"));
    sandbox.loader().unwrap().load(&[role, binding]).unwrap();
    let label = || {
        let admin = get(&sandbox, &["namespace", "admin"]).unwrap();
        admin["metadata"]["labels"]["pod-security.kubernetes.io/warn"].clone()
    };
    let records = || {
        let all = names(&sandbox, "configmap", "kubeflow").into_iter();
        all.filter(|name| name.starts_with("ckf-hardening-")).count()
    };
    // Its own objects need no record; those of others do.
    let policies = ["apply", "profile-network-policies", "--yes"];
    let (code, text) = as_limited(&sandbox, &policies);
    assert_eq!(code, Some(0), "{text}");
    let edit = ["apply", "pod-security-labels", "--yes"];
    let (code, text) = as_limited(&sandbox, &edit);
    assert_eq!(code, Some(2), "{text}");
    for part in [
        "no edit is made that could not be reverted",
        "Secret kube-system/ckf-hardening-kubeflow",
        "forbidden",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!((label(), records()), (Value::Null, 0));

    // An administrator makes the Secret, and gives no more than that.
    let secret = ["create", "secret", "generic", "-n", "kube-system", "ckf-hardening-kubeflow"];
    kubectl(&sandbox, &secret);
    grant(&sandbox, &["get", "patch"]);
    let (code, text) = as_limited(&sandbox, &edit);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(label(), "restricted");
    assert!(records() > 0);
    let (code, text) = as_limited(&sandbox, &["undo", "--all", "--yes"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!((label(), records()), (Value::Null, 0));
    let secret = get(&sandbox, &["secret", "-n", "kube-system", "ckf-hardening-kubeflow"]);
    let secret = secret.expect("it is the administrator's");
    assert_eq!(secret["data"].as_object().map(serde_json::Map::len).unwrap_or(0), 0);
}
