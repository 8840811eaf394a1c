//! A second application of the charm on the same platform.

use std::path::Path;

use ckf_worlds::{World, object};
use juju_sim::{Event, Simulation, Status};
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

use super::{get, kubectl};
use ckf_hardening::effects::Holder;
use ckf_test_support::agent::{Agent, until};
use ckf_test_support::{binary, cluster};

fn unit(sandbox: &Sandbox, application: &str) -> Simulation {
    let files = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut unit = Simulation::new(files, binary()).unwrap();
    let kubeconfig = sandbox.kubeconfig("admin").into_os_string();
    unit.environment.insert("KUBECONFIG".into(), kubeconfig);
    unit.change(|model| model.unit = format!("{application}/0"));
    unit.set_option("offline", true);
    unit
}

fn hook(unit: &mut Simulation, name: &str) -> Status {
    let outcome = unit.run(&Event::hook(name));
    assert!(outcome.committed(), "{outcome:?}");
    unit.model().status
}

/// What Juju makes for an application.
fn workload(name: &str, model: &str) -> Value {
    let labels = json!({"app.kubernetes.io/name": name});
    object(
        "apps/v1",
        "StatefulSet",
        "kubeflow",
        name,
        json!({
            "metadata": {"annotations": {"model.juju.is/id": model}},
            "spec": {"serviceName": name, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "charm", "image": "juju"}]}}},
        }),
    )
}

const SECRET: [&str; 4] = ["secret", "-n", "kube-system", "ckf-hardening-kubeflow"];
const POLICY: [&str; 4] = ["networkpolicy", "-n", "admin", "ckf-hardening-profile"];
const MUTUAL: [&str; 4] = ["peerauthentication", "-n", "admin", "ckf-hardening-mutual-tls"];

#[test]
fn second_application_is_blocked_until_the_first_is_gone() {
    let sandbox = cluster(&World::stock("1.10"));
    let mut first = unit(&sandbox, "ckf-hardening");
    let model = first.model().uuid;
    let load = |objects: &[Value]| sandbox.loader().unwrap().load(objects).unwrap();
    load(&[workload("ckf-hardening", &model), workload("second", &model)]);
    first.set_option("enforce", "profile-network-policies,pod-security-labels");
    hook(&mut first, "config-changed");
    let state = || (get(&sandbox, &POLICY), get(&sandbox, &SECRET), get(&sandbox, &MUTUAL));
    let before = state();
    assert!(before.0.is_some());
    let key = before.1.as_ref().unwrap()["data"]["record-key"].clone();
    assert!(key.is_string());

    let mut second = unit(&sandbox, "second");
    second.set_option("allow-disruption", "mutual-tls");
    second.set_option("enforce", "mutual-tls");
    let status = hook(&mut second, "config-changed");
    assert_eq!(status.name, "blocked");
    let why = format!("application ckf-hardening of model {model} enforces here already");
    assert!(status.message.contains(&why), "{}", status.message);
    let parameters = json!({"remedies": ["mutual-tls"]});
    let applied = second.run(&Event::action("apply", parameters)).action.unwrap();
    assert!(applied.failed.unwrap().contains(&why));
    // With nothing to enforce it blocks no other application.
    second.set_option("enforce", "none");
    let status = hook(&mut second, "config-changed");
    assert!(!status.message.contains("enforces here"), "{}", status.message);
    second.set_option("enforce", "mutual-tls");
    hook(&mut second, "config-changed");
    assert_eq!(state(), before);

    // The first is removed by force, and so leaves what it made.
    kubectl(&sandbox, &["delete", "statefulset", "-n", "kubeflow", "ckf-hardening"]);
    let status = hook(&mut second, "config-changed");
    assert!(!status.message.contains("enforces here"), "{}", status.message);
    let (policy, secret, mutual) = state();
    assert!(policy.is_none() && mutual.is_some(), "it enforces by its own option");
    assert_eq!(secret.unwrap()["data"]["record-key"], key, "records stay valid");
    let namespace = get(&sandbox, &["namespace", "admin"]).unwrap();
    let label = &namespace["metadata"]["labels"]["pod-security.kubernetes.io/warn"];
    assert_eq!(*label, Value::Null, "records of the first are reverted");

    // Now it is the first that is blocked, and takes nothing along as it goes.
    first.set_option("enforce", "profile-network-policies");
    let status = hook(&mut first, "config-changed");
    assert_eq!(status.name, "blocked", "{}", status.message);
    hook(&mut first, "stop");
    hook(&mut first, "remove");
    assert!(get(&sandbox, &MUTUAL).is_some());
    hook(&mut second, "stop");
    hook(&mut second, "remove");
    assert_eq!(state(), (None, None, None));
}

#[test]
fn agent_of_a_second_application_changes_nothing_while_the_first_enforces() {
    let sandbox = cluster(&World::stock("1.10"));
    let mut first = unit(&sandbox, "ckf-hardening");
    let model = first.model().uuid;
    let load = |objects: &[Value]| sandbox.loader().unwrap().load(objects).unwrap();
    load(&[workload("ckf-hardening", &model), workload("second", &model)]);
    first.set_option("enforce", "profile-network-policies");
    hook(&mut first, "config-changed");
    let policy = get(&sandbox, &POLICY).unwrap();

    let input = |application: &str| {
        json!({"namespace": "kubeflow", "is-leader": true,
            "holder": Holder::new(&model, application).to_string(),
            "options": {"enforce": "mutual-tls", "allow-disruption": "mutual-tls"}})
    };
    let agent = Agent::start(&sandbox, &input("second"));
    until("the first audit", || agent.get("/api/v1/report").0 == 200);
    // An agent that may enforce does so in a fraction of a second.
    std::thread::sleep(std::time::Duration::from_secs(5));
    assert_eq!(get(&sandbox, &MUTUAL), None);
    assert_eq!(get(&sandbox, &POLICY), Some(policy));

    agent.write_input(&input("ckf-hardening"));
    until("the first's own agent enforces", || get(&sandbox, &MUTUAL).is_some());
}
