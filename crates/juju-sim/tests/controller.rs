//! The simulated controller against what a real one answered.

mod api_client;

use std::collections::BTreeMap;

use juju_sim::Juju;
use juju_sim::controller::{Application, CharmOption, Controller, HostedModel, State};
use serde::Deserialize;
use serde_json::{Value, json};

use self::api_client::Client;

const MODEL: &str = "62ab6cbb-ee5b-4fa3-872f-3a9f4a242d8e";

/// What was asked of a real controller of Juju 4.0.15, and what it answered.
#[derive(Deserialize)]
struct Exchange {
    name: String,
    connection: String,
    path: String,
    #[serde(rename = "type")]
    facade: String,
    version: u64,
    request: String,
    params: Value,
    answer: Value,
}

/// The controller of the recordings.
fn recorded() -> Controller {
    let mut state = State::new(Juju::V4_0, "dummy-secret");
    let of_prod = || HostedModel {
        name: "test".into(),
        owner: "prod".into(),
        is_controller: true,
        users: BTreeMap::from([("admin".into(), "admin".into())]),
        ..HostedModel::default()
    };
    state.models.clear();
    // This one was made by a test of Juju's, without a charm of the controller.
    state.users.retain(|name, _| name == "admin");
    state.models.insert(
        "deadbeef-0bad-400d-8000-4b1d0d06f00d".into(),
        HostedModel { name: "controller".into(), ..of_prod() },
    );
    state.models.insert("2205a2e2-fefd-4bef-830a-dd1c5027439c".into(), of_prod());
    let model = state.add_model(MODEL, "kf");
    model.is_controller = true;
    let option = |kind: &str, default: Value| CharmOption { kind: kind.into(), default, set: None };
    let own = Application {
        options: BTreeMap::from([
            ("b-default".into(), option("boolean", json!(true))),
            ("i-nodefault".into(), option("int", Value::Null)),
        ]),
        units: (0..2).map(unit).collect(),
        trusted: true,
        ..Application::default()
    };
    let other = Application {
        charm: "ch:amd64/other-0".into(),
        units: BTreeMap::from([("other/0".into(), ("waiting".into(), "installing agent".into()))]),
        relations: BTreeMap::from([("db".into(), vec!["self".into()])]),
        ..Application::default()
    };
    model.applications.insert("self".into(), own);
    model.applications.insert("other".into(), other);
    Controller::start(state).unwrap()
}

fn unit(number: u8) -> (String, (String, String)) {
    (format!("self/{number}"), ("active".into(), String::new()))
}

#[test]
fn simulated_controller_answers_as_recorded() {
    let text = include_str!("recordings/controller.json");
    let exchanges: Vec<Exchange> = serde_json::from_str(text).unwrap();
    let controller = recorded();
    let mut open: BTreeMap<&str, Client> = BTreeMap::new();
    let mut wrong = Vec::new();
    for exchange in &exchanges {
        let is_login = exchange.request == "Login" && exchange.name != "login-twice";
        let client = match is_login || !open.contains_key(exchange.connection.as_str()) {
            true => {
                let client = Client::open(&controller, &exchange.path);
                open.insert(&exchange.connection, client);
                open.get_mut(exchange.connection.as_str()).unwrap()
            }
            false => open.get_mut(exchange.connection.as_str()).unwrap(),
        };
        let mut answer =
            client.ask(&exchange.facade, exchange.version, &exchange.request, &exchange.params);
        if exchange.name == "bad-params-type" {
            // The text of Go's JSON parser names Go's types.
            assert!(answer["error"].as_str().unwrap().starts_with("json: "));
            answer["error"] = exchange.answer["error"].clone();
        }
        let mut differences = Vec::new();
        compare(&exchange.request, "", &exchange.answer, &answer, &mut differences);
        for difference in differences {
            wrong.push(format!("{}: {difference}", exchange.name));
        }
    }
    assert_eq!(exchanges.len(), 82);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Notes where an answer lacks what was recorded, or says something else. What is
/// another one each time need only be there.
fn compare(method: &str, at: &str, real: &Value, own: &Value, wrong: &mut Vec<String>) {
    match (real, own) {
        (Value::Object(real), Value::Object(own)) => {
            for (key, value) in real {
                match own.get(key) {
                    // Never logged in is said by `null` and by nothing.
                    None if key == "last-connection" || value.is_null() => {}
                    None => wrong.push(format!("{at}.{key} is missing")),
                    Some(other) => compare(method, &format!("{at}.{key}"), value, other, wrong),
                }
            }
        }
        (Value::Array(real), Value::Array(own)) if real.len() == own.len() => {
            // The order of models and users is the database's.
            let by_name = |list: &[Value]| {
                let mut list = list.to_vec();
                let listed = ["UserInfo", "ListModels", "ListModelSummaries", "AllModels"];
                if listed.contains(&method) {
                    let name = |v: &Value| {
                        let v = v.get("result").or(v.get("model")).unwrap_or(v);
                        let name = v.get("username").or(v.get("name"));
                        name.and_then(Value::as_str).unwrap_or_default().to_owned()
                    };
                    list.sort_by_key(name);
                }
                list
            };
            for (number, (real, own)) in by_name(real).iter().zip(&by_name(own)).enumerate() {
                compare(method, &format!("{at}[{number}]"), real, own, wrong);
            }
        }
        (real, own) if real == own => {}
        (_, own) if changes(at) => {
            if own.is_null() && !at.ends_with("last-connection") {
                wrong.push(format!("{at} is null"));
            }
        }
        (real, own) => wrong.push(format!("{at} is {own}, not {real}")),
    }
}

/// Values that are another each time, or that are said of another charm or cloud.
fn changes(at: &str) -> bool {
    let keys = [
        "secret-key",
        "since",
        "date-created",
        "last-connection",
        "type",
        "description",
        "status",
        "info",
        "channel",
        "life",
        "charm",
        "opened-ports",
        "charm-profile",
        "series",
        "version",
        "data",
        "agent-version",
        "cloud-tag",
        "cloud-region",
    ];
    keys.iter().any(|key| at.rsplit('.').next() == Some(key))
}
