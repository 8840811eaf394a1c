//! What the tests of rotations share: a unit that has a login, and what is in its secrets.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use juju_sim::controller::Controller;
use juju_sim::{Event, Grant, Juju, Model, Outcome, Owner, Relation, Secret, Simulation};
use serde_json::Value;

/// Id of the user's secret with the login.
pub const LOGIN: &str = "d3nkb2fmp25c76a0log1";

/// A unit that has a login, beside a controller of its own, which is made with the
/// model's id.
pub fn unit(juju: Juju, plan: &str, controller: impl FnOnce(&str) -> Controller) -> Simulation {
    let mut unit = Simulation::new(crate::root(), crate::binary()).unwrap();
    unit.environment.insert("KUBECONFIG".into(), "/nowhere".into());
    unit.change(|model| {
        model.juju = juju;
        model.relations.push(Relation::new(1, "peers", "ckf-hardening", 0));
    });
    unit.attach(controller(&unit.model().uuid));
    give_login(&mut unit, "first-pw-of-the-charm");
    unit.set_option("juju-credentials", format!("secret:{LOGIN}"));
    unit.set_option("rotate", plan);
    // Nothing outside of this machine is asked.
    unit.set_option("offline", true);
    unit
}

/// Lets a unit ask hosts, of which it reaches those of this machine: all others are behind a proxy
/// that is down.
pub fn connect(unit: &mut Simulation) {
    unit.environment.insert("JUJU_CHARM_HTTPS_PROXY".into(), "http://127.0.0.1:9".into());
    unit.set_option("charmhub-url", "http://127.0.0.1:9");
    unit.set_option("offline", false);
}

/// The user's secret with the login.
pub fn give_login(unit: &mut Simulation, password: &str) {
    let controller = unit.controller();
    let content = [
        ("username", "hardening"),
        ("password", password),
        ("ca-cert", controller.authority()),
        ("addresses", controller.address()),
    ];
    let content = content.map(|(key, value)| (key.to_owned(), STANDARD.encode(value))).into();
    let mut secret = Secret::new(LOGIN, Owner::Model, content);
    secret.grants.push(Grant { relation: None, to: "ckf-hardening".into() });
    unit.change(|model| {
        model.secrets.retain(|known| known.id != secret.id);
        model.secrets.push(secret);
    });
}

/// Runs a hook, which must commit.
pub fn hook(unit: &mut Simulation, name: &str) -> Outcome {
    let outcome = unit.run(&Event::hook(name));
    assert!(outcome.committed(), "{outcome:?}");
    outcome
}

/// The newest committed content of a credential's secret.
pub fn held(model: &Model, credential: &str) -> BTreeMap<String, String> {
    let label = format!("credential/{credential}");
    let secret = model.secrets.iter().find(|secret| secret.label == label);
    let Some(secret) = secret else {
        return BTreeMap::new();
    };
    let content = &secret.revisions[&secret.latest()];
    let decode = |(key, value): (&String, &String)| {
        let value = String::from_utf8(STANDARD.decode(value).unwrap()).unwrap();
        (key.clone(), value)
    };
    content.iter().map(decode).collect()
}

/// Time as the charm sees it: all that was rotated was so many days before.
pub fn age_ledger(unit: &mut Simulation, days: i64) {
    unit.change(|model| {
        let bag = &mut model.relations[0].application_data;
        let mut ledger: Value = serde_json::from_str(&bag["rotation"]).unwrap();
        for entry in ledger.as_object_mut().unwrap().values_mut() {
            if let Some(at) = entry["rotated"].as_str() {
                let at: Timestamp = at.parse().unwrap();
                let then = at - SignedDuration::from_hours(24 * days);
                entry["rotated"] = then.to_string().into();
            }
        }
        bag.insert("rotation".into(), ledger.to_string());
    });
}

/// The ledger's entry of a credential.
pub fn entry(unit: &Simulation, credential: &str) -> Value {
    let model = unit.model();
    let text = &model.relations[0].application_data["rotation"];
    serde_json::from_str::<Value>(text).unwrap()[credential].clone()
}
