//! Who may create ConfigMaps beside the platform, and nothing more.

use ckf_worlds::{World, object};
use juju_sim::Juju;
use juju_sim::controller::{Application, Controller, State};
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

use super::{get, kubectl, names, run};
use ckf_test_support::cluster;
use ckf_test_support::rotation::{hook, unit};

const MALLORY: &str = "--as=mallory";

/// Mallory may write ConfigMaps in the platform's namespace.
fn world() -> World {
    let mut world = World::stock("1.10");
    let rbac = "rbac.authorization.k8s.io";
    world.objects.extend([
        object(
            "rbac.authorization.k8s.io/v1",
            "Role",
            "kubeflow",
            "writes-config-maps",
            json!({"rules": [{"apiGroups": [""], "resources": ["configmaps"],
                "verbs": ["get", "list", "create", "update", "patch", "delete"]}]}),
        ),
        object(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            "kubeflow",
            "mallory",
            json!({"roleRef": {"apiGroup": rbac, "kind": "Role", "name": "writes-config-maps"},
                "subjects": [{"apiGroup": rbac, "kind": "User", "name": "mallory"}]}),
        ),
    ]);
    world
}

fn controller(uuid: &str) -> Controller {
    let mut state = State::new(Juju::V3_6, "admin-pw");
    state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
    let model = state.add_model(uuid, "kubeflow");
    model.users.insert("hardening".into(), "write".into());
    let mut add = |charm: &str, options: &[(&str, &str)], relations: &[(&str, &str)]| {
        let mut application = Application {
            charm: format!("ch:amd64/{charm}-1"),
            channel: "1.10/stable".into(),
            ..Application::default()
        };
        for (name, value) in options {
            application = application.with_option(name, "string", Some(value));
        }
        for (endpoint, other) in relations {
            let others = application.relations.entry((*endpoint).into()).or_default();
            others.push((*other).into());
        }
        model.applications.insert(charm.into(), application);
    };
    add("dex-auth", &[("static-password", "of-the-operator"), ("connectors", "[]")], &[]);
    add("oidc-gatekeeper", &[], &[("ingress-auth", "istio-pilot")]);
    add("istio-pilot", &[], &[("ingress-auth", "oidc-gatekeeper")]);
    Controller::start(state).unwrap()
}

/// Writes an object as a user, with kubectl.
fn write(sandbox: &Sandbox, verb: &str, by: &str, object: &Value) {
    sandbox
        .kubectl_with(&[verb, by, "-f", "-"], &object.to_string())
        .unwrap_or_else(|why| panic!("{why:#}: {object}"));
}

/// A ConfigMap as a record of the charm looks.
fn planted(name: &str, remedy: &str, edit: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
        "name": name, "namespace": "kubeflow", "labels": {
            "app.kubernetes.io/managed-by": "ckf-hardening",
            "ckf-hardening/kept": "true",
            "ckf-hardening/platform": "kubeflow",
            "ckf-hardening/remedy": remedy,
        }}, "data": {"edit": edit.to_string(), "mac": "00".repeat(32)}})
}

/// What mallory plants: orders to make a root pod and a binding, to set a password, and to
/// take login away; each in the form of before there were codes, and in that of today.
fn orders() -> Vec<Value> {
    let pod = json!({"removal": {
        "object": {"apiVersion": "v1", "kind": "Namespace", "name": "kube-system/pods/owned"},
        "why": "", "manifest": {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "owned", "namespace": "kube-system"},
            "spec": {"hostPID": true, "containers": [{"name": "c", "image": "x",
                "securityContext": {"privileged": true}}]}}}});
    let rbac = "rbac.authorization.k8s.io";
    let binding = |namespace: &str| {
        json!({"removal": {
            "object": {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "namespace": namespace, "name": "owned"},
            "why": "", "manifest": {"apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding", "metadata": {"name": "owned", "namespace": namespace},
                "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "cluster-admin"},
                "subjects": [{"apiGroup": rbac, "kind": "User", "name": "mallory"}]}}})
    };
    let password = json!({"settings": {"application": "dex-auth", "options": {
        "static-password": {"before": "known-to-mallory", "after": "of-the-operator"},
        "connectors": {"before": "[{type: oidc, id: evil}]", "after": "[]"}}}});
    let login = json!({"relation": {
        "endpoints": ["istio-pilot:ingress-auth", "oidc-gatekeeper:ingress-auth"]}});
    let all = [
        ("pod", "foreign-role-bindings", pod),
        ("binding", "foreign-role-bindings", binding("kube-system")),
        ("in-profile", "foreign-role-bindings", binding("admin")),
        ("password", "declared-options", password),
        ("login", "cos-relations", login),
    ];
    let both = all.into_iter().flat_map(|(name, remedy, edit)| {
        let entry = json!({"edit": edit, "uid": "", "namespace-uid": ""});
        [
            planted(&format!("old-{name}"), remedy, &edit),
            planted(&format!("new-{name}"), remedy, &entry),
        ]
    });
    both.collect()
}

/// What a user may take of an object to create it again.
fn copied(object: &Value, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": object["data"], "metadata": {
        "name": name, "namespace": "kubeflow", "labels": object["metadata"]["labels"]}})
}

/// A Pod Security label of the profile, or of the platform's namespace.
fn label(sandbox: &Sandbox, namespace: &str) -> Value {
    let mode = match namespace {
        "kubeflow" => "pod-security.kubernetes.io/audit",
        _ => "pod-security.kubernetes.io/warn",
    };
    let namespace = get(sandbox, &["namespace", namespace]).unwrap();
    namespace["metadata"]["labels"][mode].clone()
}

#[test]
fn records_that_others_wrote_are_neither_followed_nor_deleted() {
    let sandbox = cluster(&world());
    let mut unit = unit(Juju::V3_6, "", controller);
    let kubeconfig = sandbox.kubeconfig("admin").into_os_string();
    unit.environment.insert("KUBECONFIG".into(), kubeconfig);
    let applications = |unit: &juju_sim::Simulation| {
        unit.controller().state(|state| {
            let model = state.models.values().next().unwrap();
            let all = model.applications.iter();
            let of = all.map(|(name, app)| {
                let set = app.options.iter().map(|(name, of)| (name, of.set.clone()));
                let set = set.collect::<Vec<_>>();
                format!("{name} {set:?} {:?}", app.relations)
            });
            of.collect::<Vec<_>>()
        })
    };
    let before = applications(&unit);
    unit.set_option("enforce", "pod-security-labels");
    hook(&mut unit, "config-changed");
    assert_eq!(label(&sandbox, "admin"), "restricted");
    let records: Vec<String> = names(&sandbox, "configmap", "kubeflow")
        .into_iter()
        .filter(|name| name.starts_with("ckf-hardening-pod-security-labels-"))
        .collect();
    let is_about = |name: &str, namespace: &str| {
        let record = get(&sandbox, &["configmap", "-n", "kubeflow", name]).unwrap();
        let entry: Value = serde_json::from_str(record["data"]["edit"].as_str().unwrap()).unwrap();
        entry["edit"]["labels"]["object"]["name"] == namespace
    };
    let record = |namespace: &str| {
        let of = records.iter().find(|name| is_about(name, namespace));
        get(&sandbox, &["configmap", "-n", "kubeflow", of.unwrap()]).unwrap()
    };
    let (genuine, altered) = (record("admin"), record("kubeflow"));

    // Mallory writes orders, replays what is genuine, and alters what is genuine in place.
    let mut all = orders();
    all.push(copied(&genuine, "replayed"));
    let mut lowered = copied(&genuine, "lowered");
    let text = genuine["data"]["edit"].as_str().unwrap();
    let text = text.replace("\"before\":null", "\"before\":\"privileged\"");
    assert_ne!(text, genuine["data"]["edit"]);
    lowered["data"]["edit"] = text.into();
    all.push(lowered);
    for order in &all {
        write(&sandbox, "create", MALLORY, order);
    }
    let name = altered["metadata"]["name"].as_str().unwrap();
    let patch = r#"{"metadata":{"labels":{"ckf-hardening/kept":"false"}}}"#;
    let patch = ["patch", MALLORY, "-n", "kubeflow", "configmap", name, "-p", patch];
    kubectl(&sandbox, &patch);
    // An object of another name that carries our labels is not managed.
    let mut foreign = object(
        "networking.istio.io/v1alpha3",
        "EnvoyFilter",
        "kubeflow",
        "mine",
        json!({"spec": {"configPatches": []}}),
    );
    foreign["metadata"]["labels"] =
        planted("", "tls-floor", &Value::Null)["metadata"]["labels"].clone();
    sandbox.loader().unwrap().load(&[foreign]).unwrap();

    // What is enforced is taken back, and with it only the record that is genuine.
    unit.set_option("enforce", "none");
    hook(&mut unit, "config-changed");
    assert_eq!(label(&sandbox, "admin"), Value::Null);
    assert_eq!(label(&sandbox, "kubeflow"), "baseline", "its record was altered");
    let message = unit.model().status.message;
    assert!(message.contains("carries labels of this charm"), "{message}");
    assert!(message.contains("more)"), "{message}");

    // What was genuine once is no order when it comes again.
    let own_name = genuine["metadata"]["name"].as_str().unwrap();
    assert!(get(&sandbox, &["configmap", "-n", "kubeflow", own_name]).is_none());
    let again = copied(&genuine, own_name);
    write(&sandbox, "create", MALLORY, &again);
    kubectl(
        &sandbox,
        &["label", "namespace", "admin", "pod-security.kubernetes.io/warn=restricted"],
    );
    let (code, text) = run(&sandbox, &["undo", "--all", "--yes"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("ignored: ConfigMap kubeflow/old-pod"), "{text}");
    assert!(!text.contains(": revert "), "{text}");
    assert_eq!(label(&sandbox, "admin"), "restricted");
    // A fresh edit of the same object has a record of its own beside it.
    kubectl(&sandbox, &["label", "namespace", "admin", "pod-security.kubernetes.io/warn-"]);
    let (code, text) = run(&sandbox, &["apply", "pod-security-labels", "--yes"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(label(&sandbox, "admin"), "restricted");
    let beside = names(&sandbox, "configmap", "kubeflow");
    let beside = beside.iter().filter(|name| name.starts_with(own_name));
    assert_eq!(beside.count(), 2);
    let (code, text) = run(&sandbox, &["undo", "--all", "--yes"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(label(&sandbox, "admin"), Value::Null);

    hook(&mut unit, "stop");
    hook(&mut unit, "remove");
    assert!(get(&sandbox, &["pod", "-n", "kube-system", "owned"]).is_none());
    for namespace in ["kube-system", "admin"] {
        assert!(get(&sandbox, &["rolebinding", "-n", namespace, "owned"]).is_none());
    }
    assert_eq!(applications(&unit), before);
    let left = names(&sandbox, "configmap", "kubeflow");
    let planted = all.iter().chain([&again]);
    for name in planted.map(|object| object["metadata"]["name"].as_str().unwrap()) {
        assert!(left.iter().any(|known| known == name), "{name} is evidence: {left:?}");
    }
    assert!(get(&sandbox, &["envoyfilter", "-n", "kubeflow", "mine"]).is_some());
    // No record is left that its key could verify.
    let secret = ["secret", "-n", "kube-system", "ckf-hardening-kubeflow"];
    assert!(get(&sandbox, &secret).is_none());
}
