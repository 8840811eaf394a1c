//! Certificates for the gateway, as istio-pilot, an upstream authority and those who
//! trust see them.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ckf_hardening::facts::certificate::{Certificate, public_key_of_private};
use ckf_test_support::binary;
use ckf_worlds::istio_pilot::{IstioPilot, authority, sign};
use juju_sim::{Event, Relation, Simulation, sweep};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};

const HOST: &str = "kubeflow.example.com";
const GATEWAY: u32 = 4;
const UPSTREAM: u32 = 5;
const TRUST: u32 = 6;

/// A leader that cannot reach the cluster, and so knows no address of the gateway.
fn unit() -> Simulation {
    let files = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut unit = Simulation::new(files, binary()).unwrap();
    unit.environment.insert("KUBECONFIG".into(), "/nowhere".into());
    unit.set_option("external-hostname", HOST);
    unit
}

fn relate(unit: &mut Simulation, id: u32, endpoint: &str, application: &str) {
    unit.change(|model| model.relations.push(Relation::new(id, endpoint, application, 1)));
    changed(unit, id);
}

fn relate_pilot(unit: &mut Simulation, pilot: &IstioPilot) {
    let mut relation = Relation::new(GATEWAY, "gateway-certificates", "istio-pilot", 1);
    relation.remote_units.insert("istio-pilot/0".into(), pilot.databag());
    unit.change(|model| model.relations.push(relation));
    changed(unit, GATEWAY);
}

/// Another write of istio-pilot.
fn writes(unit: &mut Simulation, pilot: &IstioPilot) {
    let databag = pilot.databag();
    of(unit, GATEWAY, |relation| {
        relation.remote_units.insert("istio-pilot/0".into(), databag);
    });
    changed(unit, GATEWAY);
}

fn of(unit: &mut Simulation, id: u32, change: impl FnOnce(&mut Relation)) {
    unit.change(|model| {
        let found = model.relations.iter_mut().find(|relation| relation.id == id);
        change(found.unwrap());
    });
}

fn relation(unit: &Simulation, id: u32) -> Relation {
    unit.model().relation(id).unwrap().clone()
}

fn changed(unit: &mut Simulation, id: u32) {
    let event = Event::relation(&relation(unit, id), "changed", None);
    let outcome = unit.run(&event);
    assert!(outcome.committed(), "{outcome:?}");
}

fn hook(unit: &mut Simulation, name: &str) -> Vec<String> {
    let outcome = unit.run(&Event::hook(name));
    assert!(outcome.committed(), "{outcome:?}");
    outcome.calls.into_iter().map(|call| call.tool).collect()
}

fn message(unit: &Simulation) -> String {
    let status = unit.model().status.clone();
    format!("{}: {}", status.name, status.message)
}

fn answers(unit: &Simulation) -> Vec<Value> {
    let relation = relation(unit, GATEWAY);
    let text = relation.application_data.get("certificates");
    text.map_or_else(Vec::new, |text| serde_json::from_str(text).unwrap())
}

fn leaf(pem: &str) -> Certificate {
    Certificate::from_pem(pem.as_bytes()).unwrap().swap_remove(0)
}

/// The content of the authority's secret.
fn secret(unit: &Simulation) -> BTreeMap<String, String> {
    ckf_test_support::secret_content(unit, "gateway-ca")
}

#[test]
fn istio_pilot_gets_a_certificate_for_its_key_and_keeps_it() {
    let mut unit = unit();
    let mut pilot = IstioPilot::at(HOST);
    relate_pilot(&mut unit, &pilot);
    pilot.reads(&relation(&unit, GATEWAY));
    let served = leaf(pilot.served.as_deref().unwrap());
    assert_eq!(public_key_of_private(pilot.key().as_bytes()), Some(served.public_key));
    assert_eq!(served.names, [HOST]);
    assert_eq!((served.not_after - served.not_before + 300) / 86400, 90);
    assert!(pilot.renews);
    assert!(served.issuer.contains("ckf-hardening CA of"), "{}", served.issuer);

    let before = relation(&unit, GATEWAY);
    let called = hook(&mut unit, "update-status");
    assert!(!called.iter().any(|tool| tool == "relation-set" || tool.starts_with("secret-s")));
    assert_eq!(relation(&unit, GATEWAY), before);
    assert!(!format!("{before:?}").contains("PRIVATE KEY"));
}

#[test]
fn new_address_gets_a_new_certificate_and_the_old_one_is_removed() {
    let mut unit = unit();
    unit.set_option("policy", "certificates: {names: [10.64.140.43, 10.64.140.44]}");
    let mut pilot = IstioPilot::at("10.64.140.43");
    relate_pilot(&mut unit, &pilot);
    pilot.reads(&relation(&unit, GATEWAY));
    let first = pilot.served.clone().unwrap();
    pilot.moves_to("10.64.140.44");
    writes(&mut unit, &pilot);
    pilot.reads(&relation(&unit, GATEWAY));
    let served = pilot.served.clone().unwrap();
    assert_eq!(leaf(&served).names, ["10.64.140.44"]);
    assert_ne!(served, first);
    assert_eq!(answers(&unit).len(), 1);
}

#[test]
fn certificate_is_renewed_at_two_thirds_of_its_life() {
    let mut unit = unit();
    let pilot = IstioPilot::at(HOST);
    relate_pilot(&mut unit, &pilot);
    let held = secret(&unit);
    let own = (held["current-key"].as_str(), held["current-certificate"].as_str());
    for (days, is_renewed) in [((-58, 32), false), ((-61, 29), true), ((-91, -1), true)] {
        let aged = sign(pilot.request(), own, days);
        let entry = json!([{
            "certificate_signing_request": pilot.request(),
            "certificate": aged,
            "ca": own.1,
            "chain": [aged, own.1],
        }]);
        of(&mut unit, GATEWAY, |relation| {
            relation.application_data.insert("certificates".into(), entry.to_string());
        });
        hook(&mut unit, "update-status");
        let answers = answers(&unit);
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0]["certificate_signing_request"], pilot.request());
        assert_eq!(answers[0]["certificate"] != aged.as_str(), is_renewed, "{days:?}");
    }
}

#[test]
fn request_outside_the_policy_is_refused_in_the_status() {
    let mut unit = unit();
    let mut pilot = IstioPilot::at("evil.example.com");
    relate_pilot(&mut unit, &pilot);
    let shown = message(&unit);
    assert!(
        shown.starts_with("blocked: the certificate request of istio-pilot/0 is refused: it is for evil.example.com"),
        "{shown}"
    );
    assert_eq!(answers(&unit), [] as [Value; 0]);
    // Once it is right, it is answered.
    pilot.moves_to(HOST);
    writes(&mut unit, &pilot);
    assert_eq!(answers(&unit).len(), 1);
    assert!(!message(&unit).contains("refused"), "{}", message(&unit));

    // Who asks to be an authority is refused too, and what cannot be read.
    let wants = json!([{"certificate_signing_request": pilot.request(), "ca": true}]);
    for (text, part) in [
        (wants.to_string(), "requests a CA certificate"),
        (
            "[{\"certificate_signing_request\": \"x\", \"ca\": false}]".into(),
            "invalid certificate signing request",
        ),
        ("-----BEGIN".into(), "databag of istio-pilot/0: certificate_signing_requests: "),
    ] {
        of(&mut unit, GATEWAY, |relation| {
            let databag = relation.remote_units.get_mut("istio-pilot/0").unwrap();
            databag.insert("certificate_signing_requests".into(), text);
        });
        changed(&mut unit, GATEWAY);
        assert!(message(&unit).contains(part), "{}", message(&unit));
    }
}

#[test]
fn address_outside_the_policy_waits_for_the_cluster() {
    let mut unit = unit();
    relate_pilot(&mut unit, &IstioPilot::at("10.64.140.43"));
    let shown = message(&unit);
    assert!(
        shown.contains("it is for 10.64.140.43, which is not an address of the gateway"),
        "{shown}"
    );
}

#[test]
fn trusting_application_gets_the_authority_in_its_interface_version() {
    let mut unit = unit();
    relate_pilot(&mut unit, &IstioPilot::at(HOST));
    relate(&mut unit, TRUST, "send-ca-cert", "prometheus");
    let shown = relation(&unit, TRUST);
    let ca = secret(&unit)["current-certificate"].clone();
    assert_eq!(shown.application_data["version"], "1");
    let sent: Vec<String> = serde_json::from_str(&shown.application_data["certificates"]).unwrap();
    assert_eq!(sent, [ca.trim()]);
    // One of version 0 says nothing of itself, and reads the unit's databag.
    assert_eq!(shown.unit_data["certificate"], ca.trim());
    assert_eq!(shown.unit_data["version"], "0");
    of(&mut unit, TRUST, |relation| {
        relation.remote_application_data.insert("version".into(), "1".into());
    });
    changed(&mut unit, TRUST);
    assert_eq!(relation(&unit, TRUST).unit_data, BTreeMap::new());
    // When no gateway has a certificate from this charm, nothing is left to trust.
    let event = Event::relation(&relation(&unit, GATEWAY), "broken", None);
    assert!(unit.run(&event).committed());
    assert!(!relation(&unit, TRUST).application_data.contains_key("certificates"));
}

#[test]
fn policy_with_another_key_type_replaces_the_authority_once_published() {
    let mut unit = unit();
    let pilot = IstioPilot::at(HOST);
    relate_pilot(&mut unit, &pilot);
    relate(&mut unit, TRUST, "send-ca-cert", "prometheus");
    let first = secret(&unit);
    unit.set_option("policy", "certificates: {key: rsa-3072}");
    hook(&mut unit, "config-changed");
    let both = secret(&unit);
    assert_eq!(both["current-key"], first["current-key"]);
    let next = leaf(&both["next-certificate"]);
    assert_eq!((next.key_type.as_str(), next.key_bits), ("RSA", 3072));
    let sent = &relation(&unit, TRUST).application_data["certificates"];
    let sent: Vec<String> = serde_json::from_str(sent).unwrap();
    assert_eq!(sent.len(), 2);
    // Without an overlap it signs at once, and the old one is still published.
    unit.set_option("policy", "certificates: {key: rsa-3072, overlap-days: 0}");
    hook(&mut unit, "config-changed");
    let after = secret(&unit);
    assert_eq!(after["current-certificate"], both["next-certificate"]);
    assert_eq!(answers(&unit)[0]["ca"], after["current-certificate"].as_str());
}

#[test]
fn damaged_authority_signs_nothing_and_is_reported() {
    let mut unit = unit();
    relate_pilot(&mut unit, &IstioPilot::at(HOST));
    let before = answers(&unit);
    unit.change(|model| {
        let held = model.secrets.iter_mut().find(|secret| secret.label == "gateway-ca");
        let held = held.unwrap();
        let latest = held.latest();
        let content = held.revisions.get_mut(&latest).unwrap();
        content.insert("current-key".into(), STANDARD.encode("no key"));
    });
    hook(&mut unit, "update-status");
    assert!(
        message(&unit).starts_with("blocked: the authority in the secret gateway-ca is damaged")
    );
    assert!(!message(&unit).contains("no key"));
    assert_eq!(answers(&unit), before);
}

/// What an upstream authority answers to our unit's request.
fn upstream_answers(unit: &mut Simulation, entries: &Value) {
    let text = entries.to_string();
    of(unit, UPSTREAM, |relation| {
        relation.remote_application_data.insert("certificates".into(), text);
    });
    changed(unit, UPSTREAM);
}

#[test]
fn upstream_authority_gets_the_request_unchanged_and_its_answer_is_passed_on() {
    let mut unit = unit();
    let mut pilot = IstioPilot::at(HOST);
    relate(&mut unit, UPSTREAM, "certificates", "vault");
    relate_pilot(&mut unit, &pilot);
    let shown = message(&unit);
    assert!(
        shown.contains("vault has not answered the certificate request of istio-pilot/0"),
        "{shown}"
    );
    let asked = &relation(&unit, UPSTREAM).unit_data["certificate_signing_requests"];
    let asked: Value = serde_json::from_str(asked).unwrap();
    assert_eq!(asked, json!([{"certificate_signing_request": pilot.request(), "ca": false}]));

    let (key, ca) = authority();
    let other = IstioPilot::at(HOST);
    let request = pilot.request().to_owned();
    let entry = |certificate: &str, more: Value| {
        let mut entry = json!({
            "certificate_signing_request": request,
            "certificate": certificate, "ca": ca, "chain": [certificate, ca],
        });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([entry])
    };
    let good = sign(pilot.request(), (&key, &ca), (-1, 30));
    for (wrong, part) in [
        (entry(&sign(other.request(), (&key, &ca), (-1, 30)), json!({})), "another key"),
        (entry(&sign(pilot.request(), (&key, &ca), (-9, -1)), json!({})), "expired on"),
        (entry(&sign(pilot.request(), (&key, &ca), (1, 9)), json!({})), "clients would reject"),
        (entry(&good, json!({"ca": authority().1, "chain": []})), "clients would reject"),
        (entry(&ca, json!({})), "another key"),
        (
            entry(&good, json!({"revoked": true})),
            "vault has revoked the certificate of istio-pilot/0",
        ),
        (json!("x"), "databag of vault: certificates: "),
    ] {
        upstream_answers(&mut unit, &wrong);
        assert!(message(&unit).contains(part), "{part}: {}", message(&unit));
        assert_eq!(answers(&unit), [] as [Value; 0], "{part}");
    }
    upstream_answers(&mut unit, &entry(&good, json!({"revoked": false})));
    pilot.reads(&relation(&unit, GATEWAY));
    assert_eq!(pilot.served.as_deref(), Some(good.as_str()));
    // An answer that is no longer good takes nothing away.
    upstream_answers(&mut unit, &entry(&good, json!({"revoked": true})));
    assert_eq!(answers(&unit)[0]["certificate"], good.as_str());
    assert!(message(&unit).contains("the certificate that it has ends on "), "{}", message(&unit));
    assert!(unit.model().secrets.is_empty(), "the charm made no authority");
}

#[test]
fn unit_that_loses_leadership_withdraws_its_request() {
    let mut unit = unit();
    relate(&mut unit, UPSTREAM, "certificates", "vault");
    relate_pilot(&mut unit, &IstioPilot::at(HOST));
    assert!(relation(&unit, UPSTREAM).unit_data.contains_key("certificate_signing_requests"));
    unit.change(|model| model.leader = false);
    hook(&mut unit, "update-status");
    assert_eq!(relation(&unit, UPSTREAM).unit_data, BTreeMap::new());
}

#[test]
fn upstream_authority_is_related_and_removed_without_a_gap() {
    let mut unit = unit();
    let mut pilot = IstioPilot::at(HOST);
    relate_pilot(&mut unit, &pilot);
    pilot.reads(&relation(&unit, GATEWAY));
    let own = pilot.served.clone().unwrap();
    relate(&mut unit, UPSTREAM, "certificates", "vault");
    pilot.reads(&relation(&unit, GATEWAY));
    assert_eq!(pilot.served.as_ref(), Some(&own), "until it has answered");
    let (key, ca) = authority();
    let good = sign(pilot.request(), (&key, &ca), (-1, 30));
    upstream_answers(
        &mut unit,
        &json!([{"certificate_signing_request": pilot.request(), "certificate": good, "ca": ca, "chain": [good, ca]}]),
    );
    pilot.reads(&relation(&unit, GATEWAY));
    assert_eq!(pilot.served.as_ref(), Some(&good));
    // The corporate authority goes: its certificate is kept, and the status says until when.
    let event = Event::relation(&relation(&unit, UPSTREAM), "broken", None);
    unit.change(|model| {
        model.relations.push(Relation::new(TRUST, "send-ca-cert", "prometheus", 1))
    });
    assert!(unit.run(&event).committed());
    unit.change(|model| model.relations.retain(|relation| relation.id != UPSTREAM));
    pilot.reads(&relation(&unit, GATEWAY));
    assert_eq!(pilot.served.as_ref(), Some(&good));
    let kept = "istio-pilot/0 keeps the certificate of a CA that is no longer related, until ";
    assert!(message(&unit).contains(kept), "{}", message(&unit));
    let trusted = relation(&unit, TRUST).application_data["certificates"].clone();
    let trusted: Vec<String> = serde_json::from_str(&trusted).unwrap();
    assert_eq!(trusted.len(), 2, "the next authority is published before it signs");
    // About to end, it is replaced.
    let entry = |days| {
        let ending = sign(pilot.request(), (&key, &ca), days);
        json!([{"certificate_signing_request": pilot.request(), "certificate": ending, "ca": ca, "chain": [ending, ca]}])
    };
    for (days, is_kept) in [((-28, 2), true), ((-30, 1), false)] {
        let text = entry(days).to_string();
        let before = text.clone();
        of(&mut unit, GATEWAY, |relation| {
            relation.application_data.insert("certificates".into(), text);
        });
        hook(&mut unit, "update-status");
        let now = relation(&unit, GATEWAY).application_data["certificates"].clone();
        assert_eq!(now == before, is_kept, "{days:?}");
    }
    pilot.reads(&relation(&unit, GATEWAY));
    let issuer = leaf(pilot.served.as_deref().unwrap()).issuer;
    assert!(issuer.contains("ckf-hardening CA"), "{issuer}");
    assert!(!message(&unit).contains(kept), "{}", message(&unit));
}

/// Root and intermediate: key and certificate of each, PEM.
fn hierarchy() -> [(String, String); 2] {
    let params = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
    };
    let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let root_params = params("corporate root");
    let root = root_params.self_signed(&root_key).unwrap();
    let issuer = Issuer::from_params(&root_params, &root_key);
    let intermediate = params("corporate issuing CA").signed_by(&key, &issuer).unwrap();
    let pem = |text: String| text.trim().to_owned();
    [(root_key.serialize_pem(), pem(root.pem())), (key.serialize_pem(), pem(intermediate.pem()))]
}

#[test]
fn chain_of_every_provider_is_served_with_its_intermediate_in_order() {
    let [(_, root), (key, intermediate)] = hierarchy();
    let mut pilot = IstioPilot::at(HOST);
    let leaf = sign(pilot.request(), (&key, &intermediate), (-1, 30));
    let comment = format!("Bag Attributes\n    friendlyName: Schlüssel\n{intermediate}\n");
    let both = format!("{leaf}\n{intermediate}");
    for (provider, certificate, ca, chain, anchor) in [
        ("vault-k8s", &leaf, &intermediate, vec![&leaf, &intermediate, &root], &root),
        ("lego", &leaf, &intermediate, vec![&leaf, &intermediate], &intermediate),
        ("self-signed-certificates", &leaf, &root, vec![&leaf, &intermediate, &root], &root),
        ("manual-tls-certificates", &leaf, &root, vec![&root, &comment, &leaf, &root], &root),
        ("of version 3", &both, &root, vec![&root, &intermediate], &root),
    ] {
        let mut unit = unit();
        relate(&mut unit, UPSTREAM, "certificates", "upstream");
        relate(&mut unit, TRUST, "send-ca-cert", "prometheus");
        relate_pilot(&mut unit, &pilot);
        let entry = json!([{"certificate_signing_request": pilot.request(), "certificate": certificate,
            "ca": ca, "chain": chain}]);
        upstream_answers(&mut unit, &entry);
        pilot.reads(&relation(&unit, GATEWAY));
        assert_eq!(pilot.served.as_deref(), Some(both.as_str()), "{provider}: {}", message(&unit));
        let trusted = &relation(&unit, TRUST).application_data["certificates"];
        let trusted: Vec<String> = serde_json::from_str(trusted).unwrap();
        assert_eq!(trusted, [anchor.as_str()], "{provider}");
        let called = hook(&mut unit, "update-status");
        assert!(!called.iter().any(|tool| tool == "relation-set"), "{provider}: {called:?}");
    }
    let mut unit = unit();
    relate(&mut unit, UPSTREAM, "certificates", "upstream");
    relate_pilot(&mut unit, &pilot);
    let entry = json!([{"certificate_signing_request": pilot.request(), "certificate": format!("{leaf}\n{key}"),
        "ca": root, "chain": [leaf, intermediate, root]}]);
    upstream_answers(&mut unit, &entry);
    assert!(message(&unit).contains("a private key is among its certificates"));
    assert_eq!(answers(&unit), [] as [Value; 0]);
}

#[test]
fn gateways_of_two_relations_are_answered_separately() {
    const OTHER: u32 = 14;
    let mut unit = unit();
    let (pilot, ambient) = (IstioPilot::at(HOST), IstioPilot::at(HOST));
    relate_pilot(&mut unit, &pilot);
    // The library of version 4 may ask once for all units, in the application's databag.
    let mut relation = Relation::new(OTHER, "gateway-certificates", "istio-ingress-k8s", 1);
    relation.remote_application_data = ambient.databag();
    unit.change(|model| model.relations.push(relation));
    changed(&mut unit, OTHER);
    let of = |unit: &Simulation, id| -> Vec<Value> {
        let databag = unit.model().relation(id).unwrap().application_data.clone();
        serde_json::from_str(&databag["certificates"]).unwrap()
    };
    for (id, asks) in [(GATEWAY, &pilot), (OTHER, &ambient)] {
        let entries = of(&unit, id);
        assert_eq!(entries.len(), 1, "{id}");
        assert_eq!(entries[0]["certificate_signing_request"], asks.request());
    }
    // One of them moves to a name that is refused: the other's certificate stays.
    let before = of(&unit, GATEWAY);
    let wants = json!([{"certificate_signing_request": ambient.request(), "ca": true}]);
    self::of(&mut unit, OTHER, |relation| {
        let databag = &mut relation.remote_application_data;
        databag.insert("certificate_signing_requests".into(), wants.to_string());
    });
    changed(&mut unit, OTHER);
    let databag = unit.model().relation(OTHER).unwrap().application_data.clone();
    assert!(!databag.contains_key("certificates"));
    assert!(databag["request_errors"].contains("requests a CA certificate"), "{databag:?}");
    assert_eq!((of(&unit, GATEWAY), errors(&unit)), (before, vec![]));
}

fn errors(unit: &Simulation) -> Vec<Value> {
    let relation = relation(unit, GATEWAY);
    let text = relation.application_data.get("request_errors");
    text.map_or_else(Vec::new, |text| serde_json::from_str(text).unwrap())
}

#[test]
fn refusal_of_either_side_is_in_the_databag_and_in_the_status() {
    let sandbox = ckf_test_support::cluster(&ckf_worlds::World::stock("1.10"));
    let mut unit = unit();
    unit.environment.insert("KUBECONFIG".into(), sandbox.kubeconfig("admin").into());
    let mut pilot = IstioPilot::at("evil.example.com");
    relate_pilot(&mut unit, &pilot);
    let refusals = errors(&unit);
    assert_eq!((refusals.len(), &refusals[0]["csr"]), (1, &json!(pilot.request())));
    assert_eq!(refusals[0]["error"]["code"], 102);
    assert_eq!(refusals[0]["error"]["name"], "DOMAIN_NOT_ALLOWED");
    assert_eq!(refusals[0]["error"]["provider"], "ckf-hardening");
    pilot.moves_to(HOST);
    writes(&mut unit, &pilot);
    assert_eq!((errors(&unit), answers(&unit).len()), (vec![], 1));

    // An upstream authority refuses, and says why.
    pilot.moves_to(HOST);
    writes(&mut unit, &pilot);
    unit.change(|model| {
        let bag =
            &mut model.relations.iter_mut().find(|one| one.id == GATEWAY).unwrap().application_data;
        bag.remove("certificates");
    });
    relate(&mut unit, UPSTREAM, "certificates", "lego");
    let error =
        json!({"code": 102, "name": "DOMAIN_NOT_ALLOWED", "message": "ACME does not sign this"});
    let refusals = json!([{"csr": pilot.request(), "error": error}]).to_string();
    of(&mut unit, UPSTREAM, |relation| {
        relation.remote_application_data.insert("request_errors".into(), refusals);
    });
    changed(&mut unit, UPSTREAM);
    let part = "lego refuses the certificate request of istio-pilot/0: DOMAIN_NOT_ALLOWED: ACME does not sign this";
    assert!(
        message(&unit).starts_with("blocked: ") && message(&unit).contains(part),
        "{}",
        message(&unit)
    );
    assert_eq!(errors(&unit)[0]["error"], error);
    // What it cannot do at all is said too.
    of(&mut unit, UPSTREAM, |relation| {
        relation.remote_application_data.remove("request_errors");
        let text = r#"{"supports_ip_sans": false, "provider_type": "acme"}"#;
        relation.remote_application_data.insert("capabilities".into(), text.into());
    });
    unit.set_option("policy", "certificates: {names: [10.64.140.43]}");
    pilot.moves_to("10.64.140.43");
    writes(&mut unit, &pilot);
    let part = "lego issues no certificates for addresses, and istio-pilot/0 requests one";
    assert!(message(&unit).contains(part), "{}", message(&unit));
    let passed_on: Value =
        serde_json::from_str(&relation(&unit, GATEWAY).application_data["capabilities"]).unwrap();
    let expected = json!({"supports_ip_sans": false, "supports_ca_certificates": false, "provider_type": "acme"});
    assert_eq!(passed_on, expected);
    of(&mut unit, UPSTREAM, |relation| {
        let text = r#"{"allowed_domains": ["corp.example.org"], "provider_type": "vault"}"#;
        relation.remote_application_data.insert("capabilities".into(), text.into());
    });
    pilot.moves_to(HOST);
    writes(&mut unit, &pilot);
    let part = format!("lego issues no certificates for {HOST}, and istio-pilot/0 requests one");
    assert!(message(&unit).contains(&part), "{}", message(&unit));
}

#[test]
fn interrupted_hooks_end_with_one_good_gateway_certificate() {
    let pilot = IstioPilot::at(HOST);
    let make = || {
        let mut unit = unit();
        let mut relation = Relation::new(GATEWAY, "gateway-certificates", "istio-pilot", 1);
        relation.remote_units.insert("istio-pilot/0".into(), pilot.databag());
        let trust = Relation::new(TRUST, "send-ca-cert", "prometheus", 1);
        unit.change(|model| model.relations.extend([relation, trust]));
        unit
    };
    let relation = relation(&make(), GATEWAY);
    let events = [
        Event::relation(&relation, "changed", Some("istio-pilot/0")),
        Event::hook("update-status"),
    ];
    let holds = |unit: &Simulation| {
        for entry in answers(unit) {
            let held = secret(unit);
            assert_eq!(entry["ca"], held["current-certificate"].as_str(), "the key is kept");
            assert!(entry.get("revoked").is_none());
        }
    };
    let state = |unit: &Simulation| {
        let answers = answers(unit);
        let served = leaf(answers[0]["certificate"].as_str().unwrap());
        let authorities = unit.model().secrets.len();
        let shown = unit.model().relation(TRUST).unwrap().application_data.len();
        (answers.len(), served.names, authorities, shown)
    };
    let runs = sweep(make, &events, holds, state);
    assert!(runs > 50, "{runs}");
}
