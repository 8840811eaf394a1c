//! The hook tools are held to what those of Juju 4.0.15 were recorded to do.

mod play;

use juju_sim::Event;

use crate::play::{replay, simulation};

use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
struct RecordedAction {
    name: String,
    calls: Vec<Value>,
    action: Asked,
}

#[derive(Deserialize)]
struct Asked {
    name: String,
    parameters: Value,
    status: String,
    message: Option<String>,
    output: Option<Map<String, Value>>,
}

#[test]
fn action_tools_answer_as_recorded() {
    let recorded: Vec<RecordedAction> =
        serde_json::from_str(include_str!("recordings/actions.json")).unwrap();
    for recorded in recorded {
        let action = recorded.action;
        let mut juju = simulation();
        let event = Event::action(&action.name, action.parameters);
        let exit = if recorded.name == "action-that-exits-with-1" { 1 } else { 0 };
        let outcome = if recorded.calls.is_empty() {
            juju.run(&event)
        } else {
            replay(&mut juju, &event, &recorded.calls, exit)
        };
        let came = outcome.action.unwrap();
        let failed = action.status == "failed";
        assert_eq!(came.failed.is_some(), failed, "{}", recorded.name);
        if failed {
            assert_eq!(came.failed, action.message, "{}", recorded.name);
        }
        if let Some(output) = action.output {
            assert_eq!(came.results, output, "{}", recorded.name);
        }
    }
}

#[test]
#[should_panic(expected = "retries the same hook only")]
fn unit_in_error_runs_no_other_hook() {
    let mut juju = simulation();
    replay(&mut juju, &Event::hook("config-changed"), &[], 1);
    juju.run(&Event::hook("update-status"));
}

#[test]
fn unknown_tool_cannot_be_called() {
    let mut juju = simulation();
    let probe = "for tool in leader-set payload-register add-metric k8s-spec-set; do command -v $tool && exit 1; done; exit 0";
    let outcome = juju.run_program(&Event::hook("start"), "/bin/sh".as_ref(), &["-c", probe]);
    assert!(outcome.committed(), "{}", outcome.stdout);
}

#[test]
fn hook_environment_is_made_from_scratch() {
    let mut juju = simulation();
    let outcome = juju.run_program(&Event::action("boom", json!({})), "/usr/bin/env".as_ref(), &[]);
    let has = |line: &str| outcome.stdout.lines().any(|l| l == line);
    assert!(has("JUJU_HOOK_NAME=") && has("JUJU_DISPATCH_PATH=actions/boom"), "{}", outcome.stdout);
    for name in ["HOME=", "USER=", "CARGO"] {
        assert!(!outcome.stdout.lines().any(|l| l.starts_with(name)), "{name} is set");
    }
}

#[test]
fn process_outliving_its_hook_cannot_use_tools() {
    let mut juju = simulation();
    let directory = tempfile::tempdir().unwrap();
    let (go, said) = (directory.path().join("go"), directory.path().join("said"));
    let wait = format!(
        "(exec >/dev/null 2>{}; until test -e {}; do sleep 0.05; done; is-leader; touch {}) & exit 0",
        said.display(),
        go.display(),
        directory.path().join("done").display()
    );
    juju.run_program(&Event::hook("start"), "/bin/sh".as_ref(), &["-c", &wait]);
    std::fs::write(&go, "").unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !directory.path().join("done").exists() {
        assert!(std::time::Instant::now() < deadline, "the process did not end");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let said = std::fs::read_to_string(&said).unwrap();
    assert!(said.contains("bad request: wrong context ID"), "{said}");
}
