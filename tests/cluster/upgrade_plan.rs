//! The plan of an upgrade, of a real API server and a simulated controller: it reads, and changes
//! nothing.

use std::collections::BTreeSet;
use std::process::Command;

use ckf_test_support::deployment::state_of;
use ckf_test_support::{binary, client_store, cluster};
use ckf_worlds::World;
use juju_sim::controller::Controller;
use serde_json::Value;

#[test]
fn plan_of_a_live_platform_names_what_blocks_it_and_changes_nothing() {
    let sandbox = cluster(&World::stock("1.10"));
    let state = state_of(&[("dex-auth", "2.41/stable"), ("istio-pilot", "1.24/stable")]);
    let controller = Controller::start(state).unwrap();
    let store = client_store(&controller);
    let run = |arguments: &[&str]| {
        let output = Command::new(binary())
            .args(["upgrade-plan", "--kubeconfig"])
            .arg(sandbox.kubeconfig("admin"))
            .args(arguments)
            .env("JUJU_DATA", store.path())
            .env_remove("JUJU_DISPATCH_PATH")
            .output()
            .unwrap();
        let [said, error] = [output.stdout, output.stderr].map(|b| String::from_utf8(b).unwrap());
        (output.status.code(), said, error)
    };
    let (status, said, error) = run(&["--json"]);
    assert_eq!(status, Some(1), "{error}");
    let plan: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&plan["from"], &plan["to"]), (&"1.10".into(), &"1.11".into()));
    // The sandbox's API server is newer than both releases allow.
    let blockers = plan["blockers"].to_string();
    assert!(blockers.contains("bring Kubernetes there first"), "{blockers}");
    let steps: Vec<&str> = plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["command"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["juju refresh istio-pilot --channel 1.28/stable", "juju refresh dex-auth"]);
    let unknown = plan["unknown"].to_string();
    assert!(unknown.contains("UPG-11"), "nothing shows a backup: {unknown}");

    let (status, said, _) = run(&["--to", "1.11"]);
    assert_eq!(status, Some(1));
    for part in
        ["Charmed Kubeflow 1.10 -> 1.11", "blocked: Kubernetes is", "istio-pilot", "leaves "]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (status, _, error) = run(&["--to", "1.12"]);
    assert_eq!(status, Some(2));
    assert!(error.contains("--to \"1.12\" is not one of 1.10, 1.11, latest"), "{error}");
    // It sends the controller nothing that an audit does not send.
    let sent = || -> BTreeSet<String> {
        let calls = controller.state(|state| state.requests.clone());
        calls.into_iter().map(|call| call.name).collect()
    };
    let planned = sent();
    controller.change(|state| state.requests.clear());
    let admin = sandbox.kubeconfig("admin");
    let audit = Command::new(binary())
        .args(["audit", "-q", "--kubeconfig"])
        .arg(admin)
        .env("JUJU_DATA", store.path())
        .env_remove("JUJU_DISPATCH_PATH")
        .output()
        .unwrap();
    assert_ne!(audit.status.code(), Some(2), "{}", String::from_utf8_lossy(&audit.stderr));
    assert!(planned.len() > 2 && planned.is_subset(&sent()), "{planned:?} {:?}", sent());
}
