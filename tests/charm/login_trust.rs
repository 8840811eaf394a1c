//! oidc-gatekeeper asks Dex by the gateway's name: it gets the authority to trust for that.

use ckf_test_support::rotation::hook;
use ckf_worlds::istio_pilot::{IstioPilot, authority};
use ckf_worlds::{HOST, self_signed, tls};
use juju_sim::controller::{Application, Certificate, Controller, State};
use juju_sim::{Event, Juju, Relation, Simulation, sweep};

const GATEWAY: u32 = 4;

fn controller(juju: Juju, model: &str, bundle: Option<&str>) -> Controller {
    let mut state = State::new(juju, "admin-pw-of-the-controller");
    state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
    let hosted = state.add_model(model, "kubeflow");
    hosted.users.insert("hardening".into(), "write".into());
    let of = |charm: &str| Application { charm: charm.into(), ..Application::default() };
    hosted.applications.insert(
        "login".into(),
        of("ch:amd64/oidc-gatekeeper-500").with_option("ca-bundle", "string", bundle),
    );
    hosted.applications.insert(
        "istio-pilot".into(),
        of("ch:amd64/istio-pilot-1170").with_option("tls-secret-id", "secret", None),
    );
    Controller::start_with(state, Certificate::Good).unwrap()
}

/// A unit whose authority signs for istio-pilot.
fn unit(juju: Juju, bundle: Option<&str>) -> Simulation {
    let mut unit =
        ckf_test_support::rotation::unit(juju, "", |model| controller(juju, model, bundle));
    unit.set_option("external-hostname", HOST);
    let mut relation = Relation::new(GATEWAY, "gateway-certificates", "istio-pilot", 1);
    let databag = IstioPilot::at(HOST).databag();
    relation.remote_units.insert("istio-pilot/0".into(), databag);
    unit.change(|model| model.relations.push(relation));
    unit
}

/// What oidc-gatekeeper trusts.
fn bundle(unit: &Simulation) -> String {
    let uuid = unit.model().uuid.clone();
    unit.controller().state(|state| {
        let option = state.models[&uuid].applications["login"].option("ca-bundle");
        let text = option.and_then(|value| value.as_str());
        text.unwrap_or_default().to_owned()
    })
}

fn own_authority(unit: &Simulation) -> String {
    let secret = ckf_test_support::secret_content(unit, "gateway-ca");
    secret["current-certificate"].clone()
}

#[test]
fn oidc_gatekeeper_trusts_the_authority_while_it_signs() {
    let corporate = authority().1;
    for juju in [Juju::V3_6, Juju::V4_0] {
        let mut unit = unit(juju, Some(&corporate));
        hook(&mut unit, "config-changed");
        // What this hook made may yet be lost, and so it is not published.
        assert_eq!(bundle(&unit), corporate);
        hook(&mut unit, "update-status");
        let own = own_authority(&unit);
        assert_eq!(bundle(&unit), format!("{}\n{own}", corporate.trim()));

        // With nothing new the controller is not asked.
        let calls = hook(&mut unit, "update-status").calls;
        assert!(calls.iter().all(|call| !call.tool.contains('.')), "{calls:?}");

        let relation = unit.model().relation(GATEWAY).unwrap().clone();
        let broken = Event::relation(&relation, "broken", None);
        assert!(unit.run(&broken).committed());
        assert_eq!(bundle(&unit), corporate.trim());
    }
}

#[test]
fn missing_credentials_leave_ca_bundle_and_hooks_alone() {
    let mut unit = unit(Juju::V3_6, None);
    unit.change(|model| drop(model.options.remove("juju-credentials")));
    hook(&mut unit, "config-changed");
    assert!(!own_authority(&unit).is_empty());
    assert_eq!(bundle(&unit), "");
    let status = unit.model().status.clone();
    assert!(!status.message.contains("ca-bundle"), "{}", status.message);
}

#[test]
fn interrupted_hooks_add_the_authority_once() {
    let events = ["update-status", "update-status"].map(Event::hook);
    // An authority that is lost is never published.
    let holds = |unit: &Simulation| {
        let bundle = bundle(unit);
        assert!(bundle.is_empty() || bundle == own_authority(unit), "{bundle}");
    };
    let make = || {
        let mut unit = unit(Juju::V3_6, None);
        hook(&mut unit, "config-changed");
        unit
    };
    let runs = sweep(make, &events, holds, |unit| bundle(unit).is_empty());
    assert!(runs > 50, "{runs}");
}

#[test]
fn self_signed_certificate_of_the_operator_is_trusted() {
    let mut unit = unit(Juju::V3_6, None);
    unit.change(|model| model.relations.retain(|relation| relation.id != GATEWAY));
    let own = self_signed(HOST, 2035);
    ckf_test_support::give_certificate(&mut unit, &own.certificate, &own.key);
    hook(&mut unit, "config-changed");
    assert_eq!(bundle(&unit), own.certificate.trim());
    // One that an authority signed needs no more than that authority.
    let signed = tls(HOST, 2035);
    ckf_test_support::give_certificate(&mut unit, &signed.certificate, &signed.key);
    hook(&mut unit, "config-changed");
    assert_eq!(bundle(&unit), "");
}
