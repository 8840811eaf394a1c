//! A model or an event that Juju would never have is not run.

mod play;

use std::panic::{AssertUnwindSafe, catch_unwind};

use juju_sim::{Event, Juju, Owner, Relation, Secret, Simulation, Storage};
use serde_json::json;

use crate::play::simulation;

/// What is said of an event in a model.
fn refusal(change: impl FnOnce(&mut Simulation), event: &Event) -> String {
    let mut juju = simulation();
    change(&mut juju);
    let run = AssertUnwindSafe(|| juju.run_program(event, "/bin/true".as_ref(), &[]));
    match catch_unwind(run) {
        Ok(outcome) => panic!("{event:?} was run: {outcome:?}"),
        Err(panic) => panic.downcast_ref::<String>().unwrap().clone(),
    }
}

fn relate(juju: &mut Simulation, relation: Relation) {
    juju.change(|model| model.relations.push(relation));
}

#[test]
fn impossible_event_is_not_run() {
    let start = Event::hook("start");
    let db = || Relation::new(7, "db", "postgresql", 1);
    let secret = |id: &str, owner: Owner| Secret::new(id, owner, Default::default());
    const ID: &str = "d0000000000000000042";
    let own = || Owner::Unit("tester/0".into());
    let hook = |what: &str| Event::secret(what, &secret(ID, own()), "", None);
    type Case = (&'static str, Box<dyn FnOnce(&mut Simulation)>, Event);
    let cases: Vec<Case> = vec![
        (
            "has two relations 7",
            Box::new(move |juju| {
                relate(juju, db());
                relate(juju, db());
            }),
            start.clone(),
        ),
        (
            "no endpoint nowhere",
            Box::new(|juju| relate(juju, Relation::new(1, "nowhere", "a", 0))),
            start.clone(),
        ),
        (
            "mysql/0 is no unit of it",
            Box::new(move |juju| {
                let mut relation = db();
                relation.remote_units.insert("mysql/0".into(), Default::default());
                relate(juju, relation);
            }),
            start.clone(),
        ),
        (
            "is between peers",
            Box::new(|juju| relate(juju, Relation::new(1, "peer", "other", 0))),
            start.clone(),
        ),
        (
            "has this unit at its other side",
            Box::new(|juju| {
                let unit = juju.model().unit;
                let mut peers = Relation::new(1, "peer", unit.split('/').next().unwrap(), 0);
                peers.remote_units.insert(unit, Default::default());
                relate(juju, peers);
            }),
            start.clone(),
        ),
        (
            "unknown option \"none\"",
            Box::new(|juju| {
                juju.change(|model| drop(model.options.insert("none".into(), json!(1))))
            }),
            start.clone(),
        ),
        (
            "is no id of a secret",
            Box::new(move |juju| juju.change(|m| m.secrets.push(secret("short", Owner::Model)))),
            start.clone(),
        ),
        (
            "no storage attic",
            Box::new(|juju| {
                let storage = Storage {
                    id: "attic/0".into(),
                    kind: "filesystem".into(),
                    location: "/attic".into(),
                };
                juju.change(|model| model.storage.push(storage));
            }),
            start.clone(),
        ),
        (
            "no resource moon",
            Box::new(|juju| {
                juju.change(|model| drop(model.resources.insert("moon".into(), "/moon".into())));
            }),
            start.clone(),
        ),
        (
            "no leader-settings-changed",
            Box::new(|juju| juju.change(|model| model.juju = Juju::V4_0)),
            Event::hook("leader-settings-changed"),
        ),
        ("no container attic", Box::new(|_| ()), Event::pebble_ready("attic")),
        (
            "the plan of web has no check up",
            Box::new(|juju| drop(juju.start_pebble("web", &[]).plan())),
            Event::pebble_check("web", "up", "failed"),
        ),
        ("no relation db:7 of \"db\"", Box::new(|_| ()), Event::relation(&db(), "created", None)),
        (
            "is of a unit, and none is named",
            Box::new(move |juju| relate(juju, db())),
            Event::relation(&db(), "joined", None),
        ),
        (
            "is of no unit, and postgresql/0 is named",
            Box::new(move |juju| relate(juju, db())),
            Event::relation(&db(), "broken", Some("postgresql/0")),
        ),
        (
            "has no unit postgresql/9",
            Box::new(move |juju| relate(juju, db())),
            Event::relation(&db(), "changed", Some("postgresql/9")),
        ),
        ("no secret d0", Box::new(|_| ()), hook("changed")),
        (
            "is for who reads a secret",
            Box::new(move |juju| {
                let own = Owner::Unit(juju.model().unit);
                juju.change(|model| model.secrets.push(secret(ID, own)));
            }),
            hook("changed"),
        ),
        (
            "is for who owns a secret",
            Box::new(move |juju| juju.change(|m| m.secrets.push(secret(ID, Owner::Model)))),
            hook("rotate"),
        ),
    ];
    for (wanted, change, event) in cases {
        let said = refusal(change, &event);
        assert!(said.starts_with("this cannot be: ") && said.contains(wanted), "{wanted}: {said}");
    }
}
