//! Credentials: rotated step by step, and lost at no point.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use juju_sim::controller::{Application, Certificate, Controller, State};
use juju_sim::{Event, Grant, Juju, Model, Outcome, Owner, Relation, Secret, Simulation, sweep};
use serde_json::Value;

const LOGIN: &str = "d3nkb2fmp25c76a0log1";
const PLAN: &str = "every: 30d\ntargets:\n- dex\n- own-login\n- juju-user/bot\n\
    - {credential: juju-user/alice, deliver: registration}\n- mysql/katib-db/root\n";

/// A controller with the platform's model, in which the charm's unit is.
fn controller(juju: Juju, model: &str) -> Controller {
    let mut state = State::new(juju, "admin-pw-of-the-controller");
    state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
    state.add_user("bot", "first-pw-of-the-bot");
    state.add_user("alice", "first-pw-of-alice");
    let dex = Application {
        charm: "ch:amd64/dex-auth-612".into(),
        ..Application::default()
    };
    let dex = dex
        .with_option("static-username", "string", Some("user@example.com"))
        .with_option("static-password", "string", Some("first-pw-of-dex"));
    let mut database = Application::default();
    let status = ("active".into(), "Primary".into());
    database.units.insert("katib-db/0".into(), status);
    let set_password = Box::new(|_: &_| Ok(serde_json::Map::new()));
    database.actions.insert("set-password".into(), set_password);
    let hosted = state.add_model(model, "kubeflow");
    hosted.applications.insert("dex-auth".into(), dex);
    hosted.applications.insert("katib-db".into(), database);
    Controller::start_with(state, Certificate::Good).unwrap()
}

/// A unit that has a login, beside a controller of its own.
fn unit(juju: Juju, plan: &str) -> Simulation {
    let files = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut unit = Simulation::new(files, env!("CARGO_BIN_EXE_ckf-hardening").as_ref()).unwrap();
    unit.environment
        .insert("KUBECONFIG".into(), "/nowhere".into());
    unit.change(|model| {
        model.juju = juju;
        model
            .relations
            .push(Relation::new(1, "peers", "ckf-hardening", 0));
    });
    unit.attach(controller(juju, &unit.model().uuid));
    give_login(&mut unit, "first-pw-of-the-charm");
    unit.set_option("juju-credentials", format!("secret:{LOGIN}"));
    unit.set_option("rotate", plan);
    unit
}

/// The user's secret with the login.
fn give_login(unit: &mut Simulation, password: &str) {
    let controller = unit.controller();
    let content = [
        ("username", "hardening"),
        ("password", password),
        ("ca-cert", controller.authority()),
        ("addresses", controller.address()),
    ];
    let content = content
        .map(|(key, value)| (key.to_owned(), STANDARD.encode(value)))
        .into();
    let mut secret = Secret::new(LOGIN, Owner::Model, content);
    secret.grants.push(Grant {
        relation: None,
        to: "ckf-hardening".into(),
    });
    unit.change(|model| {
        model.secrets.retain(|known| known.id != secret.id);
        model.secrets.push(secret);
    });
}

fn hook(unit: &mut Simulation, name: &str) -> Outcome {
    let outcome = unit.run(&Event::hook(name));
    assert!(outcome.committed(), "{outcome:?}");
    outcome
}

/// Hooks until nothing is to be done, by the number of steps of a rotation.
fn settle(unit: &mut Simulation) {
    for _ in 0..4 {
        hook(unit, "update-status");
    }
}

/// The newest committed content of a credential's secret.
fn held(model: &Model, credential: &str) -> BTreeMap<String, String> {
    let label = format!("credential/{credential}");
    let secret = model.secrets.iter().find(|secret| secret.label == label);
    let Some(secret) = secret else {
        return BTreeMap::new();
    };
    let content = &secret.revisions[&secret.latest()];
    let decode = |(key, value): (&String, &String)| {
        let value = String::from_utf8(STANDARD.decode(value).unwrap()).unwrap();
        (key.clone(), value)
    };
    content.iter().map(decode).collect()
}

/// The value that the owner of a credential accepts.
fn accepted(unit: &Simulation, credential: &str) -> Option<String> {
    let user = |name: &str| unit.controller().state(|s| s.users[name].password.clone());
    match credential {
        "dex" => unit.controller().state(|state| {
            let dex = state.application("dex-auth").unwrap();
            Some(
                dex.option("static-password")
                    .unwrap()
                    .as_str()
                    .unwrap()
                    .to_owned(),
            )
        }),
        "own-login" => user("hardening"),
        name => user(name.strip_prefix("juju-user/").unwrap()),
    }
}

const WITH_VALUES: [&str; 3] = ["dex", "own-login", "juju-user/bot"];

/// What must be true at every moment: the value that an owner accepts is one that
/// people gave it, or it is in a committed secret.
fn nothing_is_lost(unit: &Simulation) {
    let model = unit.model();
    for credential in WITH_VALUES {
        let accepted = accepted(unit, credential).unwrap();
        let held = held(&model, credential);
        assert!(
            accepted.starts_with("first-pw-of-") || held.values().any(|value| *value == accepted),
            "{credential}: what its owner accepts is in no committed secret"
        );
    }
}

fn entry(unit: &Simulation, credential: &str) -> Value {
    let model = unit.model();
    let text = &model.relations[0].application_data["rotation"];
    serde_json::from_str::<Value>(text).unwrap()[credential].clone()
}

/// Whether each credential is at its end: rotated, published, and accepted.
fn state(unit: &Simulation) -> BTreeMap<String, bool> {
    let model = unit.model();
    let mut ends: BTreeMap<String, bool> = WITH_VALUES
        .map(|credential| {
            let held = held(&model, credential);
            let accepted = accepted(unit, credential);
            let is_new = accepted
                .as_ref()
                .is_some_and(|value| !value.starts_with("first-pw-of-"));
            let is_published = held.get("password") == accepted.as_ref() && held.len() == 2;
            (credential.to_owned(), is_new && is_published)
        })
        .into();
    let alice = unit.controller().state(|s| s.users["alice"].clone());
    let key = alice.secret_key.unwrap_or_default();
    let token = held(&model, "juju-user/alice")
        .remove("registration")
        .unwrap_or_default();
    let fits = !key.is_empty() && contains(&token, &key) && alice.password.is_none();
    ends.insert("juju-user/alice".into(), fits);
    for credential in WITH_VALUES
        .iter()
        .chain(&["juju-user/alice", "mysql/katib-db/root"])
    {
        let entry = entry(unit, credential);
        let is_settled = entry["stage"] == "settled" && entry["rotated"].is_string();
        ends.insert(format!("{credential} settled"), is_settled);
    }
    ends
}

/// Whether a registration token has a key in it.
fn contains(token: &str, key: &str) -> bool {
    let token = base64::engine::general_purpose::URL_SAFE
        .decode(token)
        .unwrap_or_default();
    let key = STANDARD.decode(key).unwrap();
    token.windows(key.len()).any(|part| part == key)
}

#[test]
fn a_rotation_is_prepared_applied_published_and_settled() {
    for juju in [Juju::V3_6, Juju::V4_0] {
        let mut unit = unit(juju, PLAN);
        hook(&mut unit, "config-changed");
        nothing_is_lost(&unit);
        for credential in WITH_VALUES {
            assert_eq!(entry(&unit, credential)["stage"], "prepared");
            let held = held(&unit.model(), credential);
            assert_eq!(held.keys().collect::<Vec<_>>(), ["next-password"]);
            assert!(
                accepted(&unit, credential)
                    .unwrap()
                    .starts_with("first-pw-of-")
            );
        }
        hook(&mut unit, "update-status");
        nothing_is_lost(&unit);
        for credential in WITH_VALUES {
            assert_eq!(entry(&unit, credential)["stage"], "published");
        }
        settle(&mut unit);
        let ends = state(&unit);
        assert!(ends.values().all(|end| *end), "{juju:?}: {ends:#?}");
        let dex = held(&unit.model(), "dex");
        assert_eq!(dex["username"], "user@example.com");

        let before = unit.model();
        let outcome = hook(&mut unit, "update-status");
        let asked = outcome.calls.iter().any(|call| call.tool.contains('.'));
        assert!(
            !asked,
            "nothing is due, and the controller is asked: {outcome:?}"
        );
        assert_eq!(unit.model().secrets, before.secrets);
    }
}

#[test]
fn at_no_point_is_a_value_lost() {
    let events: Vec<Event> = std::iter::once("config-changed")
        .chain(["update-status"; 4])
        .map(Event::hook)
        .collect();
    let runs = sweep(|| unit(Juju::V3_6, PLAN), &events, nothing_is_lost, state);
    assert!(runs > 200, "{runs}");
    eprintln!("{runs} troubled runs");
}
