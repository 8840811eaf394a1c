//! What remedies would change in a world, without an API server.

use std::collections::BTreeSet;

use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::remedies::{self, ClusterOperation, Consent, Managed, Operation, Plan, Remedy};
use ckf_hardening::report::Report;
use ckf_worlds::World;
use serde_json::Value;

/// The facts of a world.
pub fn facts(world: &World) -> Facts {
    let about = About {
        collected_at: "2026-11-28T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    Facts::from_objects(about, &world.objects)
}

/// What is planned for remedies, with these objects of ours in the world.
pub fn plan(
    world: &World,
    policy: &Policy,
    own: &[Value],
    named: &[Remedy],
    consent: &Consent,
) -> Plan {
    let mut world = world.clone();
    world.objects.extend_from_slice(own);
    let named = named.iter().copied().collect();
    let own = Managed::of(own.to_vec(), "kubeflow", None);
    remedies::plan(&facts(&world), policy, &own, &named, consent)
}

/// The word of the option `enforce`, with that of `allow-disruption`.
pub fn option(allowed: &[Remedy]) -> Consent {
    Consent::of_option(&allowed.iter().copied().collect())
}

/// The first line of each change, in order.
pub fn changes(plan: &Plan) -> Vec<String> {
    let lines = plan.changes.iter().map(|change| {
        let text = change.to_string();
        text.lines().next().unwrap_or_default().to_owned()
    });
    lines.collect()
}

/// What of a plan is held back, by its target.
pub fn held_back(plan: &Plan) -> BTreeSet<String> {
    let held = plan.held_back.iter();
    held.map(|held| held.change.target().to_string()).collect()
}

/// An object of ours as it is after a plan to make it was carried out.
pub fn made(plan: &Plan) -> Vec<Value> {
    let made = plan.changes.iter().filter_map(|change| match &change.operation {
        Operation::Cluster(ClusterOperation::Create(own)) => Some(own.object.clone()),
        _ => None,
    });
    made.map(|mut object| {
        object["metadata"]["uid"] = "u1".into();
        object["metadata"]["creationTimestamp"] = "2026-11-01T00:00:00Z".into();
        object["metadata"]["managedFields"] =
            serde_json::json!([{"manager": "ckf-hardening", "operation": "Apply"}]);
        object
    })
    .collect()
}

/// The findings of a control in a world, in words.
pub fn findings(world: &World, id: &str) -> Vec<String> {
    let report = Report::audit(&facts(world), &Policy::default(), None, Vec::new());
    let control = report.controls.iter().find(|control| control.id == id);
    let findings = &control.unwrap().findings;
    findings.iter().map(ToString::to_string).collect()
}
