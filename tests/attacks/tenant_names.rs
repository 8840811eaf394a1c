//! An owner of a profile, who may name objects there as RBAC allows.

use ckf_worlds::{World, object};
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

use super::{kubectl, names, run};
use ckf_test_support::cluster;

const RBAC: &str = "rbac.authorization.k8s.io";

fn binding(name: &str, users: &[String]) -> Value {
    let subject = |name: &String| json!({"apiGroup": RBAC, "kind": "User", "name": name});
    object(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        "admin",
        name,
        json!({"roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": users.iter().map(subject).collect::<Vec<_>>()}),
    )
}

fn create(sandbox: &Sandbox, objects: &[Value]) {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
    sandbox.kubectl_with(&["create", "-f", "-"], &list).unwrap();
}

fn bindings(sandbox: &Sandbox) -> Vec<String> {
    names(sandbox, "rolebinding", "admin")
}

#[test]
fn role_bindings_of_any_name_and_size_are_deleted_and_restored_exactly() {
    let sandbox = cluster(&World::stock("1.10"));
    let before = bindings(&sandbox);
    assert!(before.iter().any(|name| name == "default-editor"), "{before:?}");
    let mallory = ["mallory@example.com".to_owned()];
    let odd = [
        "default-editor?x=y",
        "with space",
        "hash#tag",
        "esc\u{1b}[31mred",
        "new\nline",
        "plain",
        "dot;..;",
    ];
    let odd: Vec<Value> = odd.iter().map(|name| binding(name, &mallory)).collect();
    create(&sandbox, &odd);
    // One is long, and one is so long that no record holds it.
    let many: Vec<String> =
        (0..7_500).map(|number| format!("person-of-a-long-name-{number}@example.com")).collect();
    create(&sandbox, &[binding("long", &many)]);
    let mut state = 1_u64;
    let noise: String = (0..1_470_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";
            char::from(letters[(state >> 58) as usize])
        })
        .collect();
    create(&sandbox, &[binding("too-long", &[noise])]);
    let planted = bindings(&sandbox);
    assert_eq!(planted.len(), before.len() + 9);

    let (code, text) = run(&sandbox, &["apply", "foreign-role-bindings", "--yes"]);
    assert_eq!(code, Some(2), "{}", &text[text.len().saturating_sub(2000)..]);
    let last = text.lines().last().unwrap();
    assert!(last.contains("admin/too-long") && last.contains("too large to record"), "{last}");
    // Those that can be recorded went all the same, and Kubeflow's own are there.
    let mut left = bindings(&sandbox);
    left.retain(|name| name != "too-long");
    assert_eq!(left, before);

    kubectl(&sandbox, &["delete", "rolebinding", "-n", "admin", "too-long"]);
    let (code, text) = run(&sandbox, &["undo", "foreign-role-bindings", "--yes"]);
    assert_eq!(code, Some(0), "{text}");
    let mut expected = planted;
    expected.retain(|name| name != "too-long");
    assert_eq!(bindings(&sandbox), expected);
    let records = names(&sandbox, "configmap", "kubeflow");
    assert!(!records.iter().any(|name| name.starts_with("ckf-hardening-")), "{records:?}");

    records_of_a_namespace_are_bounded(&sandbox, &before);
    a_namespace_of_another_owner_gets_nothing_of_before(&sandbox);
}

fn records_of_a_namespace_are_bounded(sandbox: &Sandbox, own: &[String]) {
    let mallory = ["mallory@example.com".to_owned()];
    let many: Vec<Value> =
        (0..60).map(|number| binding(&format!("many-{number}"), &mallory)).collect();
    create(sandbox, &many);
    let all = bindings(sandbox);
    let (code, text) = run(sandbox, &["apply", "foreign-role-bindings", "--yes"]);
    assert_eq!(code, Some(0), "{text}");
    let why = "namespace admin, which has reached the limit of records";
    assert!(text.contains(why), "{text}");
    let records = names(sandbox, "configmap", "kubeflow");
    let records = records.iter().filter(|name| name.starts_with("ckf-hardening-"));
    assert_eq!(records.count(), 50);
    let left = bindings(sandbox);
    assert!(own.iter().all(|name| left.contains(name)), "{left:?}");
    assert_eq!(left.len(), all.len() - 50);
    let (code, text) = run(sandbox, &["undo", "--all", "--yes"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(bindings(sandbox), all);
}

fn a_namespace_of_another_owner_gets_nothing_of_before(sandbox: &Sandbox) {
    let (code, text) = run(sandbox, &["apply", "foreign-role-bindings", "--yes"]);
    assert_eq!(code, Some(0), "{text}");
    let namespace = kubectl(sandbox, &["get", "namespace", "admin", "-o", "json"]);
    let namespace: Value = serde_json::from_str(&namespace).unwrap();
    kubectl(sandbox, &["delete", "namespace", "admin", "--wait=false"]);
    // No controller runs here that would end it.
    let ended = json!({"apiVersion": "v1", "kind": "Namespace", "spec": {},
        "metadata": {"name": "admin"}});
    let finalize = ["replace", "--raw", "/api/v1/namespaces/admin/finalize", "-f", "-"];
    sandbox.kubectl_with(&finalize, &ended.to_string()).unwrap();
    let mut again = ended;
    for field in ["labels", "annotations"] {
        again["metadata"][field] = namespace["metadata"][field].clone();
    }
    create(sandbox, &[again]);
    let before = bindings(sandbox);
    let (code, text) = run(sandbox, &["undo", "--all", "--yes"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("its namespace is another one of that name"), "{text}");
    assert_eq!(bindings(sandbox), before);
    let records = names(sandbox, "configmap", "kubeflow");
    assert!(!records.iter().any(|name| name.starts_with("ckf-hardening-")), "{records:?}");
}
