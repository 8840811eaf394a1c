//! Real clients of Juju's API against the simulated controller, and what our own
//! client sends against the schema that one of them was generated from.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use juju_client::{Connection, Endpoint, Login, Password, Target, Trust};
use juju_sim::Juju;
use juju_sim::controller::{Application, CharmRevision, Controller, State};
use serde_json::{Map, Value, json};

use crate::run;

const MODEL: &str = "62ab6cbb-ee5b-4fa3-872f-3a9f4a242d8e";
const LIBJUJU: &str = "juju==3.6.1.3";
const JUJULIB: &[&str] = &["@canonical/jujulib@9.1.0", "ws@8"];

fn controller(juju: Juju) -> Controller {
    let mut state = State::new(juju, "admin-pw");
    state.add_user("bob", "bob-pw");
    let mut dex = Application { charm: "ch:amd64/dex-auth-612".into(), ..Application::default() };
    dex = dex.with_option("static-password", "string", None);
    let done = std::sync::Arc::new(|_: &_| Ok(Map::new()));
    dex.actions.insert("set-password".into(), done);
    let unit = ("active".to_owned(), String::new());
    dex.units.insert("dex-auth/0".into(), unit);
    let model = state.add_model(MODEL, "kubeflow");
    model.applications.insert("dex-auth".into(), dex);
    Controller::start(state).unwrap()
}

fn authority(controller: &Controller) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), controller.authority()).unwrap();
    file
}

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
}

#[test]
fn python_client_works_against_the_simulated_controller() {
    let programs = test_programs::python::programs("libjuju", &[LIBJUJU]).unwrap();
    // It refuses a server of another major version than its own.
    let controller = controller(Juju::V3_6);
    let authority = authority(&controller);
    let script = run::root().join("xtask/clients/libjuju.py");
    let mut python = Command::new(programs.join("python"));
    python.arg(script).arg(controller.address());
    succeeds(python.arg(authority.path()).arg(MODEL));
    controller.state(|state| {
        let carol = &state.users["carol"];
        assert_eq!((&*carol.access, carol.disabled), ("superuser", true));
        let dex = state.application("dex-auth").unwrap();
        assert_eq!(dex.option("static-password"), Some(&json!("new")));
    });
}

#[test]
fn javascript_client_works_against_the_simulated_controller() {
    let folder = test_programs::npm::packages("jujulib", JUJULIB).unwrap();
    let controller = controller(Juju::V3_6);
    let authority = authority(&controller);
    let mut javascript = Command::new("node");
    javascript.env("NODE_EXTRA_CA_CERTS", authority.path());
    javascript.arg(run::root().join("xtask/clients/jujulib.mjs")).arg(folder);
    // Its certificate is for localhost too.
    let address = controller.address().replace("127.0.0.1", "localhost");
    succeeds(javascript.arg(address).arg(MODEL));
    controller.state(|state| {
        assert!(state.accepts("dora", "two"));
        assert_eq!(state.models[MODEL].users["dora"], "read");
    });
}

/// Makes every call that the client has.
fn call_everything(controller: &Controller) {
    let endpoint = Endpoint {
        addresses: vec![controller.address().into()],
        trust: Trust::Authority(controller.authority().into()),
    };
    let login = Login::new("admin", Password::new("admin-pw")).unwrap();
    let password = Password::new("another");
    let mut of_controller = Connection::open(&endpoint, &Target::Controller, &login).unwrap();
    of_controller.users().unwrap();
    of_controller.user_info("bob").unwrap();
    of_controller.add_user("carol", "Carol", None).unwrap();
    of_controller.add_user("dora", "Dora", Some(&password)).unwrap();
    of_controller.set_password("bob", &password).unwrap();
    of_controller.reset_password("bob").unwrap();
    of_controller.disable_user("bob").unwrap();
    of_controller.enable_user("bob").unwrap();
    of_controller.models().unwrap();
    of_controller.model(MODEL).unwrap();
    of_controller.clouds().unwrap();
    of_controller.cloud("k8s").unwrap();
    of_controller.offers("admin", "kubeflow").unwrap();
    of_controller.controller_config().unwrap();
    let model = Target::Model(MODEL.into());
    let mut of_model = Connection::open(&endpoint, &model, &login).unwrap();
    of_model.status().unwrap();
    of_model.resources(&["dex-auth", "gone"]).unwrap();
    of_model.charm_info("ch:amd64/dex-auth-612").unwrap();
    of_model.model_config().unwrap();
    of_model.application_config("dex-auth").unwrap();
    let options = BTreeMap::from([("static-password", &password)]);
    of_model.set_application_config("dex-auth", &options).unwrap();
    of_model.reset_application_config("dex-auth", &["static-password"]).unwrap();
    let endpoints = ["dex-auth:logging", "dex-auth:metrics-endpoint"].map(str::to_owned);
    of_model.add_relation(&endpoints).unwrap();
    of_model.destroy_relation(&endpoints).unwrap();
    controller.change(|state| {
        let newest = CharmRevision {
            revision: 700,
            resources: BTreeMap::from([("oci-image".to_owned(), 9)]),
        };
        state.charmhub.insert("dex-auth".into(), vec![newest]);
    });
    of_model.refresh("dex-auth", None).unwrap();
    let content = BTreeMap::from([("tls-key", &password)]);
    let uri = of_model.create_secret("gateway", "for the gateway", &content).unwrap();
    of_model.update_secret(&uri, "again", &content).unwrap();
    of_model.grant_secret(&uri, "dex-auth").unwrap();
    of_model.model_secrets(MODEL).unwrap();
    let parameters = BTreeMap::from([("username", "root")]);
    let id = of_model.enqueue_action("dex-auth/0", "set-password", &parameters).unwrap();
    of_model.action(&id).unwrap();
}

/// What is any value in Go the schema calls an object; and what is embedded in Go, whose
/// fields are sent in its place, it calls a field.
fn any_value(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if let Some(required) = map.get_mut("required").and_then(Value::as_array_mut) {
                required.retain(|field| field != "UpsertSecretArg");
            }
            // Go's own client sends nil for what it has not: these are a pointer and a slice.
            if let Some(properties) = map.get_mut("properties") {
                for nil in ["macaroon", "fingerprint"] {
                    if !properties[nil].is_null() {
                        properties[nil] = json!({});
                    }
                }
            }
            if map.get("additionalProperties") == Some(&json!(true)) {
                map.clear();
            }
            map.values_mut().for_each(any_value);
        }
        Value::Array(items) => items.iter_mut().for_each(any_value),
        _ => {}
    }
}

#[test]
fn client_requests_match_the_schema() {
    let folder = test_programs::npm::packages("jujulib", JUJULIB).unwrap();
    let path = folder.join("node_modules/@canonical/jujulib/generator/schema/schema.json");
    let text = std::fs::read_to_string(path).unwrap();
    let facades: Vec<Value> = serde_json::from_str(&text).unwrap();
    let controller = controller(Juju::V4_0);
    call_everything(&controller);
    let calls = controller.state(|state| state.requests.clone());
    let mut checked = BTreeSet::new();
    for call in calls {
        let (facade, method) = call.name.split_once('.').unwrap();
        let found = facades.iter().find(|f| f["Name"] == facade && f["Version"] == call.version);
        let schema = &found.unwrap_or_else(|| panic!("no schema of {call:?}"))["Schema"];
        let params = &schema["properties"][method]["properties"]["Params"];
        if params.is_null() {
            assert_eq!(call.params, json!({}), "{}", call.name);
        } else {
            let mut of_params = params.clone();
            of_params["definitions"] = schema["definitions"].clone();
            any_value(&mut of_params["definitions"]);
            let validator = jsonschema::validator_for(&of_params).unwrap();
            let wrong: Vec<String> =
                validator.iter_errors(&call.params).map(|e| e.to_string()).collect();
            assert!(wrong.is_empty(), "{} {}: {wrong:?}", call.name, call.params);
        }
        checked.insert(call.name);
    }
    assert_eq!(checked.len(), 33, "{checked:?}");
}
