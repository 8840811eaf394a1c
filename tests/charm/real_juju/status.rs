//! The status says the same until something changes, ports are open while they are needed,
//! each unit has an address of its own, and a Loki out of reach costs no time.

use std::time::{Duration, Instant};

use juju_sim::controller::{Controller, State};
use juju_sim::{Event, Juju, Relation, Simulation};

use super::{fire, hook, unit};

fn relate(unit: &mut Simulation, id: u32, endpoint: &str, application: &str) {
    let relation = Relation::new(id, endpoint, application, 1);
    unit.change(|model| model.relations.push(relation.clone()));
    fire(unit, &Event::relation(&relation, "created", None));
}

fn part(unit: &mut Simulation, id: u32) {
    unit.change(|model| {
        let mut relations = model.relations.iter_mut();
        relations.find(|relation| relation.id == id).unwrap().broken = true;
    });
    let relation = unit.model().relation(id).unwrap().clone();
    fire(unit, &Event::relation(&relation, "broken", None));
    unit.change(|model| model.relations.retain(|relation| relation.id != id));
}

#[test]
fn port_is_open_while_anyone_reaches_it_and_closed_after() {
    let mut unit = unit(Juju::V4_0, 0, 1, "/nowhere".as_ref());
    let is_open = |unit: &Simulation| !unit.model().ports.is_empty();
    for (id, endpoint, application) in [
        (1, "metrics-endpoint", "prometheus"),
        (2, "catalogue", "catalogue"),
        (3, "ingress", "istio-pilot"),
        (4, "dashboard-links", "kubeflow-dashboard"),
    ] {
        assert!(!is_open(&unit), "{endpoint}");
        relate(&mut unit, id, endpoint, application);
        assert!(is_open(&unit), "{endpoint}");
        // One that does not need it changes nothing.
        relate(&mut unit, 9, "grafana-dashboard", "grafana");
        part(&mut unit, 9);
        assert!(is_open(&unit), "{endpoint}");
        part(&mut unit, id);
        assert!(!is_open(&unit), "{endpoint}");
    }
}

#[test]
fn units_are_scraped_each_at_its_own_pod() {
    let addresses = [0, 1].map(|number: u32| {
        let mut unit = unit(Juju::V4_0, number, 2, "/nowhere".as_ref());
        unit.change(|model| model.addresses.pod = format!("10.1.0.{}", 11 + number));
        relate(&mut unit, 1, "metrics-endpoint", "prometheus");
        let model = unit.model();
        model.relation(1).unwrap().unit_data["prometheus_scrape_unit_address"].clone()
    });
    assert_eq!(addresses, ["10.1.0.11", "10.1.0.12"]);
}

#[test]
fn dashboards_use_topology_variables_of_grafana_only() {
    let mut unit = unit(Juju::V4_0, 0, 1, "/nowhere".as_ref());
    relate(&mut unit, 1, "grafana-dashboard", "grafana");
    let model = unit.model();
    let text = &model.relation(1).unwrap().application_data["dashboards"];
    let printed: serde_json::Value = serde_json::from_str(text).unwrap();
    for (name, template) in printed["templates"].as_object().unwrap() {
        let topology = template["juju_topology"].as_object().unwrap();
        let known = ["model", "model_uuid", "application", "unit"];
        let odd = topology.keys().find(|key| !known.contains(&key.as_str()));
        assert_eq!(odd, None, "{name}");
        assert!(topology.contains_key("model_uuid"), "{name}");
    }
}

#[test]
fn status_of_a_failed_rotation_survives_unrelated_hooks() {
    let controller = |uuid: &str| {
        let mut state = State::new(Juju::V3_6, "admin-pw");
        state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
        state.add_user("bot", "first-pw-of-bot");
        state.add_model(uuid, "kubeflow");
        Controller::start(state).unwrap()
    };
    let mut unit =
        ckf_test_support::rotation::unit(Juju::V3_6, "targets: [juju-user/bot, dex]", controller);
    for _ in 0..4 {
        hook(&mut unit, "config-changed");
    }
    // There is no Dex.
    let failing = unit.model().status;
    assert!(failing.message.contains("rotation of dex"), "{failing:?}");
    let said = unit.model().status_history.len();
    let model = unit.model();
    let label = "credential/juju-user/bot";
    let secret = model.secrets.iter().find(|secret| secret.label == label).unwrap().clone();
    let removed = Event::secret("remove", &secret, label, Some(1));
    fire(&mut unit, &removed);
    relate(&mut unit, 7, "catalogue", "catalogue");
    unit.start_pebble("hardening", &[]);
    fire(&mut unit, &Event::pebble_ready("hardening"));
    let history = &unit.model().status_history[said..];
    let other = history.iter().find(|status| !status.message.contains("rotation of dex"));
    assert_eq!(other, None);
    // Times are reported to the second.
    let (_, time) = failing.message.split_once("tried again after ").unwrap();
    assert!(!time.split([';', ' ']).next().unwrap().contains('.'), "{time}");
}

#[test]
fn status_history_has_no_repeats() {
    let sandbox = ckf_test_support::cluster(&ckf_worlds::World::stock("1.10"));
    let controller = |uuid: &str| {
        let mut state = State::new(Juju::V4_0, "admin-pw");
        state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
        state.add_user("bot", "first-pw-of-bot");
        let model = state.add_model(uuid, "kubeflow");
        model.users.insert("hardening".into(), "write".into());
        Controller::start(state).unwrap()
    };
    let plan = "every: 30d\ntargets: [juju-user/bot]";
    let mut unit = ckf_test_support::rotation::unit(Juju::V4_0, plan, controller);
    unit.environment.insert("KUBECONFIG".into(), sandbox.kubeconfig("admin").into());
    for event in unit.deployment() {
        fire(&mut unit, &event);
    }
    unit.start_pebble("hardening", &[]);
    fire(&mut unit, &Event::pebble_ready("hardening"));
    for (id, endpoint, application) in [
        (2, "metrics-endpoint", "prometheus"),
        (3, "catalogue", "catalogue"),
        (4, "logging", "loki"),
        (5, "grafana-dashboard", "grafana"),
    ] {
        relate(&mut unit, id, endpoint, application);
    }
    for _ in 0..5 {
        hook(&mut unit, "update-status");
    }
    // What was rotated: the old revision goes, and nothing is said of it.
    let label = "credential/juju-user/bot";
    let model = unit.model();
    let secret = model.secrets.iter().find(|secret| secret.label == label).unwrap().clone();
    fire(&mut unit, &Event::secret("remove", &secret, label, Some(1)));
    part(&mut unit, 3);
    for name in ["stop", "upgrade-charm", "config-changed", "start", "update-status"] {
        hook(&mut unit, name);
    }
    for step in juju_sim::Removal::default().steps(&unit) {
        assert!(unit.take(&step).committed());
    }
    let mut said: Vec<String> = Vec::new();
    for status in unit.model().status_history {
        let text = format!("{}: {}", status.name, status.message);
        if said.last() != Some(&text) {
            said.push(text);
        }
    }
    println!("{} statuses: {said:#?}", said.len());
    // What is worst comes first, in what `juju status` shows.
    let shown = |text: &str| text.chars().take(120).collect::<String>();
    let distinct: std::collections::BTreeSet<String> =
        said.iter().map(|text| shown(text)).collect();
    assert_eq!(distinct.len(), said.len(), "{said:#?}");
    assert!(said.len() <= 5, "{said:#?}");
}

#[test]
fn loki_out_of_reach_costs_a_hook_two_seconds_at_most_and_once() {
    let mut unit = unit(Juju::V4_0, 0, 1, "/nowhere".as_ref());
    unit.start_pebble("hardening", &[]);
    fire(&mut unit, &Event::pebble_ready("hardening"));
    unit.pebble("hardening").delay_layers(Duration::from_secs(9));
    let mut loki = Relation::new(1, "logging", "loki", 1);
    let endpoint = r#"{"url": "http://192.0.2.1:3100/loki/api/v1/push"}"#;
    let databag = [("endpoint".to_owned(), endpoint.to_owned())].into();
    loki.remote_units.insert("loki/0".into(), databag);
    unit.change(|model| model.relations.push(loki.clone()));
    let mut layers = 0;
    for event in [
        Event::relation(&loki, "changed", Some("loki/0")),
        Event::relation(&loki, "changed", Some("loki/0")),
        Event::hook("update-status"),
        Event::hook("config-changed"),
    ] {
        let started = Instant::now();
        let outcome = fire(&mut unit, &event);
        // The rest is this machine's.
        assert!(started.elapsed() < Duration::from_secs(4), "{event:?}: {:?}", started.elapsed());
        layers += outcome.calls.iter().filter(|call| call.tool == "pebble POST /v1/layers").count();
        assert!(!unit.model().log.iter().any(|line| line.message.contains("could not be written")));
    }
    assert_eq!(layers, 1);
}
