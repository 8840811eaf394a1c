//! A login to the controller that stops working is known at the next hook, not at the next audit.

use std::time::{Duration, Instant};

use ckf_test_support::rotation::{LOGIN, give_login};
use ckf_worlds::World;
use juju_sim::controller::{Application, Controller, State, Wire};
use juju_sim::{Event, Juju, Simulation};

use super::{fire, hook};

fn controller(uuid: &str) -> Controller {
    let mut state = State::new(Juju::V4_0, "admin-pw");
    state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
    let model = state.add_model(uuid, "kubeflow");
    model.users.insert("hardening".into(), "write".into());
    model.applications.insert("dex-auth".into(), Application::default());
    Controller::start(state).unwrap()
}

fn message(unit: &Simulation) -> String {
    let status = unit.model().status;
    format!("{}: {}", status.name, status.message)
}

/// The secret of the option has changed.
fn secret_changed(unit: &mut Simulation) {
    let model = unit.model();
    let secret = model.secrets.iter().find(|secret| secret.id == LOGIN).unwrap();
    fire(unit, &Event::secret("changed", secret, "", None));
}

#[test]
fn login_that_stops_working_is_in_the_status_of_the_next_hook() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    let mut unit = ckf_test_support::rotation::unit(Juju::V4_0, "", controller);
    unit.environment.insert("KUBECONFIG".into(), sandbox.kubeconfig("admin").into());
    // No audit is due meanwhile.
    unit.set_option("audit-interval", "30d");
    hook(&mut unit, "config-changed");
    hook(&mut unit, "update-status");
    assert!(!message(&unit).contains("Juju:"), "{}", message(&unit));
    let audited = |unit: &Simulation| {
        let audits = |log: &juju_sim::LogLine| log.message.contains("audited: ");
        unit.model().log.iter().filter(|line| audits(line)).count()
    };
    let before = audited(&unit);

    // A superuser sets another password.
    unit.controller().change(|state| {
        state.users.get_mut("hardening").unwrap().password = Some("another".into());
    });
    hook(&mut unit, "update-status");
    let refused = "blocked: Juju: the controller refuses the login of hardening";
    assert!(message(&unit).starts_with(refused), "{}", message(&unit));
    assert_eq!(audited(&unit), before);

    // The operator puts it into the secret.
    give_login(&mut unit, "another");
    secret_changed(&mut unit);
    assert!(!message(&unit).contains("Juju:"), "{}", message(&unit));

    // A wrong one is known in the hook that it comes with.
    give_login(&mut unit, "mistyped");
    secret_changed(&mut unit);
    assert!(message(&unit).starts_with(refused), "{}", message(&unit));
    give_login(&mut unit, "another");
    secret_changed(&mut unit);

    // The grant is revoked, for which Juju fires no hook.
    unit.change(|model| {
        let secret = model.secrets.iter_mut().find(|secret| secret.id == LOGIN).unwrap();
        secret.grants.clear();
    });
    hook(&mut unit, "update-status");
    assert!(message(&unit).contains("juju grant-secret"), "{}", message(&unit));
    give_login(&mut unit, "another");
    hook(&mut unit, "update-status");
    assert!(!message(&unit).contains("Juju:"), "{}", message(&unit));

    // A controller that does not answer is not waited for.
    unit.controller().behave(Wire::Silent);
    let started = Instant::now();
    hook(&mut unit, "update-status");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(message(&unit).starts_with("blocked: Juju: "), "{}", message(&unit));
}
