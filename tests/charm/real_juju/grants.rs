//! The grants that the documents name are enough for each use, and none is more than that: users
//! who hold just those make every call, and users who lack one are refused with the grant's name.

use std::collections::BTreeSet;
use std::sync::Arc;

use ckf_hardening::permissions::controller::{Grant, Use, use_of};
use ckf_test_support::rotation::{held, hook, unit};
use jiff::{SignedDuration, Timestamp};
use juju_sim::controller::{Application, Controller, State};
use juju_sim::{Juju, Simulation};

/// A controller whose user `hardening` has these grants.
fn controller(juju: Juju, uuid: &str, grants: &[Grant]) -> Controller {
    let mut state = State::new(juju, "admin-pw");
    let access = if grants.contains(&Grant::Superuser) { "superuser" } else { "login" };
    state.add_user("hardening", "first-pw-of-the-charm").access = access.into();
    state.add_user("bot", "first-pw-of-bot");
    let idle = state.add_user("idle", "first-pw-of-idle");
    idle.created = Timestamp::now() - SignedDuration::from_hours(24 * 400);
    let mut dex = Application { charm: "ch:amd64/dex-auth-612".into(), ..Application::default() };
    dex = dex.with_option("static-username", "string", Some("user@example.com"));
    dex = dex.with_option("static-password", "string", Some("first-pw-of-dex"));
    let mut database =
        Application { charm: "ch:amd64/mysql-k8s-1".into(), ..Application::default() };
    database.units.insert("katib-db/0".into(), ("active".into(), "Primary".into()));
    database.actions.insert("set-password".into(), Arc::new(|_| Ok(serde_json::Map::new())));
    let pilot = Application { charm: "ch:amd64/istio-pilot-1170".into(), ..Application::default() };
    let model = state.add_model(uuid, "kubeflow");
    for (name, application) in [
        ("dex-auth", dex),
        ("katib-db", database),
        ("istio-pilot", pilot.with_option("tls-secret-id", "secret", None)),
    ] {
        model.applications.insert(name.into(), application);
    }
    for (grant, access) in [(Grant::ReadModel, "read"), (Grant::WriteModel, "write")] {
        if grants.contains(&grant) {
            model.users.insert("hardening".into(), access.into());
        }
    }
    Controller::start(state).unwrap()
}

/// Calls of the charm's user, without logins.
fn calls(unit: &Simulation) -> BTreeSet<String> {
    unit.controller().state(|state| {
        let own = state.requests.iter().filter(|call| call.user == "hardening");
        own.map(|call| call.name.clone()).collect()
    })
}

/// Runs a rotation with these grants to its end; whether it got there.
fn rotate(juju: Juju, plan: &str, credential: &str, grants: &[Grant]) -> (Simulation, bool) {
    let mut unit = unit(juju, plan, |uuid| controller(juju, uuid, grants));
    for _ in 0..5 {
        hook(&mut unit, "update-status");
    }
    let done = match credential {
        "idle" => unit.controller().state(|state| state.users["idle"].disabled),
        name => {
            let entry = ckf_test_support::rotation::entry(&unit, name);
            entry["stage"] == "settled" && entry["rotated"].is_string()
        }
    };
    (unit, done)
}

fn known(of: &Use) -> BTreeSet<String> {
    of.calls.iter().map(|call| (*call).to_owned()).collect()
}

#[test]
fn rotation_needs_the_documented_grants_and_calls() {
    for juju in [Juju::V3_6, Juju::V4_0] {
        for (name, plan, credential) in [
            ("`rotate: own-login`", "targets: [own-login]", "own-login"),
            ("`rotate: juju-user/NAME`", "targets: [juju-user/bot]", "juju-user/bot"),
            (
                "`deliver: registration`",
                "targets: [{credential: juju-user/bot, deliver: registration}]",
                "juju-user/bot",
            ),
            ("`disable-idle`", "targets: [juju-user/idle]\ndisable-idle: 180d", "idle"),
            ("`rotate: dex`, `rotate: minio`", "targets: [dex]", "dex"),
            (
                "`rotate: mysql/APPLICATION/USER`",
                "targets: [mysql/katib-db/root]",
                "mysql/katib-db/root",
            ),
        ] {
            let of = use_of(name).unwrap();
            let (unit, done) = rotate(juju, plan, credential, of.grants);
            let message = unit.model().status.message;
            assert!(done, "{juju:?} {name}: {message}");
            assert_eq!(calls(&unit), known(of), "{juju:?} {name}");
            // Less is refused, and named.
            if !of.grants.is_empty() {
                let (unit, done) = rotate(juju, plan, credential, &[]);
                assert!(!done, "{juju:?} {name} without a grant");
                let message = unit.model().status.message;
                assert!(message.contains("juju grant hardening "), "{juju:?} {name}: {message}");
                assert!(!held(&unit.model(), credential).contains_key("password"));
            }
        }
    }
}

#[test]
fn certificate_by_the_controller_needs_write_access_to_the_model_alone() {
    for juju in [Juju::V3_6, Juju::V4_0] {
        let of = use_of("`tls-secret`").unwrap();
        let run = |grants: &[Grant]| {
            let mut unit = unit(juju, "", |uuid| controller(juju, uuid, grants));
            unit.set_option("external-hostname", ckf_worlds::HOST);
            let good = ckf_worlds::tls(ckf_worlds::HOST, 2035);
            ckf_test_support::give_certificate(&mut unit, &good.certificate, &good.key);
            hook(&mut unit, "config-changed");
            let renewed = ckf_worlds::tls(ckf_worlds::HOST, 2036);
            ckf_test_support::give_certificate(&mut unit, &renewed.certificate, &renewed.key);
            hook(&mut unit, "update-status");
            unit
        };
        let unit = run(of.grants);
        assert_eq!(calls(&unit), known(of), "{juju:?}: {}", unit.model().status.message);
        for grants in [&[][..], &[Grant::ReadModel], &[Grant::Superuser]] {
            let message = run(grants).model().status.message;
            assert!(message.contains("write"), "{juju:?} {grants:?}: {message}");
        }
    }
}

#[test]
fn audit_reads_what_the_grants_allow_and_no_more() {
    use ckf_hardening::facts::juju::{self, Source};
    use ckf_hardening::facts::known::Known;
    use juju_client::{Endpoint, Login, Password, Trust};
    let names = [
        "any audit",
        "controls of the platform's applications",
        "controls CRED-01 to CRED-03, `users`",
    ];
    for juju in [Juju::V3_6, Juju::V4_0] {
        for (grants, uses) in [
            (&[][..], &names[..1]),
            (&[Grant::ReadModel], &names[..2]),
            (&[Grant::Superuser, Grant::ReadModel], &names[..]),
        ] {
            let controller = controller(juju, "7d3f0c7e-6f52-4d0a-8a35-0a1b2c3d4e5f", grants);
            let login = Login::new("hardening", Password::new("first-pw-of-the-charm")).unwrap();
            let endpoint = Endpoint {
                addresses: vec![controller.address().to_owned()],
                trust: Trust::Authority(controller.authority().to_owned()),
            };
            let declared = Default::default();
            let read = juju::read(&Source {
                endpoint: &endpoint,
                login: &login,
                declared: &declared,
                model: "kubeflow",
            });
            let Known::Known(read) = read else { panic!("{juju:?} {grants:?}") };
            let is_known = |known: bool, grant: Grant| {
                assert_eq!(known, grants.contains(&grant), "{juju:?} {grants:?}");
            };
            is_known(matches!(read.users, Known::Known(_)), Grant::Superuser);
            is_known(matches!(read.applications, Known::Known(_)), Grant::ReadModel);
            let named: BTreeSet<String> =
                uses.iter().flat_map(|name| known(use_of(name).unwrap())).collect();
            let called: BTreeSet<String> = controller.state(|state| {
                let calls = state.requests.iter().filter(|call| call.name != "Admin.Login");
                calls.map(|call| call.name.clone()).collect()
            });
            assert!(called.is_subset(&named), "{juju:?} {grants:?}: {called:?}");
        }
    }
}
