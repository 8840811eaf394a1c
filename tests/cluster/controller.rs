//! What changes Juju's controller beside applications: a person's leaving, and its configuration. On a
//! real API server and a simulated controller.

use std::process::{Command, Output};

use ckf_test_support::deployment::{operator, state_of};
use ckf_test_support::{binary, client_store, cluster};
use ckf_worlds::World;
use juju_sim::Juju;
use juju_sim::controller::Controller;
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

fn in_place(output: &Output, place: &str) -> Vec<(String, String)> {
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let remnants = said["remnants"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    remnants
        .filter(|remnant| remnant["place"] == place)
        .map(|remnant| (text(&remnant["object"]["name"]), text(&remnant["by"])))
        .collect()
}

/// Juju users of a person who leaves are disabled on demand only; the rest is verified.
fn disables_who_leaves(sandbox: &Sandbox) {
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
    // Neither a plan nor a command without confirmation changes anything.
    let unconfirmed = offboard(&["--apply"]);
    assert_ne!(unconfirmed.status.code(), Some(0));
    assert_eq!(disabled(), [""; 0]);

    let applied = offboard(&["--apply", "--yes"]);
    assert_eq!(disabled(), ["alice", "alice-ci"], "{}", String::from_utf8_lossy(&applied.stderr));
    // The profile is the operator's to give to another.
    assert_eq!(applied.status.code(), Some(1));
    assert_eq!(in_place(&applied, "juju"), []);
    assert_eq!(in_place(&applied, "profiles").len(), 1);

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

/// Configuration of the controller and of the model, by a person who names it: planned, recorded,
/// undone, and never by an option.
fn configures_juju(sandbox: &Sandbox) {
    for juju in [Juju::V3_6, Juju::V4_0] {
        let mut state = state_of(&[("dex-auth", "2.41/stable")]);
        state.juju = juju;
        let methods = match juju {
            Juju::V3_6 => json!(["ReadOnlyMethods", "UserManager.SetPassword"]),
            Juju::V4_0 => json!("ReadOnlyMethods,UserManager.SetPassword"),
        };
        state.config.insert("audit-log-exclude-methods".into(), methods);
        state.config.insert("audit-log-max-backups".into(), json!(0));
        let model = state.models.values_mut().next().unwrap();
        model.config.insert("ssl-hostname-verification".into(), json!(false));
        model.config.insert("agent-stream".into(), json!("proposed"));
        model.config.insert("image-metadata-url".into(), json!("http://mirror.example.com"));
        let controller = Controller::start(state).unwrap();
        let store = client_store(&controller);
        let run = |arguments: &[&str]| {
            let yes = ["apply", "undo"].contains(&arguments[0]).then_some("--yes");
            let arguments: Vec<&str> = arguments.iter().copied().chain(yes).collect();
            let output = operator(store.path(), &sandbox.kubeconfig("admin"), &arguments);
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(matches!(output.status.code(), Some(0 | 1)), "{arguments:?}: {error}");
            String::from_utf8(output.stdout).unwrap()
        };
        let now = || {
            controller.state(|state| {
                let model = state.models.values().next().unwrap();
                (state.config.clone(), model.config.clone(), model.blocks.clone())
            })
        };
        let before = now();
        let remedies = ["controller-audit-log", "disabled-commands", "model-configuration"];
        let plan = run(&[&["plan"][..], &remedies].concat());
        for part in [
            "controller-audit-log: configure the controller's configuration",
            "auditing-enabled -> true",
            "disabled-commands: configure the model's disabled commands",
            "agent-stream -> released",
            "model-configuration: partly skipped: image-metadata-url is http: set it by hand",
        ] {
            assert!(plan.contains(part), "{juju:?} {part}: {plan}");
        }
        assert!(!run(&["plan", "--all"]).contains("controller-audit-log: "), "by its name only");
        assert!(now() == before, "a plan changes nothing");

        let shown = run(&[&["apply"][..], &remedies].concat());
        for id in ["JUJU-05", "JUJU-06"] {
            assert!(shown.contains(&format!("{id}: fail -> pass")), "{juju:?} {id}: {shown}");
        }
        let (of_controller, of_model, blocks) = now();
        assert_eq!(of_controller["auditing-enabled"], true);
        assert_eq!(of_controller["audit-log-max-backups"], 10);
        let methods = match juju {
            Juju::V3_6 => json!(["ReadOnlyMethods"]),
            Juju::V4_0 => json!("ReadOnlyMethods"),
        };
        assert_eq!(of_controller["audit-log-exclude-methods"], methods);
        assert_eq!(of_model["ssl-hostname-verification"], true);
        assert_eq!(of_model["agent-stream"], "released");
        assert_eq!(of_model["image-metadata-url"], "http://mirror.example.com");
        assert!(blocks.contains_key("BlockDestroy"), "{blocks:?}");

        // What someone else set meanwhile stays; all else is as it was.
        controller.change(|state| {
            let model = state.models.values_mut().next().unwrap();
            model.config.insert("agent-stream".into(), json!("testing"));
        });
        run(&["undo", "--all"]);
        let (of_controller, of_model, blocks) = now();
        assert_eq!((&of_controller, &blocks), (&before.0, &before.2), "{juju:?}");
        assert_eq!(of_model["ssl-hostname-verification"], false);
        assert_eq!(of_model["agent-stream"], "testing");
        assert_eq!(run(&["undo", "--all"]), "no changes\n");
    }
}

#[test]
fn juju_change_needs_an_explicit_request() {
    let mut world = World::stock("1.10");
    let release = ckf_worlds::release("1.10");
    world.objects.extend(ckf_worlds::profile("alice", "alice@example.com", &release));
    let sandbox = cluster(&world);
    configures_juju(&sandbox);
    disables_who_leaves(&sandbox);
}
