//! Plays recorded calls of hook tools.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::Path;

use juju_sim::{Event, Juju, Outcome, Simulation};
use serde_json::{Value, json};

/// A unit of the charm of the recordings, in the Juju that they were made with.
pub fn simulation() -> Simulation {
    let charm = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charm");
    let mut juju = Simulation::new(&charm, env!("CARGO_BIN_EXE_hookplay").as_ref()).unwrap();
    juju.change(|model| model.juju = Juju::V4_0);
    juju
}

/// Makes the recorded calls and compares what each prints and how it exits. A
/// recorded call has the exit status only if it is not 0, and output only if
/// there is some.
pub fn replay(juju: &mut Simulation, event: &Event, calls: &[Value], exit: u8) -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    let (asked, came) = (directory.path().join("calls"), directory.path().join("results"));
    let calls: Vec<Value> = calls.iter().map(expanded).collect();
    std::fs::write(&asked, json!(calls).to_string()).unwrap();
    let exit = exit.to_string();
    let arguments = [asked.to_str().unwrap(), came.to_str().unwrap(), &exit];
    let outcome = juju.run_program(event, env!("CARGO_BIN_EXE_hookplay").as_ref(), &arguments);
    let came: Vec<Value> = serde_json::from_slice(&std::fs::read(&came).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for (call, came) in calls.iter().zip(&came) {
        let tool = call["argv"][0].as_str().unwrap();
        for (field, usual) in [("exit", json!(0)), ("stdout", json!("")), ("stderr", json!(""))] {
            let recorded = call.get(field).unwrap_or(&usual);
            if normal(tool, recorded) != normal(tool, &came[field]) {
                wrong.push(format!(
                    "{}: {field}\n  Juju {recorded}\n  here {}",
                    call["argv"], came[field]
                ));
            }
        }
    }
    assert_eq!(calls.len(), came.len());
    let number = wrong.len();
    assert!(wrong.is_empty(), "{number} differ:\n{}", wrong.join("\n"));
    outcome
}

/// A recorded value with `{{x*9}}` written out.
fn expanded(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let mut long = String::new();
            let mut rest = text.as_str();
            while let Some((before, (letter, times), after)) = repetition(rest) {
                long.push_str(before);
                long.extend(std::iter::repeat_n(letter, times));
                rest = after;
            }
            json!(long + rest)
        }
        Value::Array(list) => list.iter().map(expanded).collect(),
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), expanded(v))).collect(),
        other => other.clone(),
    }
}

fn repetition(text: &str) -> Option<(&str, (&str, usize), &str)> {
    let (before, rest) = text.split_once("{{")?;
    let (inner, after) = rest.split_once("}}")?;
    let (letter, times) = inner.split_once('*')?;
    Some((before, (letter, times.parse().ok()?), after))
}

/// Output without what differs from run to run: the order of `secret-ids`, and
/// the words of an HTTP server.
fn normal(tool: &str, value: &Value) -> Value {
    let Some(text) = value.as_str() else {
        return value.clone();
    };
    let mut text = text.to_owned();
    if tool == "secret-ids" {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        let mut ids: Vec<&str> = words.filter(|id| !id.is_empty()).collect();
        ids.sort_unstable();
        return json!(ids);
    }
    if let Some((start, _)) = text.split_once("/resources/") {
        text = start.to_owned();
    }
    // A databag too long to be recorded: its length is.
    if text.starts_with("{\"big\":") {
        text = format!("{{{{{} bytes}}}}", text.len());
    }
    json!(text)
}
