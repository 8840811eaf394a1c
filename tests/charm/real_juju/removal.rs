//! Removal with the real agent beside: nothing is left, and nothing comes back.

use std::time::Duration;

use ckf_worlds::World;
use juju_sim::{Event, Forgotten, Juju, Peers, Relation, Removal, Simulation};
use kube_sandbox::Sandbox;

use super::{committed, fire, hook, is_well, ours, unit, until, with_agent};

const KINDS: &str = "envoyfilters,gateways.networking.istio.io";
const FLOOR: &str = "envoyfilter.networking.istio.io/ckf-hardening-tls-floor";

fn hardened() -> Sandbox {
    let mut world = World::hardened("1.11");
    world.remove("Gateway", "ckf-hardening-https-redirect");
    ckf_test_support::cluster(&world)
}

/// A unit that enforces, and whose agent was seen to restore what a user deletes.
fn enforcing(juju: Juju, number: u32, of: u32, sandbox: &Sandbox) -> Simulation {
    let kubeconfig = sandbox.kubeconfig("admin");
    let mut unit = unit(juju, number, of, &kubeconfig);
    for (id, endpoint, application) in [
        (1, "catalogue", "catalogue"),
        (2, "metrics-endpoint", "prometheus"),
        (3, "gateway-info", "istio-pilot"),
    ] {
        unit.change(|model| model.relations.push(Relation::new(id, endpoint, application, 1)));
    }
    let address = with_agent(&mut unit, &kubeconfig);
    hook(&mut unit, "config-changed");
    fire(&mut unit, &Event::pebble_ready("hardening"));
    until("the agent", || is_well(&address));
    if unit.model().leader {
        assert_eq!(ours(sandbox, KINDS).len(), 2, "{:?}", unit.model().status);
        let name = FLOOR.rsplit('/').next().unwrap();
        let deleted = sandbox.kubectl(&["delete", "envoyfilter", "-n", "kubeflow", name]);
        assert!(deleted.unwrap().status.success());
        until("what the agent restores", || ours(sandbox, KINDS).len() == 2);
    }
    unit
}

/// Takes the steps, in which no status says blocked and no hook fails.
fn remove(unit: &mut Simulation, removal: &Removal) {
    for step in removal.steps(unit) {
        let said = unit.model().status_history.len();
        committed(&unit.take(&step));
        let history = unit.model().status_history;
        let blocked = history[said..].iter().find(|status| status.name == "blocked");
        assert_eq!(blocked, None, "{step:?}");
    }
}

fn nothing_comes_back(sandbox: &Sandbox, order: &str) {
    for _ in 0..6 {
        assert_eq!(ours(sandbox, KINDS), [""; 0], "{order}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn lone_unit_removed_in_each_recorded_order_leaves_nothing() {
    let sandbox = hardened();
    let order = |peers, departs, forgets| Removal { peers, departs, forgets, ..Removal::default() };
    for (juju, removal) in [
        (Juju::V4_0, order(Peers::Left, true, false)),
        (Juju::V4_0, order(Peers::Broken, true, true)),
        (Juju::V4_0, order(Peers::Stays, false, false)),
        (Juju::V3_6, order(Peers::Stays, true, true)),
        (Juju::V3_6, order(Peers::Left, false, true)),
    ] {
        let mut unit = enforcing(juju, 0, 1, &sandbox);
        remove(&mut unit, &removal);
        assert_eq!(unit.pebble("hardening").services()["agent"], "inactive");
        nothing_comes_back(&sandbox, &format!("{juju:?} {removal:?}"));
    }
}

#[test]
fn unit_blocked_by_findings_or_with_a_remote_removed_by_force_leaves_nothing() {
    let sandbox = hardened();
    let mut unit = enforcing(Juju::V4_0, 0, 1, &sandbox);
    unit.set_option("block-on", "low");
    hook(&mut unit, "config-changed");
    assert_eq!(unit.model().status.name, "blocked", "{:?}", unit.model().status);
    for event in unit.remove_by_force("istio-pilot") {
        fire(&mut unit, &event);
    }
    unit.set_option("audit-interval", "2h");
    for event in ["update-status", "config-changed"] {
        hook(&mut unit, event);
    }
    // Juju takes the peer relation of a blocked unit away before the first hook.
    remove(&mut unit, &Removal::default());
    nothing_comes_back(&sandbox, "blocked");
}

#[test]
fn unit_removed_by_force_removes_everything_in_its_one_hook() {
    let sandbox = hardened();
    let mut unit = enforcing(Juju::V4_0, 0, 1, &sandbox);
    unit.change(|model| model.forgotten = Forgotten::Application);
    let relation = unit.model().relation(1).unwrap().clone();
    fire(&mut unit, &Event::relation(&relation, "departed", Some("catalogue/0")));
    nothing_comes_back(&sandbox, "by force");
}

#[test]
fn remedies_taken_out_of_the_option_are_not_restored_by_the_agent() {
    let sandbox = hardened();
    let mut unit = enforcing(Juju::V4_0, 0, 1, &sandbox);
    unit.set_option("enforce", "none");
    hook(&mut unit, "config-changed");
    nothing_comes_back(&sandbox, "enforce=none");
    // It goes on, and restores what is enforced again.
    unit.set_option("enforce", "tls-floor,https-redirect");
    hook(&mut unit, "config-changed");
    assert_eq!(ours(&sandbox, KINDS).len(), 2);
}

#[test]
fn stop_without_remove_removes_everything_and_pod_restart_removes_nothing() {
    let sandbox = hardened();
    let mut unit = enforcing(Juju::V3_6, 0, 1, &sandbox);
    hook(&mut unit, "stop");
    assert_eq!(ours(&sandbox, KINDS).len(), 2);
    assert_eq!(unit.pebble("hardening").services()["agent"], "active");
    for event in ["upgrade-charm", "config-changed", "start"] {
        hook(&mut unit, event);
    }
    assert_eq!(ours(&sandbox, KINDS).len(), 2);

    let steps = Removal::default().steps(&unit);
    let (_, to_stop) = steps.split_last().unwrap();
    for step in to_stop {
        committed(&unit.take(step));
    }
    nothing_comes_back(&sandbox, "stop only");
}

#[test]
fn restarted_pod_of_a_removed_unit_runs_no_agent() {
    let sandbox = hardened();
    let mut unit = enforcing(Juju::V4_0, 0, 1, &sandbox);
    unit.change(|model| model.dying.extend(["ckf-hardening/0".to_owned()]));
    let kubeconfig = sandbox.kubeconfig("admin");
    with_agent(&mut unit, &kubeconfig);
    for event in
        [Event::hook("update-status"), Event::hook("start"), Event::pebble_ready("hardening")]
    {
        fire(&mut unit, &event);
    }
    let services = unit.pebble("hardening").services();
    assert_ne!(services.get("agent").copied(), Some("active"));
    remove(&mut unit, &Removal::default());
    nothing_comes_back(&sandbox, "after a restart");
}

#[test]
fn last_of_three_removed_units_removes_everything() {
    let sandbox = hardened();
    let mut units: Vec<Simulation> =
        (0..3).map(|number| enforcing(Juju::V4_0, number, 3, &sandbox)).collect();
    // Scaled down: the others need what there is.
    let mut third = units.pop().unwrap();
    let scaled = Removal { peers: Peers::Departed, ..Removal::default() };
    remove(&mut third, &scaled);
    assert_eq!(ours(&sandbox, KINDS).len(), 2);
    let mut others = units.iter().map(|unit| unit.pebble("hardening").services()["agent"]);
    assert!(others.all(|agent| agent == "active"));

    for (number, unit) in units.iter_mut().enumerate() {
        let other = format!("ckf-hardening/{}", 1 - number);
        unit.change(|model| {
            model.relations[0].remote_units.remove("ckf-hardening/2");
            model.dying.insert(other);
        });
    }
    let mut second = units.pop().unwrap();
    let mut first = units.pop().unwrap();
    // The one that does not lead goes first, and what the leader's agent holds stays until then.
    remove(&mut second, &scaled);
    first.change(|model| {
        model.dying.remove("ckf-hardening/1");
        model.relations[0].remote_units.clear();
    });
    remove(&mut first, &Removal { forgets: true, ..Removal::default() });
    nothing_comes_back(&sandbox, "three units");
}

#[test]
fn leader_removed_first_removes_everything_and_follower_restores_nothing() {
    let sandbox = hardened();
    let mut first = enforcing(Juju::V4_0, 0, 2, &sandbox);
    let mut second = enforcing(Juju::V4_0, 1, 2, &sandbox);
    let with = |name: &str| Removal {
        with: vec![name.to_owned()],
        peers: Peers::Departed,
        ..Removal::default()
    };
    remove(&mut first, &with("ckf-hardening/1"));
    nothing_comes_back(&sandbox, "the leader");
    // It leads now, and learns by that hook that it goes.
    second.change(|model| model.dying.extend(["ckf-hardening/1".to_owned()]));
    for event in second.lead(true) {
        fire(&mut second, &event);
    }
    nothing_comes_back(&sandbox, "the one that leads then");
    remove(&mut second, &with("ckf-hardening/1"));
    nothing_comes_back(&sandbox, "both");
}
