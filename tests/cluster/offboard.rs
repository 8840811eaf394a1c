//! A person's leaving, on a real API server and a simulated controller: what is left is listed, Juju
//! users are disabled on demand only, and it is verified afterwards.

use std::process::{Command, Output};

use ckf_test_support::deployment::state_of;
use ckf_test_support::{binary, client_store, cluster};
use ckf_worlds::World;
use juju_sim::controller::Controller;
use serde_json::Value;

fn in_place(output: &Output, place: &str) -> Vec<(String, String)> {
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let remnants = said["remnants"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    remnants
        .filter(|remnant| remnant["place"] == place)
        .map(|remnant| (text(&remnant["object"]["name"]), text(&remnant["by"])))
        .collect()
}

#[test]
fn person_who_leaves_is_disabled_in_juju_on_demand_and_the_rest_is_verified() {
    let mut world = World::stock("1.10");
    let release = ckf_worlds::release("1.10");
    world.objects.extend(ckf_worlds::profile("alice", "alice@example.com", &release));
    let sandbox = cluster(&world);
    let mut state = state_of(&[("dex-auth", "2.41/stable")]);
    for name in ["alice", "alice-ci", "bob"] {
        state.add_user(name, "some-pw");
    }
    let controller = Controller::start(state).unwrap();
    let store = client_store(&controller);
    let offboard = |arguments: &[&str]| {
        Command::new(binary())
            .args(["offboard", "alice@example.com", "--juju-user", "alice"])
            .args(["--juju-user", "alice-ci", "--json", "--kubeconfig"])
            .arg(sandbox.kubeconfig("admin"))
            .args(arguments)
            .env("JUJU_DATA", store.path())
            .env_remove("JUJU_DISPATCH_PATH")
            .output()
            .unwrap()
    };
    let disabled = || -> Vec<String> {
        controller.state(|state| {
            let users = state.users.iter().filter(|(_, user)| user.disabled);
            users.map(|(name, _)| name.clone()).collect()
        })
    };
    let planned = offboard(&[]);
    assert_eq!(planned.status.code(), Some(1), "{}", String::from_utf8_lossy(&planned.stderr));
    let by_command = |name: &str| (name.to_owned(), "command".to_owned());
    assert_eq!(in_place(&planned, "juju"), [by_command("alice"), by_command("alice-ci")]);
    assert_eq!(in_place(&planned, "profiles"), [("alice".to_owned(), "hand".to_owned())]);
    // Neither a plan nor a command that nobody confirmed changes anything.
    let unconfirmed = offboard(&["--apply"]);
    assert_ne!(unconfirmed.status.code(), Some(0));
    assert_eq!(disabled(), [""; 0]);

    let applied = offboard(&["--apply", "--yes"]);
    assert_eq!(disabled(), ["alice", "alice-ci"], "{}", String::from_utf8_lossy(&applied.stderr));
    // The profile is the operator's to give to another.
    assert_eq!(applied.status.code(), Some(1));
    let after = offboard(&[]);
    assert_eq!(in_place(&after, "juju"), []);
    assert_eq!(in_place(&after, "profiles").len(), 1);

    let gone = sandbox
        .kubectl_command()
        .unwrap()
        .args(["delete", "profile", "alice", "--wait=false"])
        .output()
        .unwrap();
    assert!(gone.status.success(), "{}", String::from_utf8_lossy(&gone.stderr));
    assert_eq!(in_place(&offboard(&[]), "profiles"), []);
    // Twice is harmless.
    let again = offboard(&["--apply", "--yes"]);
    assert_ne!(again.status.code(), Some(2), "{}", String::from_utf8_lossy(&again.stderr));
}
