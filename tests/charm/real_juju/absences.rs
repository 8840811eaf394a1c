//! Every read of every hook finds gone what it asks about, once: no hook fails for that.

use ckf_worlds::World;
use juju_sim::controller::{Controller, State};
use juju_sim::{Event, Juju, Model, Relation, Removal, Simulation, Step, sweep_absences};
use serde_json::Value;

use super::unit;

/// What must hold in any model: its state can be read, nothing is said in more than a line, and
/// a unit that goes is not blocked.
fn sound(model: &Model, blocked_before: bool) {
    if let Some(state) = model.state.get("unit") {
        assert!(serde_json::from_str::<Value>(state).is_ok(), "{state}");
        assert!(state.len() < 65_536);
    }
    let status = &model.status;
    assert!(!status.message.contains('\n') && status.message.chars().count() <= 300);
    if model.dying.contains(&model.unit) && !blocked_before {
        assert_ne!(status.name, "blocked", "{status:?}");
    }
}

fn relate(unit: &mut Simulation, endpoints: &[(u32, &str, &str)]) {
    for (id, endpoint, application) in endpoints {
        let relation = Relation::new(*id, endpoint, application, 1);
        unit.change(|model| model.relations.push(relation));
    }
}

fn changed(unit: &Simulation, id: u32) -> Step {
    let relation = unit.model().relation(id).unwrap().clone();
    Event::relation(&relation, "changed", None).into()
}

/// A life from `install` to `remove`.
fn life(unit: &Simulation, ids: &[u32]) -> Vec<Step> {
    let mut life: Vec<Step> = unit.deployment().into_iter().map(Step::from).collect();
    life.extend(ids.iter().map(|id| changed(unit, *id)));
    life.push(Event::hook("update-status").into());
    life.push(Event::action("audit", serde_json::json!({})).into());
    life.extend(Removal::default().steps(unit));
    life
}

#[test]
fn hook_of_a_related_unit_whose_reads_find_nothing_ends_well() {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = crate::nowhere(directory.path());
    for (juju, endpoints) in [
        (
            Juju::V3_6,
            &[
                (1, "metrics-endpoint", "prometheus"),
                (2, "logging", "loki"),
                (3, "gateway-info", "istio-ingress"),
            ][..],
        ),
        (
            Juju::V4_0,
            &[
                (1, "gateway-certificates", "istio-pilot"),
                (2, "certificates", "lego"),
                (3, "send-ca-cert", "prometheus"),
            ],
        ),
    ] {
        let mut unit = unit(juju, 0, 1, &kubeconfig);
        relate(&mut unit, endpoints);
        unit.start_pebble("hardening", &[]);
        let life = life(&unit, &[1, 2, 3]);
        let troubles = sweep_absences(&mut unit, &life, |unit, _| sound(&unit.model(), false));
        assert!(troubles > 100, "{troubles}");
    }
}

#[test]
fn hook_of_a_unit_that_rotates_whose_reads_find_nothing_ends_well_and_loses_no_password() {
    let controller = |uuid: &str| {
        let mut state = State::new(Juju::V4_0, "admin-pw");
        state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
        state.add_user("bot", "first-pw-of-bot");
        state.add_model(uuid, "kubeflow");
        Controller::start(state).unwrap()
    };
    let plan = "every: 30d\ntargets: [juju-user/bot]";
    let mut unit = ckf_test_support::rotation::unit(Juju::V4_0, plan, controller);
    let mut life: Vec<Step> = ["config-changed", "update-status", "update-status", "update-status"]
        .map(|hook| Event::hook(hook).into())
        .into();
    life.extend(Removal::default().steps(&unit));
    let troubles = sweep_absences(&mut unit, &life, |unit, _| sound(&unit.model(), true));
    assert!(troubles > 60, "{troubles}");
}

#[test]
fn hook_beside_a_cluster_whose_reads_find_nothing_ends_well() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    let mut unit = unit(Juju::V4_0, 0, 1, &sandbox.kubeconfig("admin"));
    relate(&mut unit, &[(1, "catalogue", "catalogue"), (2, "ingress", "istio-pilot")]);
    unit.set_option("block-on", "low");
    let mut life: Vec<Step> = vec![Event::hook("config-changed").into(), changed(&unit, 1)];
    life.push(Event::hook("update-status").into());
    life.extend(Removal::default().steps(&unit));
    let troubles = sweep_absences(&mut unit, &life, |unit, _| sound(&unit.model(), true));
    assert!(troubles > 40, "{troubles}");
}
