//! `juju run` of Juju 4.0.15: the parameters that an action gets for what people type, the words
//! of those that are refused, and how results are printed.

use std::path::Path;

use juju_sim::{Charm, Juju};
use serde::Deserialize;
use serde_json::{Map, Value};
use test_programs::juju_run;

#[derive(Deserialize)]
struct Recorded {
    parameters: Vec<Typed>,
    results: Vec<Printed>,
}

/// What was typed after the name of the action.
#[derive(Deserialize)]
struct Typed {
    arguments: Vec<String>,
    /// What `action-get` printed.
    parameters: Option<Map<String, Value>>,
    /// Why the unit refused to run it.
    failed: Option<String>,
    /// Why the command did not ask the controller, and its exit status.
    error: Option<String>,
    exit: Option<i32>,
}

/// What an action returned, and what people saw of it.
#[derive(Deserialize)]
struct Printed {
    results: Map<String, Value>,
    stdout: String,
}

fn recorded() -> Recorded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/run.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The charm that was deployed when the commands were recorded.
const ACTIONS: &str = "
probe:
  params:
    a: {type: array, items: {type: string}}
    b: {type: boolean}
    bd: {type: boolean, default: true}
    i: {type: integer}
    num: {type: number}
    o: {type: object}
    s: {type: string}
    sd: {type: string, default: dflt}
  additionalProperties: false
";

#[test]
fn action_parameters_are_parsed_as_juju_does() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("metadata.yaml"), "name: recorder").unwrap();
    std::fs::write(folder.path().join("actions.yaml"), ACTIONS).unwrap();
    let charm = Charm::read(folder.path()).unwrap();
    for typed in recorded().parameters {
        let arguments: Vec<&str> = typed.arguments.iter().map(String::as_str).collect();
        let sent = match juju_run::parameters(&arguments).unwrap() {
            Ok(sent) => sent,
            Err(refused) => {
                assert_eq!(Some(refused.reason), typed.error, "{arguments:?}");
                assert_eq!(Some(refused.status), typed.exit, "{arguments:?}");
                continue;
            }
        };
        assert_eq!(typed.error, None, "{arguments:?}");
        match charm.action_parameters("probe", &sent, Juju::V4_0) {
            Ok(parameters) => assert_eq!(Some(parameters), typed.parameters, "{arguments:?}"),
            Err(why) => assert_eq!(Some(why.to_string()), typed.failed, "{arguments:?}"),
        }
    }
}

#[test]
fn results_are_printed_as_juju_prints_them() {
    for printed in recorded().results {
        assert_eq!(juju_run::printed(&printed.results).unwrap(), printed.stdout);
    }
}
