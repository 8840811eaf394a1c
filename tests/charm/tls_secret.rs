//! The certificate of the option `tls-secret`, on its way to istio-pilot by the
//! controller's API.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ckf_test_support::give_certificate as give;
use ckf_test_support::rotation::hook;
use ckf_worlds::istio_pilot::IstioPilot;
use ckf_worlds::{HOST, tls, weak_rsa};
use juju_sim::controller::{Application, Certificate, Controller, ModelSecret, State};
use juju_sim::{Event, Juju, Relation, Simulation, sweep};

fn controller(juju: Juju, model: &str) -> Controller {
    let mut state = State::new(juju, "admin-pw-of-the-controller");
    state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
    let pilot = Application { charm: "ch:amd64/istio-pilot-1170".into(), ..Application::default() };
    let hosted = state.add_model(model, "kubeflow");
    hosted.users.insert("hardening".into(), "write".into());
    hosted
        .applications
        .insert("istio-pilot".into(), pilot.with_option("tls-secret-id", "secret", None));
    Controller::start_with(state, Certificate::Good).unwrap()
}

pub fn unit(juju: Juju) -> Simulation {
    let mut unit = ckf_test_support::rotation::unit(juju, "", |model| controller(juju, model));
    unit.set_option("external-hostname", HOST);
    let good = tls(HOST, 2035);
    give(&mut unit, &good.certificate, &good.key);
    unit
}

/// The model's secret that istio-pilot reads, and istio-pilot's option.
fn seen(unit: &Simulation) -> (Vec<ModelSecret>, Option<String>) {
    let uuid = unit.model().uuid.clone();
    unit.controller().state(|state| {
        let model = &state.models[&uuid];
        let option = &model.applications["istio-pilot"].options["tls-secret-id"];
        let set = option.set.as_ref().and_then(|value| value.as_str());
        let secrets = model.secrets.values().cloned().collect();
        (secrets, set.map(str::to_owned))
    })
}

/// Calls of the controller's API in an event without news.
fn calls(unit: &mut Simulation) -> Vec<String> {
    let calls = hook(unit, "update-status").calls.into_iter();
    calls.map(|call| call.tool).filter(|tool| tool.contains('.')).collect()
}

fn message(unit: &Simulation) -> String {
    let status = unit.model().status.clone();
    format!("{}: {}", status.name, status.message)
}

#[test]
fn istio_pilot_gets_the_operators_certificate_and_its_updates() {
    for juju in [Juju::V3_6, Juju::V4_0] {
        let mut unit = unit(juju);
        let called = hook(&mut unit, "config-changed").calls;
        assert!(called.iter().any(|call| call.tool == "Secrets.CreateSecrets"), "{called:?}");
        let (secrets, option) = seen(&unit);
        assert_eq!(secrets.len(), 1, "{}", message(&unit));
        assert_eq!(secrets[0].label, "ckf-hardening-gateway");
        assert!(secrets[0].granted.contains("istio-pilot"));
        assert!(option.unwrap().starts_with("secret:"));
        assert!(!message(&unit).contains("tls-secret"), "{}", message(&unit));

        // Nothing is asked of the controller as long as nothing changes.
        assert_eq!(calls(&mut unit), [] as [String; 0]);
        let renewed = tls(HOST, 2036);
        give(&mut unit, &renewed.certificate, &renewed.key);
        hook(&mut unit, "update-status");
        let (secrets, _) = seen(&unit);
        assert_eq!(secrets.len(), 1);
        assert_eq!(secrets[0].revisions.len(), 2);
        let held = &secrets[0].revisions[1]["tls-crt"];
        assert_eq!(*held, STANDARD.encode(&renewed.certificate));
        // istio-pilot's charm fails on comments that are not ASCII.
        let next = tls(HOST, 2037);
        let commented = format!("Aussteller: Köln\r\n{}", next.certificate.replace('\n', "\r\n"));
        give(&mut unit, &commented, &format!("Schlüssel\n{}", next.key));
        hook(&mut unit, "update-status");
        let (secrets, _) = seen(&unit);
        let held = &secrets[0].revisions[2];
        assert_eq!(held["tls-crt"], STANDARD.encode(&next.certificate), "{}", message(&unit));
        assert_eq!(held["tls-key"], STANDARD.encode(next.key.trim()));
    }
}

#[test]
fn unusable_certificate_is_reported_and_changes_nothing() {
    let mut unit = unit(Juju::V3_6);
    hook(&mut unit, "config-changed");
    let before = seen(&unit);
    let good = tls(HOST, 2036);
    let (other, ended, weak) = (tls("other.example.com", 2036), tls(HOST, 2025), weak_rsa());
    let with_key = format!("{}{}", good.certificate, good.key);
    for (certificate, key, part) in [
        ("no certificate", good.key.as_str(), "tls-crt is not a certificate"),
        (&good.certificate, "no key", "tls-key is not a PEM private key"),
        (&good.certificate, &other.key, "tls-key does not match tls-crt"),
        (
            &other.certificate,
            &other.key,
            "tls-crt is for other.example.com, not for kubeflow.example.com",
        ),
        (&ended.certificate, &ended.key, "tls-crt is valid from 2024-01-01 to 2025-12-31"),
        (&weak.certificate, &weak.key, "tls-crt "),
        (&with_key, &good.key, "tls-crt contains a private key"),
    ] {
        give(&mut unit, certificate, key);
        hook(&mut unit, "update-status");
        let shown = message(&unit);
        assert!(
            shown.starts_with("blocked: option tls-secret: ") && shown.contains(part),
            "{shown}"
        );
        assert_eq!(seen(&unit), before, "{part}");
    }
    // Two sources at once are refused on either side.
    give(&mut unit, &good.certificate, &good.key);
    let relation = Relation::new(9, "gateway-certificates", "istio-pilot", 1);
    unit.change(|model| model.relations.push(relation.clone()));
    assert!(unit.run(&Event::relation(&relation, "changed", None)).committed());
    assert!(message(&unit).contains("both there"), "{}", message(&unit));
    assert_eq!(seen(&unit), before);
    let uuid = unit.model().uuid.clone();
    unit.controller().change(|state| {
        let model = state.models.get_mut(&uuid).unwrap();
        let pilot = model.applications.get_mut("istio-pilot").unwrap();
        pilot.relations.insert("certificates".into(), vec!["vault".into()]);
    });
    assert!(unit.run(&Event::relation(&relation, "broken", None)).committed());
    assert!(
        message(&unit).contains("istio-pilot is related to vault for certificates"),
        "{}",
        message(&unit)
    );
    assert_eq!(seen(&unit), before);
}

#[test]
fn interrupted_hooks_leave_istio_pilot_one_secret() {
    let events = [Event::hook("config-changed"), Event::hook("update-status")];
    let holds = |unit: &Simulation| {
        let (secrets, option) = seen(unit);
        assert!(secrets.len() <= 1);
        // What is named can be read.
        assert!(option.is_none() || secrets[0].granted.contains("istio-pilot"));
    };
    let state = |unit: &Simulation| {
        let (secrets, option) = seen(unit);
        (secrets.len(), secrets[0].revisions.len(), secrets[0].granted.clone(), option)
    };
    let made = tls(HOST, 2035);
    let make = || {
        let mut unit = unit(Juju::V3_6);
        give(&mut unit, &made.certificate, &made.key);
        unit
    };
    let runs = sweep(make, &events, holds, state);
    assert!(runs > 50, "{runs}");
}

#[test]
fn private_key_is_left_in_its_secret_only() {
    let mut unit = unit(Juju::V3_6);
    unit.set_option("log-level", "trace");
    let given = tls(HOST, 2036);
    give(&mut unit, &given.certificate, &given.key);
    let mut left = Vec::new();
    let mut run = |unit: &mut Simulation, event: &Event| {
        let traces = unit.run(event).traces().into_iter();
        left.extend(traces.map(|trace| (format!("{event:?}: {}", trace.place), trace.text)));
    };
    run(&mut unit, &Event::hook("config-changed"));
    // A key that is no certificate's, and one that is no key, are not repeated either.
    give(&mut unit, &given.key, &given.key);
    run(&mut unit, &Event::hook("update-status"));
    give(&mut unit, &given.certificate, &given.key[..given.key.len() / 2]);
    run(&mut unit, &Event::hook("update-status"));
    // The charm's own authority.
    let pilot = IstioPilot::at(HOST);
    let mut relation = Relation::new(9, "gateway-certificates", "istio-pilot", 1);
    relation.remote_units.insert("istio-pilot/0".into(), pilot.databag());
    let event = Event::relation(&relation, "changed", None);
    unit.change(|model| model.relations.push(relation));
    run(&mut unit, &event);
    let authority = ckf_test_support::secret_content(&unit, "gateway-ca");
    left.extend(unit.traces().into_iter().map(|trace| (trace.place, trace.text)));
    let lines = |pem: &str| -> Vec<String> {
        let lines = pem.lines().filter(|line| !line.starts_with("-----"));
        // Half a key was given too.
        lines.map(|line| line[..line.len() / 2].to_owned()).collect()
    };
    let keys = [lines(&given.key), lines(&authority["current-key"])].concat();
    // What every key of the kind begins with is no secret.
    let values: Vec<_> =
        keys.iter().filter(|line| line.len() > 8 && !line.starts_with("MIGH")).collect();
    assert!(values.len() >= 4 && left.len() > 30, "{} {}", values.len(), left.len());
    for (place, text) in &left {
        let leaks = values.iter().any(|value| text.contains(value.as_str()));
        assert!(!leaks, "{place} holds a part of a private key");
    }
}
