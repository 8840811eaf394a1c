//! MinIO's root key: rotated with its copies and the pods that read them, on a real
//! API server. What the platform's charms and a ReplicaSet do is done by hand.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ckf_test_support::rotation::{entry, held, hook};
use ckf_worlds::World;
use juju_sim::controller::{Application, Certificate, Controller, State};
use juju_sim::{Event, Juju, Simulation, sweep};
use kube_sandbox::{Loader, Sandbox};
use serde_json::{Value, json};

const PLAN: &str = "targets: [minio]";
const OLD: &str = "first-key-of-minio";
/// Copies of the key: namespace, name, and the key's key.
const COPIES: [(&str, &str, &str); 3] = [
    ("kubeflow", "mlpipeline-minio-artifact", "secretkey"),
    ("kubeflow", "kfp-profile-controller-minio-credentials", "MINIO_SECRET_KEY"),
    ("alice", "mlpipeline-minio-artifact", "secretkey"),
];

fn controller(juju: Juju, model: &str) -> Controller {
    let mut state = State::new(juju, "admin-pw-of-the-controller");
    state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
    let minio = Application { charm: "ch:amd64/minio-278".into(), ..Application::default() };
    let minio = minio
        .with_option("access-key", "string", Some("minio"))
        .with_option("mode", "string", Some("server"))
        .with_option("secret-key", "string", Some(OLD));
    let hosted = state.add_model(model, "kubeflow");
    hosted.users.insert("hardening".into(), "write".into());
    hosted.applications.insert("minio".into(), minio);
    Controller::start_with(state, Certificate::Good).unwrap()
}

/// A cluster with a platform, a profile, and a namespace that is not theirs.
struct Platform {
    sandbox: Sandbox,
    loader: Loader,
}

impl Platform {
    fn start() -> Self {
        let sandbox = Sandbox::start().expect("the API server starts");
        let loader = sandbox.loader().expect("admin can log in");
        let platform = Self { sandbox, loader };
        platform.load(&World::definitions());
        platform.sandbox.wait_for_definitions().expect("they establish");
        // A label makes no namespace a profile's.
        let label = json!({"app.kubernetes.io/part-of": "kubeflow-profile"});
        let mut alice = namespace("alice", &label);
        alice["metadata"]["annotations"] = json!({"owner": "alice@example.com"});
        alice["metadata"]["ownerReferences"] = json!([ckf_worlds::owned_by("alice")]);
        platform.load(&[
            json!({"apiVersion": "kubeflow.org/v1", "kind": "Profile", "metadata": {"name": "alice"},
                "spec": {"owner": {"kind": "User", "name": "alice@example.com"}}}),
            namespace("kubeflow", &json!({})),
            alice,
            namespace("elsewhere", &label),
            secret(
                "elsewhere",
                "mlpipeline-minio-artifact",
                "secretkey",
                "another-key",
            ),
        ]);
        platform.reset();
        platform
    }

    fn load(&self, objects: &[Value]) {
        self.loader.load(objects).expect("the objects load");
    }

    /// As it is before the rotation.
    fn reset(&self) {
        self.copy(OLD);
        let pods = [viewer(), notebook()];
        for pod in &pods {
            self.loader.delete(pod).expect("the pod goes");
        }
        self.load(&pods);
    }

    /// What the charms of the platform do when MinIO's key changes.
    fn copy(&self, key: &str) {
        self.load(&COPIES.map(|(namespace, name, field)| secret(namespace, name, field, key)));
    }

    fn get(&self, path: &str) -> Value {
        let output = self.sandbox.kubectl(&["get", "--raw", path]);
        serde_json::from_slice(&output.expect("kubectl runs").stdout).unwrap_or_default()
    }

    fn uid(&self, pod: &str) -> Option<String> {
        let pod = self.get(&format!("/api/v1/namespaces/alice/pods/{pod}"));
        let is_going = !pod["metadata"]["deletionTimestamp"].is_null();
        let uid = pod["metadata"]["uid"].as_str().filter(|_| !is_going);
        uid.map(str::to_owned)
    }

    fn unit(&self, juju: Juju) -> Simulation {
        let mut unit =
            ckf_test_support::rotation::unit(juju, PLAN, |model| controller(juju, model));
        let kubeconfig = self.sandbox.kubeconfig("admin").into_os_string();
        unit.environment.insert("KUBECONFIG".into(), kubeconfig);
        unit
    }
}

fn namespace(name: &str, labels: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

fn secret(namespace: &str, name: &str, field: &str, key: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": name, "namespace": namespace},
        "data": {field: STANDARD.encode(key)}})
}

/// A pod that has the key in its environment.
fn pod(name: &str, owner: &str) -> Value {
    let key = json!({"name": "mlpipeline-minio-artifact", "key": "secretkey"});
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "alice", "labels": {"app": name},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": owner, "name": name,
                "uid": "5b3a1a57-53e1-4c1b-9d7e-3b8a9d4d8f10", "controller": true}]},
        "spec": {"containers": [{"name": "main", "image": "rock:1",
            "env": [{"name": "MINIO_SECRET_KEY", "valueFrom": {"secretKeyRef": key}}]}]}})
}

/// The platform's own pod.
fn viewer() -> Value {
    pod("ml-pipeline-ui-artifact", "ReplicaSet")
}

/// A user's work.
fn notebook() -> Value {
    pod("notebook", "StatefulSet")
}

/// The key that MinIO accepts.
fn accepted(unit: &Simulation) -> String {
    unit.controller().state(|state| {
        let minio = state.application("minio").unwrap();
        let key = minio.option("secret-key").unwrap();
        key.as_str().unwrap().to_owned()
    })
}

#[test]
fn minio_is_rotated_with_its_copies_and_the_pods_that_read_them() {
    let platform = Platform::start();
    let (viewer, notebook) =
        (platform.uid("ml-pipeline-ui-artifact").unwrap(), platform.uid("notebook").unwrap());
    let mut unit = platform.unit(Juju::V3_6);
    hook(&mut unit, "config-changed");
    assert_eq!(entry(&unit, "minio")["stage"], "prepared");
    assert_eq!(accepted(&unit), OLD);

    hook(&mut unit, "update-status");
    let key = accepted(&unit);
    assert!(key.len() >= 22 && key != OLD);
    let wanted: BTreeMap<_, _> = [("username", "minio"), ("password", key.as_str())]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    assert_eq!(held(&unit.model(), "minio"), wanted);

    // The platform has not copied it yet, and no pod is touched.
    hook(&mut unit, "update-status");
    let waiting = entry(&unit, "minio");
    assert_eq!(waiting["stage"], "published");
    let why = waiting["failure"]["why"].as_str().unwrap();
    for (namespace, name, _) in COPIES {
        assert!(why.contains(&format!("{namespace}/{name}")), "{why}");
    }
    assert!(!why.contains("elsewhere"), "{why}");
    assert_eq!(platform.uid("ml-pipeline-ui-artifact").unwrap(), viewer);

    platform.copy(&key);
    hook(&mut unit, "update-status");
    assert_eq!(entry(&unit, "minio")["stage"], "settled");
    assert!(entry(&unit, "minio")["failure"].is_null());
    assert_ne!(platform.uid("ml-pipeline-ui-artifact"), Some(viewer));
    assert_eq!(platform.uid("notebook"), Some(notebook), "a user's work goes on");
    let log = unit.model().log;
    let shown = log.iter().any(|line| line.message.contains("alice/notebook"));
    assert!(shown, "{log:?}");
    let elsewhere = platform.get("/api/v1/namespaces/elsewhere/secrets/mlpipeline-minio-artifact");
    assert_eq!(elsewhere["data"]["secretkey"], STANDARD.encode("another-key"));

    nothing_is_set_at_minio_without_the_cluster(&platform);
    missing_permission_is_reported(&platform);
    at_no_point_is_the_key_lost(&platform);
}

fn nothing_is_set_at_minio_without_the_cluster(platform: &Platform) {
    platform.reset();
    let mut unit = platform.unit(Juju::V4_0);
    unit.environment.insert("KUBECONFIG".into(), "/nowhere".into());
    for _ in 0..3 {
        hook(&mut unit, "update-status");
    }
    assert_eq!(accepted(&unit), OLD);
    assert_eq!(entry(&unit, "minio")["stage"], "prepared");
    assert!(entry(&unit, "minio")["failure"]["why"].is_string());
}

fn missing_permission_is_reported(platform: &Platform) {
    platform.reset();
    let reader = platform.sandbox.write_kubeconfig("reader", "readers").unwrap();
    let may_read = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "reader"},
        "rules": [{"apiGroups": ["", "kubeflow.org"], "resources": ["*"], "verbs": ["get", "list"]}]});
    let bound = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "reader"}]});
    platform.load(&[may_read, bound]);
    let mut unit = platform.unit(Juju::V3_6);
    unit.environment.insert("KUBECONFIG".into(), reader.into_os_string());
    hook(&mut unit, "config-changed");
    hook(&mut unit, "update-status");
    platform.copy(&accepted(&unit));
    hook(&mut unit, "update-status");
    let waiting = entry(&unit, "minio");
    assert_eq!(waiting["stage"], "published");
    let why = waiting["failure"]["why"].as_str().unwrap();
    for part in ["alice/ml-pipeline-ui-artifact", "forbidden", "pods/eviction", "juju trust"] {
        assert!(why.contains(part), "{why}");
    }
    // Once it may, it goes on where it was.
    let admin = platform.sandbox.kubeconfig("admin").into_os_string();
    unit.environment.insert("KUBECONFIG".into(), admin);
    hook(&mut unit, "update-status");
    assert_eq!(entry(&unit, "minio")["stage"], "settled");
}

fn at_no_point_is_the_key_lost(platform: &Platform) {
    // Preparing is the same for each credential, and tests/charm/rotation.rs troubles it.
    let make = || {
        platform.reset();
        let mut unit = platform.unit(Juju::V3_6);
        hook(&mut unit, "config-changed");
        unit
    };
    // One more than a rotation without trouble takes.
    let events = ["update-status"; 3].map(Event::hook);
    let holds = |unit: &Simulation| {
        let key = accepted(unit);
        let is_held = held(&unit.model(), "minio").values().any(|held| *held == key);
        assert!(key == OLD || is_held, "the key is in no committed secret");
        platform.copy(&key);
    };
    let state = |unit: &Simulation| {
        let key = accepted(unit);
        let is_published = held(&unit.model(), "minio").get("password") == Some(&key);
        let is_settled = entry(unit, "minio")["stage"] == "settled";
        let is_restarted = platform.uid("ml-pipeline-ui-artifact").is_none();
        (key != OLD, is_published, is_settled, is_restarted)
    };
    let runs = sweep(make, &events, holds, state);
    println!("{runs} troubled runs");
    assert!(runs >= 60, "{runs}");
}
