//! What a tenant writes into names, and how much of it, where people and programs read it.

use std::process::Command;

use ckf_test_support::binary;
use ckf_worlds::{World, object};
use juju_sim::{Event, Simulation};
use serde_json::{Value, json};

/// A name that moves the cursor, renames the window, forges a line and turns the direction.
const NAME: &str = "mallory\u{1b}[2K\u{1b}[1A\u{1b}]0;pwned\u{7}\u{9b}31m\nWARNING forged by mallory\u{202e}nimda\u{200b}";

fn binding(name: &str, subjects: Vec<Value>) -> Value {
    let rbac = "rbac.authorization.k8s.io";
    let body = json!({"roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "admin"},
        "subjects": subjects});
    object("rbac.authorization.k8s.io/v1", "RoleBinding", "admin", name, body)
}

fn user(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name})
}

/// Whether a text has a character that a terminal obeys, or a line that is not ours.
fn is_forged(text: &str) -> bool {
    let is_odd = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t') || matches!(c, '\u{202e}' | '\u{200b}')
    };
    text.contains(is_odd) || text.lines().any(|line| line.starts_with("WARNING forged"))
}

#[test]
fn names_with_control_characters_reach_no_terminal_log_status_or_result() {
    let mut world = World::stock("1.10");
    world.objects.push(binding("by-hand", vec![user(NAME)]));
    world.objects.push(binding("esc\u{1b}[31mred\nWARNING forged", vec![user("bob")]));
    let sandbox = ckf_test_support::cluster(&world);
    let kubeconfig = sandbox.kubeconfig("admin");
    let run = |arguments: &[&str]| {
        let output = Command::new(binary())
            .args(arguments)
            .arg("--kubeconfig")
            .arg(&kubeconfig)
            .env("JUJU_DATA", "/nowhere")
            .env("CKF_HARDENING_LOG", "debug,kube_client=off")
            .env_remove("JUJU_DISPATCH_PATH")
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (text(&output.stdout), text(&output.stderr))
    };
    for arguments in [
        &["audit"][..],
        &["audit", "--format", "markdown"],
        &["plan", "foreign-role-bindings"],
        &["access", "--who", "user/bob", "--to", "profile/admin"],
        &["keys"],
        &["apply", "foreign-role-bindings", "--yes"],
    ] {
        let (out, err) = run(arguments);
        assert!(!is_forged(&out), "{arguments:?}: {out:?}");
        assert!(!is_forged(&err), "{arguments:?}: {err:?}");
    }
    // What programs read has the name as it is.
    let loader = sandbox.loader().unwrap();
    loader.load(&[binding("again", vec![user(NAME)])]).unwrap();
    let (json, _) = run(&["audit", "--format", "json"]);
    assert!(!json.contains('\u{1b}') && json.contains("mallory"));
    let _: Value = serde_json::from_str(&json).unwrap();

    let charm = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut unit = Simulation::new(charm, binary()).unwrap();
    unit.environment.insert("KUBECONFIG".into(), kubeconfig.as_os_str().into());
    unit.set_option("log-level", "trace");
    unit.set_option("offline", true);
    let mut events: Vec<Event> =
        ["install", "config-changed", "update-status"].map(Event::hook).into();
    events.push(Event::action("plan", json!({"remedies": ["foreign-role-bindings"]})));
    events.extend(
        ["table", "markdown", "json", "html"]
            .map(|format| Event::action("get-report", json!({"format": format}))),
    );
    events.push(Event::action("apply", json!({"remedies": ["foreign-role-bindings"]})));
    for event in &events {
        let outcome = unit.run(event);
        assert!(outcome.committed(), "{}", outcome.stderr);
        for trace in outcome.traces() {
            assert!(!is_forged(&trace.text), "{event:?} {}: {:?}", trace.place, trace.text);
        }
    }
}

#[test]
fn binding_of_thousands_of_subjects_leaves_a_readable_report() {
    let mut world = World::stock("1.10");
    let name = |number: usize| format!("{number:05}{}@example.com", "x".repeat(80));
    let subjects = (0..7_500).map(|number| user(&name(number))).collect();
    world.objects.push(binding("by-hand", subjects));
    let sandbox = ckf_test_support::cluster(&world);
    let kubeconfig = sandbox.kubeconfig("admin");
    let report = ckf_test_support::audit(&["--kubeconfig".as_ref(), kubeconfig.as_os_str()]);
    let mut findings = 0;
    for control in report["controls"].as_array().unwrap() {
        let reason = control["reason"].as_str().unwrap();
        assert!(reason.chars().count() < 900, "{}: {reason}", control["id"]);
        for finding in control["findings"].as_array().unwrap() {
            findings += 1;
            for field in ["field", "seen", "wanted"] {
                let text = finding[field].as_str().unwrap();
                assert!(text.chars().count() < 350, "{}: {text}", control["id"]);
            }
        }
    }
    assert!(findings > 0 && report.to_string().len() < 2_000_000);
    assert!(report.to_string().contains("and 7498 more"), "they are counted");

    let charm = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut unit = Simulation::new(charm, binary()).unwrap();
    unit.environment.insert("KUBECONFIG".into(), kubeconfig.as_os_str().into());
    unit.set_option("offline", true);
    let outcome = unit.run(&Event::action("get-report", json!({"format": "json"})));
    assert!(outcome.committed(), "{}", outcome.stderr);
    let text = outcome.results()["report"].as_str().unwrap();
    let whole: Result<Value, _> = serde_json::from_str(text);
    assert!(whole.is_ok(), "{} bytes", text.len());
}
