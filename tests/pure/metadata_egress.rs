//! The way from profiles to the cloud's metadata service: what the remedy closes, and what it leaves
//! to others.

use ckf_hardening::controls::Verdict;
use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::remedies::{self, ClusterOperation, Consent, Managed, Operation, Plan, Remedy};
use ckf_worlds::{World, object};
use serde_json::{Value, json};

use crate::{control, report_of};

fn plan(world: &World) -> Plan {
    plan_of(world, &Consent::of_person(&[].into()))
}

fn plan_of(world: &World, consent: &Consent) -> Plan {
    let about = About {
        collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let facts = Facts::from_objects(about, &world.objects);
    let none = Managed::of(Vec::new(), "kubeflow", None);
    let named = [Remedy::MetadataEgress].into();
    remedies::plan(&facts, &Policy::default(), &none, &named, consent)
}

fn made(plan: &Plan) -> Vec<Value> {
    let made = plan.changes.iter().map(|change| match &change.operation {
        Operation::Cluster(ClusterOperation::Create(own)) => own.object.clone(),
        other => panic!("{other:?}"),
    });
    made.collect()
}

fn verdict(world: &World) -> Verdict {
    control(&report_of(world, ""), "NET-11").verdict
}

#[test]
fn remedy_closes_the_metadata_service_and_nothing_else() {
    for name in ["1.10", "1.11"] {
        let mut world = World::stock(name);
        assert_eq!(verdict(&world), Verdict::Fail);
        let plan = plan(&world);
        let made = made(&plan);
        assert_eq!(made.len(), 1, "{plan}");
        let rules = &made[0]["spec"]["egress"];
        assert_eq!(rules[0]["to"][0], json!({"namespaceSelector": {}}), "all pods");
        assert_eq!(rules[0]["to"][1]["ipBlock"]["cidr"], "0.0.0.0/0");
        assert_eq!(rules[0].get("ports"), None, "all ports");
        let dns = json!([{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]);
        assert_eq!(rules[1]["ports"], dns, "resolvers of clouds");
        world.objects.extend(made);
        assert_eq!(verdict(&world), Verdict::Pass);
    }
}

#[test]
fn policy_of_others_is_not_widened() {
    let mut world = World::stock("1.10");
    let spec = json!({"podSelector": {"matchLabels": {"app": "x"}}, "policyTypes": ["Egress"]});
    let theirs = json!({ "spec": spec });
    world.objects.push(object("networking.k8s.io/v1", "NetworkPolicy", "admin", "mine", theirs));
    let plan = plan(&world);
    assert_eq!(plan.changes.len(), 0, "{plan}");
    assert!(plan.to_string().contains("NetworkPolicy admin/mine restricts egress"), "{plan}");
}

#[test]
fn cilium_needs_consent() {
    let mut world = World::stock("1.10");
    let agent = json!({"spec": {"containers": [
        {"name": "cilium-agent", "image": "quay.io/cilium/cilium:v1.18.0@sha256:00"}]}});
    world.objects.push(object("v1", "Pod", "kube-system", "cilium-abcde", agent));
    let plan = plan(&world);
    assert_eq!(plan.changes.len(), 0, "{plan}");
    assert!(!plan.held_back.is_empty(), "{plan}");
}

#[test]
fn option_without_consent_changes_nothing() {
    let world = World::stock("1.10");
    let plan = plan_of(&world, &Consent::of_option(&[].into()).unnamed());
    assert_eq!(plan.changes.len(), 0, "{plan}");
    assert_eq!(plan.held_back.len(), 1, "{plan}");
}

#[test]
fn rules_that_are_not_read_make_it_unknown() {
    let all = json!({"namespaces": {}});
    let of_cilium = json!({"endpointSelector": {}, "egressDeny": [{"toCIDR": ["169.254.0.0/16"]}]});
    let of_admin = json!({"priority": 1, "subject": all, "egress": [
        {"action": "Deny", "to": [{"networks": ["169.254.0.0/16"]}]}]});
    let admin = "policy.networking.k8s.io/v1alpha1";
    for (api, kind, namespace, spec) in [
        ("cilium.io/v2", "CiliumNetworkPolicy", "admin", &of_cilium),
        ("cilium.io/v2", "CiliumClusterwideNetworkPolicy", "", &of_cilium),
        (admin, "AdminNetworkPolicy", "", &of_admin),
    ] {
        let mut world = World::stock("1.10");
        let other = object(api, kind, namespace, "metadata", json!({ "spec": spec }));
        world.objects.push(other);
        assert_eq!(verdict(&world), Verdict::NotAssessed, "{kind}");
        let plan = plan(&world);
        assert_eq!(plan.changes.len(), 0, "{plan}");
        assert!(plan.to_string().contains("restricts egress already; see NET-11"), "{plan}");
    }
    // What is about ingress only changes nothing.
    let ingress = json!({"endpointSelector": {}, "ingress": [{"fromEntities": ["cluster"]}]});
    let mut world = World::stock("1.10");
    let spec = json!({ "spec": ingress });
    world.objects.push(object("cilium.io/v2", "CiliumNetworkPolicy", "admin", "in", spec));
    assert_eq!(verdict(&world), Verdict::Fail);
}
