//! What each kind of user was let do by a controller of Juju 4.0.15, and in which words the rest
//! was refused: users, models, clouds, offers, secrets, actions, blocks, and applications that go.

mod api_client;

use std::collections::BTreeMap;
use std::sync::Arc;

use juju_sim::Juju;
use juju_sim::controller::{Application, CharmOption, Controller, Life, Offer, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::api_client::Client;

const KUBEFLOW: &str = "47a6042d-86dc-4bda-8326-b625ed1530ce";
const SECOND: &str = "bcd580cd-630a-442e-8b89-5010df3b36c8";

/// A request, and its outcome.
#[derive(Deserialize)]
struct Recorded {
    name: String,
    /// Who asked.
    r#as: String,
    /// Uuid of the model; empty for the controller.
    model: String,
    #[serde(rename = "type")]
    facade: String,
    version: u64,
    request: String,
    params: Value,
    /// Message and code of the error, of each item if there are some.
    outcome: Value,
    /// Part of the answer.
    values: Option<Value>,
    /// What the controller called what it made.
    #[serde(default)]
    ids: Vec<String>,
}

fn option(kind: &str, default: Value) -> CharmOption {
    CharmOption { kind: kind.into(), default, set: None }
}

fn application(charm: &str, options: &[(&str, &str, Value)]) -> Application {
    let options = options.iter();
    Application {
        charm: format!("local:{charm}-0"),
        options: options
            .map(|(name, kind, default)| ((*name).to_owned(), option(kind, default.clone())))
            .collect(),
        ..Application::default()
    }
}

fn with_unit(mut application: Application, name: &str) -> Application {
    application.units.insert(name.into(), ("active".into(), String::new()));
    application
}

/// The controller at the beginning of the recordings.
fn controller() -> Controller {
    let mut state = State::new(Juju::V4_0, "dummy-secret");
    state.uuid = "d3644752-2806-4843-8920-a7f953eadebf".into();
    let cloud = state.clouds.remove("k8s").unwrap();
    state.clouds.insert("rjk8s".into(), cloud);
    let minio = || {
        let options =
            [("access-key", "string", json!("minio")), ("secret-key", "string", json!(""))];
        with_unit(application("minio", &options), "minio/0")
    };
    let dex = || {
        let options = [
            ("enable-password-db", "boolean", json!(true)),
            ("static-password", "string", json!("")),
            ("static-username", "string", json!("admin")),
        ];
        with_unit(application("dex-auth", &options), "dex-auth/0")
    };
    let pilot = || {
        let options = [("number", "int", json!(3)), ("word", "string", json!("w"))];
        let mut pilot = with_unit(application("istio-pilot", &options), "istio-pilot/0");
        pilot.actions.insert("tools".into(), Arc::new(|_| Ok(Map::new())));
        pilot
    };
    let mut own = with_unit(application("ckf-hardening", &[]), "ckf-hardening/0");
    for name in ["audit", "explain", "get-report", "plan", "rotate-credentials", "rotation-status"]
    {
        own.actions.insert(name.into(), Arc::new(|_| Ok(Map::new())));
    }
    let kubeflow = state.add_model(KUBEFLOW, "kubeflow");
    for (name, application) in [
        ("ckf-hardening", own),
        ("cosny", with_unit(application("cosny", &[]), "cosny/0")),
        ("dex-auth", dex()),
        ("istio-pilot", pilot()),
        ("katib-db", application("mysql-k8s", &[])),
        ("minio", minio()),
    ] {
        kubeflow.applications.insert(name.into(), application);
    }
    let second = state.add_model(SECOND, "second");
    for (name, application) in [
        ("cosny", with_unit(application("cosny", &[]), "cosny/0")),
        ("dex-auth", dex()),
        ("istio-pilot", pilot()),
        ("minio", minio()),
    ] {
        second.applications.insert(name.into(), application);
    }
    Controller::start(state).unwrap()
}

/// What others did before a request.
fn arrange(name: &str, controller: &Controller) {
    let of_second = |state: &mut State, name: &str, life: Option<Life>| {
        let applications = &mut state.models.get_mut(SECOND).unwrap().applications;
        match life {
            Some(life) => applications.get_mut(name).unwrap().life = life,
            None => drop(applications.remove(name)),
        }
    };
    controller.change(|state| match name.split('-').next().unwrap() {
        "103" => {
            for name in ["madmin", "mwrite", "mread", "loginonly", "gone1"] {
                state.add_user(name, "pw-12345678").display_name = name.to_uppercase();
            }
        }
        "721" => drop(state.add_user("xena", "pw-12345678")),
        "140" => {
            let cloud = state.clouds.get_mut("rjk8s").unwrap();
            for (user, access) in
                [("alice@external", "add-model"), ("madmin", "add-model"), ("su", "admin")]
            {
                cloud.insert(user.into(), access.into());
            }
        }
        "168" => state.offers.push(Offer {
            model: KUBEFLOW.into(),
            application: "cosny".into(),
            name: "links".into(),
            users: BTreeMap::from([("admin".into(), "admin".into())]),
        }),
        "173" => {
            let access = [("alice@external", "consume"), ("madmin", "admin"), ("mread", "consume")];
            let access = access.map(|(user, access)| (user.to_owned(), access.to_owned()));
            state.offers[0].users.extend(access);
        }
        // Secrets were removed.
        "446" => state.models.get_mut(KUBEFLOW).unwrap().secrets.clear(),
        "530" => {
            let secrets = &mut state.models.get_mut(KUBEFLOW).unwrap().secrets;
            secrets.retain(|_, secret| secret.label == "l-madmin");
        }
        "645" => state.models.get_mut(SECOND).unwrap().dying_relations.clear(),
        "741" => {
            for name in ["third", "fourth"] {
                state.add_model(name, name);
            }
        }
        "661" => of_second(state, "istio-pilot", Some(Life::Dying)),
        "670" => {
            let second = state.models.get_mut(SECOND).unwrap();
            second.applications.get_mut("istio-pilot").unwrap().units.clear();
        }
        "672" => of_second(state, "istio-pilot", Some(Life::Dead)),
        "677" => of_second(state, "istio-pilot", None),
        "684" => of_second(state, "dex-auth", Some(Life::Dying)),
        "694" => of_second(state, "dex-auth", None),
        _ => {}
    });
}

/// Message and code of an error, or `null`.
fn refusal(item: &Value) -> Option<Value> {
    let error = item.get("error").filter(|error| !error.is_null())?;
    Some(json!([error["message"], error["code"].as_str().unwrap_or_default()]))
}

fn outcome(answer: &Value) -> Value {
    if let Some(message) = answer["error"].as_str() {
        return json!([message, answer["error-code"].as_str().unwrap_or_default()]);
    }
    let response = &answer["response"];
    if let Some(refusal) = refusal(response) {
        return refusal;
    }
    let Some(list) = response.get("results").or(response.get("actions")) else {
        return json!("ok");
    };
    let Some(list) = list.as_array() else {
        return json!("none");
    };
    let item = |item: &Value| {
        refusal(item).unwrap_or_else(|| match (item.get("action"), item["status"].as_str()) {
            (Some(_), Some(status)) => {
                let message = item["message"].as_str().filter(|message| !message.is_empty());
                json!(message.map_or(status.to_owned(), |message| format!("{status}: {message}")))
            }
            _ => json!("ok"),
        })
    };
    list.iter().map(item).collect()
}

/// Names with access, in order.
fn access(users: &Value) -> Value {
    let users = users.as_array().into_iter().flatten();
    let mut all: Vec<Value> = users.map(|user| json!([user["user"], user["access"]])).collect();
    all.sort_by_key(Value::to_string);
    json!(all)
}

fn values(request: &str, answer: &Value) -> Value {
    let response = &answer["response"];
    let results = response["results"].as_array().cloned().unwrap_or_default();
    let known = || results.iter().map(|item| &item["result"]).filter(|item| !item.is_null());
    let mut list: Vec<Value> = match request {
        "UserInfo" => known()
            .map(|user| {
                json!([
                    user["username"],
                    user["access"],
                    user["disabled"],
                    user["display-name"],
                    user["created-by"]
                ])
            })
            .collect(),
        "CloudInfo" | "ModelInfo" => known().map(|item| access(&item["users"])).collect(),
        "ListApplicationOffers" => results
            .iter()
            .map(|offer| {
                json!([offer["offer-name"], offer["application-name"], access(&offer["users"])])
            })
            .collect(),
        "GetControllerAccess" => {
            results.iter().map(|item| item.get("result").cloned().unwrap_or_default()).collect()
        }
        "List" => known().map(|block| json!([block["type"], block["message"]])).collect(),
        "ListSecrets" => {
            results.iter().map(|secret| json!([secret["owner-tag"], secret["label"]])).collect()
        }
        "Clouds" => response["clouds"]
            .as_object()
            .into_iter()
            .flat_map(|clouds| clouds.keys().map(|name| json!(name)))
            .collect(),
        "Login" => return response["user-info"].clone(),
        "Get" => {
            let options = response["config"].as_object().cloned().unwrap_or_default();
            let options = options.into_iter();
            return Value::Object(
                options
                    .map(|(name, option)| (name, json!([option["source"], option["value"]])))
                    .collect(),
            );
        }
        _ => return Value::Null,
    };
    if ["UserInfo", "ListSecrets"].contains(&request) {
        list.sort_by_key(Value::to_string);
    }
    json!(list)
}

/// Ids that the controller made, in the place of the recorded ones.
fn with_ids(value: &Value, ids: &BTreeMap<String, String>) -> Value {
    let mut text = value.to_string();
    for (recorded, own) in ids {
        text = text.replace(&format!("{recorded}\""), &format!("{own}\""));
        text = text.replace(&format!("{recorded}\\"), &format!("{own}\\"));
    }
    serde_json::from_str(&text).unwrap()
}

/// Removes ids that are another each time.
fn normal(value: &Value) -> Value {
    let text = value.to_string();
    let mut words: Vec<String> = text.split("with uuid \\\"").map(str::to_owned).collect();
    for word in words.iter_mut().skip(1) {
        *word = word.split_once("\\\"").map_or(String::new(), |(_, rest)| rest.to_owned());
    }
    serde_json::from_str(&words.join("with uuid ")).unwrap()
}

#[test]
fn simulated_controller_permits_as_recorded() {
    let recorded: Vec<Recorded> =
        serde_json::from_str(include_str!("recordings/access.json")).unwrap();
    let controller = controller();
    let mut open: BTreeMap<(&str, &str), Client> = BTreeMap::new();
    let mut ids = BTreeMap::new();
    let mut wrong = Vec::new();
    for one in &recorded {
        arrange(&one.name, &controller);
        let who = (one.r#as.as_str(), one.model.as_str());
        if one.request == "Login" || !open.contains_key(&who) {
            let path = match one.model.as_str() {
                "" => "/api".to_owned(),
                model => format!("/model/{model}/api"),
            };
            open.insert(who, Client::open(&controller, &path));
        }
        let client = open.get_mut(&who).unwrap();
        if one.request != "Login" && one.model == SECOND && one.name.starts_with("600-") {
            let login = json!({"auth-tag": "user-admin", "credentials": "dummy-secret"});
            client.ask("Admin", 3, "Login", &login);
        }
        let params = with_ids(&one.params, &ids);
        let mut ask = || client.ask(&one.facade, one.version, &one.request, &params);
        let mut answer = ask();
        if outcome(&answer) == json!(["running"]) {
            answer = ask();
        }
        let made = answer["response"].get("results").or(answer["response"].get("actions"));
        for (recorded, made) in
            one.ids.iter().zip(made.and_then(Value::as_array).into_iter().flatten())
        {
            let own = made["result"].as_str().or(made["action"]["tag"].as_str());
            if let Some(own) = own.filter(|_| !recorded.is_empty()) {
                ids.insert(recorded.clone(), own.to_owned());
            }
        }
        let (wanted, came) = (normal(&with_ids(&one.outcome, &ids)), normal(&outcome(&answer)));
        if wanted != came {
            wrong.push(format!("{}:\n  Juju {wanted}\n  here {came}", one.name));
        } else if let Some(wanted) = &one.values {
            let (wanted, came) = (with_ids(wanted, &ids), values(&one.request, &answer));
            if wanted != came {
                wrong.push(format!("{}:\n  Juju {wanted}\n  here {came}", one.name));
            }
        }
    }
    println!("{} exchanges", recorded.len());
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
