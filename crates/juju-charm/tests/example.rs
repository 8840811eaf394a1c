//! The example is a charm that works: state in, event, state out.

use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use juju_sim::{Event, Outcome, Relation, Simulation, sweep};
use serde_json::json;

/// The example, which `cargo test` builds beside its tests.
fn greeter() -> PathBuf {
    let running = std::env::current_exe().unwrap();
    let target = running.ancestors().nth(2).unwrap();
    target.join("examples/greeter")
}

fn unit() -> Simulation {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/greeter");
    let mut juju = Simulation::new(&files, &greeter()).unwrap();
    let neighbour = Relation::new(3, "greeting", "neighbour", 1);
    juju.change(|model| model.relations.push(neighbour));
    juju
}

fn committed(outcome: &Outcome) {
    assert!(outcome.committed(), "{outcome:?}");
}

#[test]
fn neighbour_gets_the_greeting_and_a_readable_token() {
    let mut juju = unit();
    juju.set_option("greeting", "ahoy");
    for event in juju.deployment() {
        committed(&juju.run(&event));
    }
    let model = juju.model();
    assert_eq!(model.status.message, "greets on port 8080");
    let databag = &model.relations[0].application_data;
    let secret = &model.secrets[0];
    assert_eq!(databag["greeting"], "ahoy");
    assert_eq!(databag["token"], format!("secret:{}", secret.id));
    assert_eq!(secret.grants[0].to, "neighbour");
    assert_eq!(model.secrets.len(), 1);
}

#[test]
fn token_is_renewed_monthly_and_the_old_one_removed() {
    let mut juju = unit();
    for event in juju.deployment() {
        committed(&juju.run(&event));
    }
    let days = SignedDuration::from_hours(32 * 24);
    for event in juju.advance(days) {
        committed(&juju.run(&event));
    }
    assert_eq!(juju.model().secrets[0].latest(), 2);
    for event in juju.advance(SignedDuration::from_mins(1)) {
        committed(&juju.run(&event));
    }
    assert_eq!(juju.model().secrets[0].revisions.len(), 1);
}

#[test]
fn invalid_port_blocks_with_its_fix() {
    let mut juju = unit();
    juju.set_option("port", 70_000);
    committed(&juju.run(&Event::hook("config-changed")));
    let status = juju.model().status;
    assert_eq!(status.name, "blocked");
    assert!(status.message.contains("juju config"), "{}", status.message);
}

#[test]
fn follower_leaves_the_relation_unchanged() {
    let mut juju = unit();
    juju.lead(false);
    committed(&juju.run(&Event::hook("config-changed")));
    assert!(juju.model().secrets.is_empty());
    assert_eq!(juju.model().status.name, "active");
}

#[test]
fn action_greets() {
    let mut juju = unit();
    let outcome = juju.run(&Event::action("greet", json!({"whom": "world"})));
    assert_eq!(outcome.results()["says"], "hello world");
}

#[test]
fn interrupted_at_any_call_it_ends_where_it_would() {
    let events = unit().deployment();
    let runs = sweep(
        unit,
        &events,
        |_| (),
        |juju| {
            let model = juju.model();
            let mut databag = model.relations[0].application_data.clone();
            // The id is Juju's to give.
            databag.remove("token");
            (model.status.clone(), model.secrets.len(), databag)
        },
    );
    assert!(runs > 50, "{runs}");
}
