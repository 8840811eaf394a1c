//! Every read of every hook, by hook tool, controller or container, finds gone what it asks about,
//! loses its connection or is slow, once: no hook fails for that.

use ckf_worlds::World;
use juju_sim::controller::{Application, Controller, State};
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
fn hook_of_a_related_unit_with_failed_reads_succeeds() {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = crate::nowhere(directory.path());
    // The leader alone and of three, and one of two that does not lead.
    for (juju, number, of, endpoints) in [
        (
            Juju::V3_6,
            0,
            1,
            &[
                (1, "metrics-endpoint", "prometheus"),
                (2, "logging", "loki"),
                (3, "gateway-info", "istio-ingress"),
            ][..],
        ),
        (
            Juju::V4_0,
            0,
            3,
            &[
                (1, "gateway-certificates", "istio-pilot"),
                (2, "certificates", "lego"),
                (3, "send-ca-cert", "prometheus"),
            ],
        ),
        (Juju::V4_0, 1, 2, &[(1, "metrics-endpoint", "prometheus"), (2, "catalogue", "catalogue")]),
    ] {
        let mut unit = unit(juju, number, of, &kubeconfig);
        relate(&mut unit, endpoints);
        unit.start_pebble("hardening", &[]);
        let ids: Vec<u32> = endpoints.iter().map(|(id, ..)| *id).collect();
        let life = life(&unit, &ids);
        let troubles = sweep_absences(&mut unit, &life, |unit, _| sound(&unit.model(), false));
        println!("{juju:?}, unit {number} of {of}: {troubles} points of failure");
        assert!(troubles > 100, "{troubles}");
    }
}

#[test]
fn hook_of_a_rotating_unit_with_failed_reads_loses_no_password() {
    let mut unit = crate::rotation::unit(Juju::V4_0, crate::rotation::PLAN);
    let mut life: Vec<Step> = ["config-changed", "update-status", "update-status", "update-status"]
        .map(|hook| Event::hook(hook).into())
        .into();
    life.extend(Removal::default().steps(&unit));
    let troubles = sweep_absences(&mut unit, &life, |unit, _| {
        sound(&unit.model(), true);
        crate::rotation::nothing_is_lost(unit);
    });
    println!("rotation: {troubles} points of failure");
    assert!(troubles > 250, "{troubles}");
}

#[test]
fn hook_refused_by_the_controller_at_a_certificate_succeeds() {
    let mut unit = crate::tls_secret::unit(Juju::V4_0);
    let life: Vec<Step> =
        ["config-changed", "update-status"].map(|hook| Event::hook(hook).into()).into();
    let troubles = sweep_absences(&mut unit, &life, |unit, _| sound(&unit.model(), true));
    println!("tls-secret: {troubles} points of failure");
    assert!(troubles > 60, "{troubles}");
}

#[test]
fn hook_with_failed_cluster_reads_succeeds() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    let controller = |uuid: &str| {
        let mut state = State::new(Juju::V4_0, "admin-pw");
        state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
        let model = state.add_model(uuid, "kubeflow");
        model.users.insert("hardening".into(), "write".into());
        for name in ["dex-auth", "minio"] {
            model.applications.insert(name.into(), Application::default());
        }
        Controller::start(state).unwrap()
    };
    let mut unit = ckf_test_support::rotation::unit(Juju::V4_0, "", controller);
    unit.environment.insert("KUBECONFIG".into(), sandbox.kubeconfig("admin").into());
    relate(&mut unit, &[(2, "catalogue", "catalogue"), (3, "ingress", "istio-pilot")]);
    unit.set_option("block-on", "low");
    let mut life: Vec<Step> = vec![Event::hook("config-changed").into(), changed(&unit, 2)];
    life.push(Event::hook("update-status").into());
    life.extend(Removal::default().steps(&unit));
    let troubles = sweep_absences(&mut unit, &life, |unit, _| sound(&unit.model(), true));
    println!("beside a cluster and a controller: {troubles} points of failure");
    assert!(troubles > 100, "{troubles}");
}
