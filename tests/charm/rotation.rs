//! Credentials: rotated step by step, and lost at no point.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ckf_test_support::rotation::{LOGIN, age_ledger, entry, give_login, held, hook};
use juju_sim::controller::{Application, Certificate, Controller, State};
use juju_sim::{Event, Juju, Outcome, Secret, Simulation, sweep};
use serde_json::{Value, json};

pub const PLAN: &str = "every: 30d\ntargets:\n- dex\n- own-login\n- juju-user/bot\n\
    - {credential: juju-user/alice, deliver: registration}\n- mysql/katib-db/root\n";

/// A controller with the platform's model, in which the charm's unit is.
fn controller(juju: Juju, model: &str) -> Controller {
    let mut state = State::new(juju, "admin-pw-of-the-controller");
    state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
    state.add_user("bot", "first-pw-of-the-bot");
    state.add_user("alice", "first-pw-of-alice");
    let dex = Application { charm: "ch:amd64/dex-auth-612".into(), ..Application::default() };
    let dex = dex.with_option("static-username", "string", Some("user@example.com")).with_option(
        "static-password",
        "string",
        Some("first-pw-of-dex"),
    );
    let mut database = Application::default();
    let status = ("active".into(), "Primary".into());
    database.units.insert("katib-db/0".into(), status);
    let set_password = std::sync::Arc::new(|_: &_| Ok(serde_json::Map::new()));
    database.actions.insert("set-password".into(), set_password);
    let hosted = state.add_model(model, "kubeflow");
    hosted.users.insert("hardening".into(), "write".into());
    hosted.applications.insert("dex-auth".into(), dex);
    hosted.applications.insert("katib-db".into(), database);
    Controller::start_with(state, Certificate::Good).unwrap()
}

pub fn unit(juju: Juju, plan: &str) -> Simulation {
    ckf_test_support::rotation::unit(juju, plan, |model| controller(juju, model))
}

/// Hooks until nothing is to be done, by the number of steps of a rotation.
fn settle(unit: &mut Simulation) {
    for _ in 0..4 {
        hook(unit, "update-status");
    }
}

/// The value that the owner of a credential accepts.
fn accepted(unit: &Simulation, credential: &str) -> Option<String> {
    let user = |name: &str| unit.controller().state(|s| s.users[name].password.clone());
    match credential {
        "dex" => unit.controller().state(|state| {
            let dex = state.application("dex-auth").unwrap();
            Some(dex.option("static-password").unwrap().as_str().unwrap().to_owned())
        }),
        "own-login" => user("hardening"),
        name => user(name.strip_prefix("juju-user/").unwrap()),
    }
}

/// Troubled runs of a sweep, at least.
const RUNS: usize = 350;
const WITH_VALUES: [&str; 3] = ["dex", "own-login", "juju-user/bot"];

/// What must be true at every moment: the value that an owner accepts is one that
/// people gave it, or it is in a committed secret.
pub fn nothing_is_lost(unit: &Simulation) {
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

/// Whether each credential is at its end: rotated, published, and accepted.
fn state(unit: &Simulation) -> BTreeMap<String, bool> {
    let model = unit.model();
    let mut ends: BTreeMap<String, bool> = WITH_VALUES
        .map(|credential| {
            let held = held(&model, credential);
            let accepted = accepted(unit, credential);
            let is_new = accepted.as_ref().is_some_and(|value| !value.starts_with("first-pw-of-"));
            let is_published = held.get("password") == accepted.as_ref() && held.len() == 2;
            (credential.to_owned(), is_new && is_published)
        })
        .into();
    let alice = unit.controller().state(|s| s.users["alice"].clone());
    let key = alice.secret_key.unwrap_or_default();
    let token = held(&model, "juju-user/alice").remove("registration").unwrap_or_default();
    let fits = !key.is_empty() && contains(&token, &key) && alice.password.is_none();
    ends.insert("juju-user/alice".into(), fits);
    for credential in WITH_VALUES.iter().chain(&["juju-user/alice", "mysql/katib-db/root"]) {
        let entry = entry(unit, credential);
        let is_settled = entry["stage"] == "settled" && entry["rotated"].is_string();
        ends.insert(format!("{credential} settled"), is_settled);
    }
    ends
}

/// Whether a registration token has a key in it.
fn contains(token: &str, key: &str) -> bool {
    let token = base64::engine::general_purpose::URL_SAFE.decode(token).unwrap_or_default();
    let key = STANDARD.decode(key).unwrap();
    token.windows(key.len()).any(|part| part == key)
}

#[test]
fn rotation_is_prepared_applied_published_and_settled() {
    for juju in [Juju::V3_6, Juju::V4_0] {
        let mut unit = unit(juju, PLAN);
        hook(&mut unit, "config-changed");
        nothing_is_lost(&unit);
        for credential in WITH_VALUES {
            assert_eq!(entry(&unit, credential)["stage"], "prepared");
            let held = held(&unit.model(), credential);
            assert_eq!(held.keys().collect::<Vec<_>>(), ["next-password"]);
            assert!(accepted(&unit, credential).unwrap().starts_with("first-pw-of-"));
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
        assert!(!asked, "nothing is due, and the controller is asked: {outcome:?}");
        assert_eq!(unit.model().secrets, before.secrets);
    }
}

#[test]
fn rotation_triggers_its_next_hook_by_a_notice() {
    let mut unit = unit(Juju::V3_6, PLAN);
    unit.start_pebble("hardening", &[]);
    hook(&mut unit, "config-changed");
    let mut fired = 0;
    loop {
        let events = unit.workload_events();
        if events.is_empty() {
            break;
        }
        for event in events {
            let outcome = unit.run(&event);
            assert!(outcome.committed(), "{outcome:?}");
            fired += 1;
        }
        assert!(fired < 20, "it never comes to rest");
    }
    let ends = state(&unit);
    assert!(fired > 1 && ends.values().all(|end| *end), "{ends:#?}");
}

#[test]
fn interrupted_rotation_loses_no_password_in_3_6() {
    nothing_is_lost_by(Juju::V3_6);
}

#[test]
fn interrupted_rotation_loses_no_password_in_4_0() {
    nothing_is_lost_by(Juju::V4_0);
}

fn nothing_is_lost_by(juju: Juju) {
    let events: Vec<Event> =
        std::iter::once("config-changed").chain(["update-status"; 4]).map(Event::hook).collect();
    let make = || {
        let mut unit = unit(juju, PLAN);
        unit.start_pebble("hardening", &[]);
        unit
    };
    let runs = sweep(make, &events, nothing_is_lost, state);
    // docs/explanation/rotation.md states the number.
    println!("{juju:?}: {runs} troubled runs");
    assert!(runs >= RUNS, "{runs}");
}

fn message(unit: &Simulation) -> String {
    let status = unit.model().status;
    format!("{}: {}", status.name, status.message)
}

#[test]
fn login_failure_is_reported_with_its_fix() {
    let mut unit = unit(Juju::V3_6, "targets: [dex]");
    let expect = |unit: &mut Simulation, expected: &str| {
        hook(unit, "config-changed");
        let message = message(unit);
        assert!(message.contains(expected), "{expected:?} is not in {message:?}");
        assert_eq!(held(&unit.model(), "dex"), BTreeMap::new(), "something was begun");
    };
    unit.change(|model| drop(model.options.remove("juju-credentials")));
    expect(&mut unit, "blocked: option juju-credentials is not set");
    unit.set_option("juju-credentials", "secret:d3nkb2fmp25c76a0nowh");
    expect(
        &mut unit,
        "blocked: option juju-credentials: the secret secret:d3nkb2fmp25c76a0nowh does not exist",
    );
    unit.set_option("juju-credentials", format!("secret:{LOGIN}"));
    let change = |unit: &mut Simulation, change: &dyn Fn(&mut Secret)| {
        unit.change(|model| {
            let secret = model.secrets.iter_mut().find(|secret| secret.id == LOGIN);
            change(secret.unwrap());
        });
    };
    change(&mut unit, &|secret| secret.grants.clear());
    expect(&mut unit, &format!("juju grant-secret secret:{LOGIN} ckf-hardening"));
    for (key, value, expected) in [
        ("username", None, "key username of the secret is missing"),
        ("username", Some("no name"), "key username of the secret is no name of a Juju user"),
        ("password", Some(""), "key password of the secret is missing"),
        ("ca-cert", None, "key ca-cert of the secret is missing"),
        ("ca-cert", Some("none"), "key ca-cert of the secret is no PEM certificate"),
    ] {
        give_login(&mut unit, "first-pw-of-the-charm");
        change(&mut unit, &|secret| {
            let content = secret.revisions.get_mut(&1).unwrap();
            content.remove(key);
            content.extend(value.map(|value| (key.to_owned(), STANDARD.encode(value))));
        });
        expect(&mut unit, &format!("blocked: option juju-credentials: {expected}"));
    }
    give_login(&mut unit, "first-pw-of-the-charm");
    settle(&mut unit);
    assert_eq!(held(&unit.model(), "dex")["password"], accepted(&unit, "dex").unwrap());
}

#[test]
fn refused_rotation_is_reported_and_retried() {
    let mut unit = unit(Juju::V3_6, "targets: [juju-user/bot]");
    let make_superuser = |unit: &Simulation, access: &str| {
        let access = access.to_owned();
        unit.controller().change(|s| s.users.get_mut("hardening").unwrap().access = access);
    };
    make_superuser(&unit, "login");
    hook(&mut unit, "config-changed");
    let shown = message(&unit);
    assert!(
        shown.contains("rotation of juju-user/bot: UserManager.UserInfo: permission denied"),
        "{shown}"
    );
    assert_eq!(held(&unit.model(), "juju-user/bot"), BTreeMap::new());
    assert!(shown.contains("juju grant hardening superuser"), "{shown}");
    assert_eq!(entry(&unit, "juju-user/bot")["failure"]["attempts"], 1);
    hook(&mut unit, "update-status");
    assert_eq!(entry(&unit, "juju-user/bot")["failure"]["attempts"], 2);
    // From now on it waits: no storm.
    let calls = |unit: &Simulation| unit.controller().state(|state| state.requests.len());
    let before = calls(&unit);
    hook(&mut unit, "update-status");
    assert_eq!(calls(&unit), before);

    make_superuser(&unit, "superuser");
    let outcome = rotate(&mut unit, json!({"users": ["bot"]}));
    assert!(outcome.results()["status"].as_str().unwrap().contains("prepared"), "{outcome:?}");
    settle(&mut unit);
    assert_eq!(
        held(&unit.model(), "juju-user/bot")["password"],
        accepted(&unit, "juju-user/bot").unwrap()
    );
    assert!(!message(&unit).contains("rotation of"));
}

fn rotate(unit: &mut Simulation, parameters: Value) -> Outcome {
    let outcome = unit.run(&Event::action("rotate-credentials", parameters));
    assert!(outcome.committed(), "{outcome:?}");
    outcome
}

fn refusal(outcome: &Outcome) -> &str {
    outcome.action.as_ref().unwrap().failed.as_deref().unwrap()
}

#[test]
fn unreadable_ledger_stops_rotations_only() {
    let mut unit = unit(Juju::V3_6, PLAN);
    for text in ["{", "{\"teapot\": {}}", "{\"dex\": {\"stage\": \"brewing\"}}", "7"] {
        unit.change(|model| {
            let bag = &mut model.relations[0].application_data;
            bag.insert("rotation".into(), text.into());
        });
        hook(&mut unit, "update-status");
        let shown = message(&unit);
        assert!(shown.contains("blocked: the ledger of rotations"), "{text}: {shown}");
        assert_eq!(unit.model().relations[0].application_data["rotation"], text);
        let outcome = rotate(&mut unit, json!({}));
        assert!(refusal(&outcome).contains("the ledger of rotations"), "{outcome:?}");
    }
    nothing_is_lost(&unit);
}

#[test]
fn users_action_lists_permissions() {
    let mut unit = unit(Juju::V3_6, "");
    let outcome = unit.run(&Event::action("list-users", json!({})));
    let users: Value = serde_json::from_str(outcome.results()["json"].as_str().unwrap()).unwrap();
    // Two of them are Juju's own.
    assert_eq!(users["users"].as_array().unwrap().len(), 6);
    assert!(outcome.results()["users"].as_str().unwrap().contains("hardening"));
    unit.change(|model| drop(model.options.remove("juju-credentials")));
    let outcome = unit.run(&Event::action("list-users", json!({})));
    assert!(refusal(&outcome).contains("juju-credentials is not set"), "{outcome:?}");
}

#[test]
fn wrong_password_or_controller_is_reported() {
    let mut unit = unit(Juju::V4_0, "targets: [dex]");
    give_login(&mut unit, "wrong");
    hook(&mut unit, "config-changed");
    hook(&mut unit, "update-status");
    let shown = message(&unit);
    assert!(
        shown.contains("put the right password into the secret of juju-credentials"),
        "{shown}"
    );
    assert!(!shown.contains("wrong"), "{shown}");
    nothing_is_lost(&unit);
}

#[test]
fn rotation_on_demand_reports_its_progress() {
    let mut unit = unit(Juju::V3_6, "targets: [dex]");
    let dry = rotate(&mut unit, json!({"dry-run": true, "users": ["bot"]}));
    assert!(
        dry.results()["plan"].as_str().unwrap().starts_with("juju-user/bot: a new value would")
    );
    assert_eq!(unit.model().secrets.len(), 1);

    let outcome = rotate(&mut unit, json!({"users": ["bot"], "targets": ["mysql/katib-db/root"]}));
    let status = outcome.results()["status"].as_str().unwrap();
    let secret = unit.model().secrets[1].id.clone();
    assert!(
        status.contains("juju-user/bot") && status.contains("prepared") && status.contains(&secret),
        "{status}"
    );
    assert!(!status.contains("dex"), "{status}");
    settle(&mut unit);
    let shown = unit.run(&Event::action("rotation-status", json!({})));
    let rows: Value =
        serde_json::from_str(shown.results()["credentials"].as_str().unwrap()).unwrap();
    let row = |name: &str| {
        let rows = rows.as_array().unwrap();
        rows.iter().find(|row| row["credential"] == name).unwrap().clone()
    };
    assert_eq!(row("juju-user/bot")["state"], "settled");
    assert_eq!(row("juju-user/bot")["age-days"], 0);
    assert_eq!(row("juju-user/bot")["next"], Value::Null);
    assert_eq!(row("mysql/katib-db/root")["secret"], "held by its owner");
    assert!(row("dex")["next"].is_string());

    for (parameters, expected) in [
        (json!({"users": ["admin"]}), "the controller's first user"),
        (json!({"users": ["no body"]}), "not a valid name of a local Juju user"),
        (json!({"targets": ["minos"]}), "not one of"),
    ] {
        let outcome = rotate(&mut unit, parameters);
        assert!(refusal(&outcome).contains(expected), "{outcome:?}");
    }
    let outcome = rotate(&mut unit, json!({"users": ["hardening"]}));
    assert!(refusal(&outcome).contains("rotate own-login instead"), "{outcome:?}");
    for event in unit.lead(false) {
        unit.run(&event);
    }
    let outcome = rotate(&mut unit, json!({}));
    assert!(refusal(&outcome).contains("ckf-hardening/leader"), "{outcome:?}");
}

#[test]
fn manual_change_during_rotation_loses_no_password() {
    let mut unit = unit(Juju::V3_6, "targets: [juju-user/bot, dex]");
    hook(&mut unit, "config-changed");
    // The rotation that was begun wins over a password that a user sets.
    unit.controller().change(|state| {
        state.users.get_mut("bot").unwrap().password = Some("first-pw-of-a-person".into());
    });
    settle(&mut unit);
    assert_eq!(
        held(&unit.model(), "juju-user/bot")["password"],
        accepted(&unit, "juju-user/bot").unwrap()
    );

    // What was begun is ended though the option names it no longer.
    rotate(&mut unit, json!({"targets": ["dex"]}));
    unit.set_option("rotate", "");
    settle(&mut unit);
    assert_eq!(entry(&unit, "dex")["stage"], "settled");
    assert_eq!(held(&unit.model(), "dex")["password"], accepted(&unit, "dex").unwrap());

    // A user who is gone is reported, and nothing else stops.
    unit.set_option("rotate", "targets: [juju-user/bot, dex]");
    unit.controller().change(|state| state.users.remove("bot"));
    let before = accepted(&unit, "dex");
    let outcome = rotate(&mut unit, json!({}));
    let log = format!("{:?}", outcome.action);
    assert!(log.contains("the user bot no longer exists"), "{log}");
    settle(&mut unit);
    assert_ne!(accepted(&unit, "dex"), before);
    dex_is_held(&unit);
}

fn dex_is_held(unit: &Simulation) {
    assert_eq!(held(&unit.model(), "dex")["password"], accepted(unit, "dex").unwrap());
}

#[test]
fn rotation_starts_when_due_or_when_juju_fires_secret_rotate() {
    let mut unit = unit(Juju::V3_6, "every: 30d\ntargets: [dex]");
    hook(&mut unit, "config-changed");
    settle(&mut unit);
    let first = accepted(&unit, "dex");
    let due = unit.advance(jiff::SignedDuration::from_hours(32 * 24));
    let rotate: Vec<Event> = due
        .into_iter()
        .filter(|event| matches!(event, Event::Hook { name, .. } if name == "secret-rotate"))
        .collect();
    assert_eq!(rotate.len(), 1, "Juju's own clock reminds");
    // It decides nothing.
    assert!(unit.run(&rotate[0]).committed());
    assert_eq!(entry(&unit, "dex")["stage"], "settled");
    age_ledger(&mut unit, 31);
    assert!(unit.run(&rotate[0]).committed());
    assert_eq!(entry(&unit, "dex")["stage"], "prepared");
    settle(&mut unit);
    let second = accepted(&unit, "dex");
    assert_ne!(first, second);
    dex_is_held(&unit);

    // By the charm's own ledger, were Juju's clock not heard.
    unit.change(|model| {
        let bag = &mut model.relations[0].application_data;
        let text = bag["rotation"].replace("2026-", "2025-");
        bag.insert("rotation".into(), text);
    });
    settle(&mut unit);
    assert_ne!(accepted(&unit, "dex"), second);
    dex_is_held(&unit);
}

#[test]
fn idle_user_in_the_plan_is_disabled() {
    let plan = "targets: [juju-user/bot, juju-user/alice]\ndisable-idle: 60d";
    let mut unit = unit(Juju::V4_0, plan);
    let now = jiff::Timestamp::now();
    let days = |days: i64| now - jiff::SignedDuration::from_hours(24 * days);
    unit.controller().change(|state| {
        state.users.get_mut("bot").unwrap().last_connection = Some(days(61));
        let alice = state.users.get_mut("alice").unwrap();
        (alice.created, alice.last_connection) = (days(300), Some(days(59)));
    });
    hook(&mut unit, "config-changed");
    settle(&mut unit);
    let is_disabled = |name: &str| unit.controller().state(|state| state.users[name].disabled);
    assert!(is_disabled("bot") && !is_disabled("alice"));
    assert!(entry(&unit, "juju-user/bot")["disabled"].is_string());
    assert_eq!(accepted(&unit, "juju-user/bot").unwrap(), "first-pw-of-the-bot");
    assert_eq!(
        held(&unit.model(), "juju-user/alice")["password"],
        accepted(&unit, "juju-user/alice").unwrap()
    );
}

#[test]
fn unread_secret_revision_is_removed() {
    let mut unit = unit(Juju::V3_6, "targets: [dex]");
    hook(&mut unit, "config-changed");
    settle(&mut unit);
    let count = |unit: &Simulation| {
        let model = unit.model();
        let secret = model.secrets.iter().find(|s| s.label == "credential/dex");
        secret.unwrap().revisions.len()
    };
    assert_eq!(count(&unit), 2);
    for event in unit.advance(jiff::SignedDuration::from_mins(5)) {
        assert!(unit.run(&event).committed());
    }
    assert_eq!(count(&unit), 1);
    dex_is_held(&unit);
}

#[test]
fn password_is_left_in_its_secret_only() {
    let mut unit = unit(Juju::V3_6, PLAN);
    unit.set_option("log-level", "trace");
    let mut left = Vec::new();
    let mut values = vec!["first-pw-of-the-charm".to_owned()];
    let mut run = |unit: &mut Simulation, event: &Event| {
        let outcome = unit.run(event);
        left.extend(
            outcome.traces().into_iter().map(|t| (format!("{event:?}: {}", t.place), t.text)),
        );
        let model = unit.model();
        for credential in WITH_VALUES.iter().chain(&["juju-user/alice"]) {
            let held = held(&model, credential).into_iter();
            values.extend(held.filter(|(key, _)| key != "username").map(|(_, value)| value));
        }
    };
    for name in ["config-changed", "update-status", "update-status"] {
        run(&mut unit, &Event::hook(name));
    }
    run(&mut unit, &Event::action("rotate-credentials", json!({})));
    run(&mut unit, &Event::action("rotation-status", json!({})));
    unit.controller().behave(juju_sim::controller::Wire::OtherTypes);
    run(&mut unit, &Event::hook("update-status"));
    left.extend(unit.traces().into_iter().map(|trace| (trace.place, trace.text)));
    assert!(values.len() > 10 && left.len() > 50, "{} {}", values.len(), left.len());
    for (place, text) in &left {
        let leaks = values.iter().any(|value| text.contains(value.as_str()));
        assert!(!leaks, "{place} holds the value of a credential");
    }
}
