//! Controls of the network where Cilium's policies and those of administrators decide.

use ckf_hardening::controls::{Context, Verdict, assess_named};
use ckf_hardening::facts::known::{Known, Unknown};
use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_worlds::{World, object};
use serde_json::{Value, json};

use crate::{control, report_of};

const ADMIN: &str = "policy.networking.k8s.io/v1alpha1";
const CILIUM: &str = "cilium.io/v2";

fn policy(api: &str, kind: &str, namespace: &str, name: &str, spec: Value) -> Value {
    object(api, kind, namespace, name, json!({ "spec": spec }))
}

/// The verdict of NET-01 or NET-02 on the hardened platform with other policies than its own.
fn verdict(id: &str, without: &[&str], policies: &[Value]) -> (Verdict, String) {
    let mut world = World::hardened("1.11");
    for name in without {
        world.remove("NetworkPolicy", name);
    }
    world.objects.extend(policies.iter().cloned());
    let report = report_of(&world, "");
    let control = control(&report, id);
    let findings: Vec<String> = control.findings.iter().map(ToString::to_string).collect();
    (control.verdict, format!("{} {}", control.reason, findings.join("\n")))
}

#[test]
fn profiles_are_isolated_by_ciliums_and_administrators_policies() {
    let cilium = |rules: Value| {
        policy(
            CILIUM,
            "CiliumNetworkPolicy",
            "team-a",
            "isolate",
            json!({"endpointSelector": {}, "ingress": rules}),
        )
    };
    let platform = json!({"matchLabels": {"io.kubernetes.pod.namespace": "kubeflow"}});
    let own = cilium(json!([{"fromEndpoints": [{}, platform]}]));
    assert_eq!(verdict("NET-01", &["default-deny"], std::slice::from_ref(&own)).0, Verdict::Pass);
    let profiles =
        json!({"namespaces": {"matchLabels": {"app.kubernetes.io/part-of": "kubeflow-profile"}}});
    let admin = |action: &str| {
        policy(
            ADMIN,
            "AdminNetworkPolicy",
            "",
            "tenants",
            json!({"priority": 1, "subject": profiles,
            "ingress": [{"action": action, "from": [profiles]}]}),
        )
    };
    let (of_admin, why) = verdict("NET-01", &[], &[admin("Allow")]);
    assert_eq!(of_admin, Verdict::Fail);
    assert!(
        why.contains(
            "AdminNetworkPolicy tenants: spec is admits pods of every profile that is made"
        ),
        "{why}"
    );
    // It denies pods, and clients outside come in.
    let (of_admin, why) = verdict("NET-01", &["default-deny"], &[admin("Deny")]);
    assert_eq!(of_admin, Verdict::Fail);
    assert!(why.contains("none keeps out clients outside of the cluster"), "{why}");

    let open = cilium(
        json!([{"fromEntities": ["cluster"], "toPorts": [{"ports": [{"port": "8888", "protocol": "TCP"}]}]}]),
    );
    let (of_cilium, why) = verdict("NET-01", &[], &[open]);
    assert_eq!(of_cilium, Verdict::Fail);
    assert!(why.contains("CiliumNetworkPolicy team-a/isolate"), "{why}");
    let some = policy(
        CILIUM,
        "CiliumNetworkPolicy",
        "team-a",
        "some",
        json!({"endpointSelector": {"matchLabels": {"app": "x"}}, "ingress": [{"fromEndpoints": [{}]}]}),
    );
    assert_eq!(verdict("NET-01", &["default-deny"], &[some]).0, Verdict::Fail);
    let l7 = cilium(
        json!([{"fromEntities": ["cluster"], "toPorts": [{"ports": [{"port": "8888", "protocol": "TCP"}],
        "rules": {"http": [{"method": "GET"}]}}]}]),
    );
    let (of_l7, why) = verdict("NET-01", &["default-deny"], &[l7]);
    assert_eq!(of_l7, Verdict::NotAssessed);
    assert!(why.contains("CiliumNetworkPolicy team-a/isolate decides"), "{why}");
}

#[test]
fn web_apps_are_guarded_by_ciliums_policies() {
    let apps = |rules: Value| {
        policy(
            CILIUM,
            "CiliumNetworkPolicy",
            "kubeflow",
            "apps",
            json!({"endpointSelector": {}, "ingress": rules}),
        )
    };
    assert_eq!(
        verdict("NET-02", &["web-apps"], &[apps(json!([{"fromEndpoints": [{}]}]))]).0,
        Verdict::Pass
    );
    let (open, why) = verdict("NET-02", &[], &[apps(json!([{"fromEntities": ["cluster"]}]))]);
    assert_eq!(open, Verdict::Fail);
    assert!(
        why.contains("CiliumNetworkPolicy kubeflow/apps: spec is admits pods of every profile"),
        "{why}"
    );
    let (odd, why) = verdict(
        "NET-02",
        &["web-apps"],
        &[apps(json!([{"fromEndpoints": [{}]}, {"fromGroups": [{}]}]))],
    );
    assert_eq!(odd, Verdict::NotAssessed);
    assert!(why.contains("CiliumNetworkPolicy kubeflow/apps decides"), "{why}");
}

#[test]
fn definitions_decide_whether_an_unread_kind_matters() {
    let mut world = World::hardened("1.11");
    let assess = |world: &World| {
        let mut facts = Facts::from_objects(
            About { namespace: "kubeflow".into(), ..About::default() },
            &world.objects,
        );
        facts.cilium_policies = Known::Unknown(Unknown::Forbidden("no".into()));
        let policy = Policy::default();
        let context = Context::new(&facts, &policy, None);
        assess_named("NET-01", &context).verdict
    };
    assert_eq!(assess(&world), Verdict::Pass, "Cilium is not there");
    let name = "ciliumnetworkpolicies.cilium.io";
    world.objects.push(object(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "",
        name,
        json!({"spec": {"group": "cilium.io", "scope": "Namespaced",
            "names": {"plural": "ciliumnetworkpolicies", "kind": "CiliumNetworkPolicy"},
            "versions": [{"name": "v2", "served": true, "storage": true}]}}),
    ));
    assert_eq!(assess(&world), Verdict::NotAssessed, "its policies may be, and were not read");
}
