//! The hook tools are held to what those of Juju 4.0.15 were recorded to do.

use std::path::Path;

use juju_sim::{Event, Juju, Outcome, Simulation};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
struct Recorded {
    name: String,
    calls: Vec<Value>,
    action: Option<RecordedAction>,
}

#[derive(Deserialize)]
struct RecordedAction {
    name: String,
    parameters: Value,
    status: String,
    message: Option<String>,
    output: Option<Map<String, Value>>,
}

fn recordings() -> Vec<Recorded> {
    serde_json::from_str(include_str!("recordings/hook-tools.json")).unwrap()
}

fn recorded(name: &str) -> Recorded {
    recordings().into_iter().find(|r| r.name == name).unwrap()
}

fn simulation() -> Simulation {
    let charm = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charm");
    let mut juju = Simulation::new(&charm, env!("CARGO_BIN_EXE_hookplay").as_ref()).unwrap();
    juju.change(|model| model.juju = Juju::V4_0);
    juju
}

/// Makes the recorded calls and compares what each prints and how it exits.
fn replay(juju: &mut Simulation, event: &Event, calls: &[Value], exit: &str) -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    let (asked, came) = (
        directory.path().join("calls"),
        directory.path().join("results"),
    );
    std::fs::write(&asked, json!(calls).to_string()).unwrap();
    let arguments = [asked.to_str().unwrap(), came.to_str().unwrap(), exit];
    let outcome = juju.run_program(event, env!("CARGO_BIN_EXE_hookplay").as_ref(), &arguments);
    let came: Vec<Value> = serde_json::from_slice(&std::fs::read(&came).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for (call, came) in calls.iter().zip(&came) {
        for field in ["exit", "stdout", "stderr"] {
            if call[field] != came[field] {
                wrong.push(format!(
                    "{}: {field}\n  Juju {}\n  here {}",
                    call["argv"], call[field], came[field]
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    outcome
}

#[test]
fn in_a_hook_of_the_leader() {
    let mut juju = simulation();
    let outcome = replay(
        &mut juju,
        &Event::hook("config-changed"),
        &recorded("leader").calls,
        "0",
    );
    assert!(outcome.committed());
    assert_eq!(juju.model().state["k3"], "three");
    assert_eq!(juju.model().workload_version, "1.2.3");
    assert_eq!(juju.model().status.message, "");
}

#[test]
fn in_a_hook_of_another_unit() {
    let mut juju = simulation();
    juju.change(|model| model.leader = false);
    replay(
        &mut juju,
        &Event::hook("config-changed"),
        &recorded("not-leader").calls,
        "0",
    );
}

#[test]
fn in_actions() {
    for recorded in recordings().into_iter().filter(|r| r.action.is_some()) {
        let action = recorded.action.unwrap();
        let mut juju = simulation();
        let event = Event::action(&action.name, action.parameters);
        let exit = if recorded.name == "action-that-exits-with-1" {
            "1"
        } else {
            "0"
        };
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
fn what_a_failing_hook_wrote_is_lost_and_what_it_said_stays() {
    let mut juju = simulation();
    let event = Event::hook("config-changed");
    let outcome = replay(
        &mut juju,
        &event,
        &recorded("hook-that-exits-with-1").calls,
        "1",
    );
    assert!(!outcome.committed());
    assert!(juju.model().state.is_empty());
    assert_eq!(juju.model().workload_version, "9.9.9");
    replay(&mut juju, &event, &recorded("hook-after-it").calls, "0");
}

#[test]
#[should_panic(expected = "retries the same hook only")]
fn a_unit_in_error_takes_no_other_hook() {
    let mut juju = simulation();
    replay(&mut juju, &Event::hook("config-changed"), &[], "1");
    juju.run(&Event::hook("update-status"));
}

#[test]
fn a_tool_that_does_not_exist_cannot_be_called() {
    let mut juju = simulation();
    let probe = "for tool in leader-set payload-register add-metric k8s-spec-set; do command -v $tool && exit 1; done; exit 0";
    let outcome = juju.run_program(&Event::hook("start"), "/bin/sh".as_ref(), &["-c", probe]);
    assert!(outcome.committed(), "{}", outcome.stdout);
}

#[test]
fn the_environment_is_made_from_scratch() {
    let mut juju = simulation();
    let outcome = juju.run_program(
        &Event::action("boom", json!({})),
        "/usr/bin/env".as_ref(),
        &[],
    );
    let has = |line: &str| outcome.stdout.lines().any(|l| l == line);
    assert!(
        has("JUJU_HOOK_NAME=") && has("JUJU_DISPATCH_PATH=actions/boom"),
        "{}",
        outcome.stdout
    );
    for name in ["HOME=", "USER=", "CARGO"] {
        assert!(
            !outcome.stdout.lines().any(|l| l.starts_with(name)),
            "{name} is set"
        );
    }
}

#[test]
fn a_process_that_outlives_its_hook_cannot_use_tools() {
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
        assert!(
            std::time::Instant::now() < deadline,
            "the process did not end"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let said = std::fs::read_to_string(&said).unwrap();
    assert!(said.contains("bad request: wrong context ID"), "{said}");
}
