//! Who can do what to whom: each answer with its chain, in worlds where the subject can, cannot,
//! and where it is not known.

use std::time::Instant;

use ckf_hardening::access::{Answer, Can, To, Who, answers};
use ckf_hardening::controls::Context;
use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_worlds::{World, object};
use serde_json::{Value, json};

const RBAC: &str = "rbac.authorization.k8s.io/v1";
const ALICE: &str = "user-00000@example.com";
const BOBS: &str = "profile/user-00001";

/// Profiles of alice and bob, on a stock platform.
fn world(profiles: usize) -> World {
    World::large("1.10", 5 * profiles, profiles)
}

/// The same, with the policies that leave only a profile's users through the gateway, and only the
/// profile and the platform to its pods.
fn guarded(profiles: usize, users: &[&str]) -> World {
    let mut world = world(profiles);
    let others =
        json!([{"key": "request.headers[kubeflow-userid]", "values": ["*"], "notValues": users}]);
    let platform =
        json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kubeflow"}}});
    world.objects.extend([
        object(
            "security.istio.io/v1beta1",
            "AuthorizationPolicy",
            "user-00001",
            "ckf-hardening-users",
            json!({"spec": {"action": "DENY", "rules": [{"when": others}]}}),
        ),
        object(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "user-00001",
            "ckf-hardening-profile",
            json!({"spec": {"podSelector": {}, "policyTypes": ["Ingress"],
                "ingress": [{"from": [{"podSelector": {}}, platform]}]}}),
        ),
    ]);
    world
}

fn binding(namespace: &str, name: &str, role: &str, subject: Value) -> Value {
    let kind = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
    object(
        RBAC,
        kind,
        namespace,
        name,
        json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [subject]}),
    )
}

fn role(name: &str, resource: &str, verb: &str) -> Value {
    object(
        RBAC,
        "ClusterRole",
        "",
        name,
        json!({"rules": [{"apiGroups": [""], "resources": [resource], "verbs": [verb]}]}),
    )
}

fn facts(world: &World) -> Facts {
    let about = About {
        collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    Facts::from_objects(about, &world.objects)
}

fn ask(world: &World, who: &str, to: &str) -> Vec<Answer> {
    let (facts, policy) = (facts(world), Policy::default());
    let context = Context::new(&facts, &policy, None);
    let (who, to): (Who, To) = (who.parse().unwrap(), to.parse().unwrap());
    answers(&context, &who, &to).unwrap()
}

/// The answer to the question that begins so.
fn answer(answers: &[Answer], begins: &str) -> (Can, String) {
    let mut all = answers.iter();
    let found = all.find(|answer| answer.question.starts_with(begins));
    let found = found.unwrap_or_else(|| panic!("{begins}: {answers:?}"));
    (found.can, found.chain.join(" | "))
}

const SECRETS: &str = "read Secrets";
const RUN: &str = "run what they like";
const DOORS: &str = "decide who else";
const GATEWAY: &str = "reach profile user-00001 through the gateway";
const INSIDE: &str = "reach pods";

#[test]
fn profile_owner_has_access_and_stranger_has_none() {
    let world = guarded(2, &["user-00001@example.com"]);
    let own = ask(&world, ALICE, "profile/user-00000");
    let (can, why) = answer(&own, SECRETS);
    assert_eq!(can, Can::Yes);
    assert!(
        why.contains("RoleBinding user-00000/namespaceAdmin gives ClusterRole kubeflow-admin"),
        "{why}"
    );
    let strange = ask(&world, ALICE, BOBS);
    for question in [SECRETS, RUN, DOORS, GATEWAY] {
        assert_eq!(answer(&strange, question).0, Can::No, "{question}");
    }
    // Sidecars admit their own namespace only.
    assert_eq!(answer(&strange, INSIDE).0, Can::No, "{strange:?}");
}

#[test]
fn stock_profile_is_open_to_every_user_of_the_gateway() {
    let stock = ask(&world(2), ALICE, BOBS);
    let (can, why) = answer(&stock, GATEWAY);
    assert_eq!(can, Can::Yes);
    assert!(why.contains("AuthorizationPolicy user-00001/ns-owner-access-istio-charmed"), "{why}");
    // A pod of theirs sends the header as well.
    assert_eq!(answer(&stock, INSIDE).0, Can::Yes);
}

#[test]
fn proxy_of_the_api_server_is_a_way_past_every_policy() {
    const CONNECT: &str = "connect to pods of profile user-00001 through the API server";
    let mut world = guarded(2, &["user-00001@example.com"]);
    assert_eq!(answer(&ask(&world, ALICE, BOBS), CONNECT).0, Can::No);
    let rules = json!([{"apiGroups": [""], "resources": ["services/proxy"], "verbs": ["get"]}]);
    let rbac = "rbac.authorization.k8s.io/v1";
    let role = object(rbac, "Role", "user-00001", "look", json!({ "rules": rules }));
    let to = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "look"});
    let subject = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": ALICE});
    let binding = json!({"roleRef": to, "subjects": [subject]});
    world.objects.extend([role, object(rbac, "RoleBinding", "user-00001", "look", binding)]);
    let all = ask(&world, ALICE, BOBS);
    let (can, why) = answer(&all, CONNECT);
    assert_eq!(can, Can::Yes);
    assert!(
        why.contains("RoleBinding user-00001/look gives Role look: get services/proxy"),
        "{why}"
    );
    for question in [SECRETS, RUN, DOORS] {
        assert_eq!(answer(&all, question).0, Can::No, "{question}");
    }
}

#[test]
fn contributor_has_access_by_gateway_and_binding() {
    let mut world = guarded(2, &["user-00001@example.com", ALICE]);
    // The policy for every user aside.
    world.objects.retain(|o| o["metadata"]["name"] != "ns-owner-access-istio-charmed");
    world.objects.extend([
        binding("user-00001", "user-alice-clusterrole-edit", "kubeflow-edit", json!({"kind": "User", "name": ALICE})),
        object(
            "security.istio.io/v1",
            "AuthorizationPolicy",
            "user-00001",
            "user-alice-clusterrole-edit",
            json!({"spec": {"action": "ALLOW", "rules": [{
                "from": [{"source": {"principals": [
                    "cluster.local/ns/kubeflow/sa/istio-ingressgateway-workload-service-account"]}}],
                "when": [{"key": "request.headers[kubeflow-userid]", "values": [ALICE]}]}]}}),
        ),
    ]);
    let all = ask(&world, ALICE, BOBS);
    let (can, why) = answer(&all, SECRETS);
    assert_eq!(can, Can::Yes);
    assert!(why.contains("user-00001/user-alice-clusterrole-edit"), "{why}");
    let (can, why) = answer(&all, GATEWAY);
    assert_eq!(can, Can::Yes);
    assert!(why.contains("AuthorizationPolicy user-00001/user-alice-clusterrole-edit"), "{why}");
    // One of other principals admits no request that comes through the gateway.
    let policy = world.objects.last_mut().unwrap();
    policy["spec"]["rules"][0]["from"][0]["source"]["principals"] =
        json!(["cluster.local/ns/x/sa/y"]);
    assert_eq!(answer(&ask(&world, ALICE, BOBS), GATEWAY).0, Can::No);
}

#[test]
fn impersonation_counts_with_each_step() {
    // Alice runs pods in her profile, whose default-editor may impersonate bob's.
    let mut world = world(2);
    world.objects.extend([
        role("takes-accounts", "serviceaccounts", "impersonate"),
        binding(
            "user-00001",
            "surprise",
            "takes-accounts",
            json!({"kind": "ServiceAccount", "namespace": "user-00000", "name": "default-editor"}),
        ),
    ]);
    let (can, why) = answer(&ask(&world, ALICE, BOBS), SECRETS);
    assert_eq!(can, Can::Yes);
    for step in [
        "user user-00000@example.com becomes service account user-00000/default-editor",
        "service account user-00000/default-editor becomes service account user-00001/default-editor: \
         RoleBinding user-00001/surprise gives ClusterRole takes-accounts: impersonate serviceaccounts",
        "RoleBinding user-00001/default-editor gives ClusterRole kubeflow-edit: get secrets",
    ] {
        assert!(why.contains(step), "{step}: {why}");
    }
    // A viewer of her profile can do nothing with it.
    world.objects.push(binding(
        "user-00000",
        "reader",
        "kubeflow-view",
        json!({"kind": "User", "name": "eve"}),
    ));
    assert_eq!(answer(&ask(&world, "eve", BOBS), SECRETS).0, Can::No);

    // Who impersonates users is every user.
    world.objects.extend([
        role("takes-users", "users", "impersonate"),
        binding("", "support", "takes-users", json!({"kind": "Group", "name": "support"})),
    ]);
    let (can, why) = answer(&ask(&world, "group/support", BOBS), SECRETS);
    assert_eq!(can, Can::Yes);
    assert!(why.contains("becomes any user: ClusterRoleBinding support"), "{why}");
    assert_eq!(answer(&ask(&world, "mallory", BOBS), SECRETS).0, Can::No);
}

#[test]
fn forged_header_reaches_a_web_app_without_policy() {
    let mut world = world(2);
    let question = "call jupyter-ui as any user";
    let (can, why) = answer(&ask(&world, ALICE, "platform"), question);
    assert_eq!(can, Can::Yes);
    assert!(why.contains("no NetworkPolicy holds for Pod kubeflow/jupyter-ui-0"), "{why}");
    assert!(why.contains("becomes service account user-00000/"), "{why}");
    let policy = |from: Value| {
        object(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "kubeflow",
            "ckf-hardening-jupyter-ui",
            json!({"spec": {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "jupyter-ui"}},
                "policyTypes": ["Ingress"], "ingress": [{"from": from}]}}),
        )
    };
    world.objects.push(policy(json!([{"podSelector": {}}])));
    assert_eq!(answer(&ask(&world, ALICE, "platform"), question).0, Can::No);
    // Who runs pods in the platform's own namespace comes by it.
    assert_eq!(answer(&ask(&world, "account/kubeflow/kfp-ui", "platform"), question).0, Can::Yes);
    // One that admits by a label of namespaces admits those that have it.
    *world.objects.last_mut().unwrap() = policy(json!([
        {"namespaceSelector": {"matchLabels": {"app.kubernetes.io/part-of": "kubeflow-profile"}}}]));
    let (can, why) = answer(&ask(&world, "profile/user-00000", "platform"), question);
    assert_eq!(can, Can::Yes);
    assert!(
        why.contains("NetworkPolicy kubeflow/ckf-hardening-jupyter-ui admits it to port 5000"),
        "{why}"
    );
}

#[test]
fn ciliums_and_administrators_policies_decide_about_pods() {
    let question = "reach pods of profile user-00001 from inside";
    let asked = |policies: Vec<Value>| {
        let mut world = world(2);
        world.objects.extend(policies);
        answer(&ask(&world, "profile/user-00000", BOBS), question)
    };
    let spec = |rules: Value| json!({"spec": {"endpointSelector": {}, "ingress": rules}});
    let cilium = |rules: Value| {
        object("cilium.io/v2", "CiliumNetworkPolicy", "user-00001", "own", spec(rules))
    };
    let own = cilium(json!([{"fromEndpoints": [{}]}]));
    assert_eq!(asked(Vec::new()).0, Can::Yes);
    assert_eq!(asked(vec![own.clone()]).0, Can::No);
    let admin = |action: &str| {
        let all = json!({"namespaces": {}});
        object(
            "policy.networking.k8s.io/v1alpha1",
            "AdminNetworkPolicy",
            "",
            "tenants",
            json!({"spec": {"priority": 5, "subject": all, "ingress": [{"action": action, "from": [all]}]}}),
        )
    };
    assert_eq!(asked(vec![admin("Deny")]).0, Can::No);
    assert_eq!(asked(vec![admin("Pass"), own]).0, Can::No);
    let (can, why) = asked(vec![admin("Allow")]);
    assert_eq!(can, Can::Yes);
    assert!(why.contains("AdminNetworkPolicy tenants admits it"), "{why}");
    let (can, why) = asked(vec![cilium(json!([{"fromGroups": [{}]}]))]);
    assert_eq!(can, Can::Unknown);
    assert!(why.contains("CiliumNetworkPolicy user-00001/own decides"), "{why}");
}

#[test]
fn access_by_unread_kind_is_unknown() {
    let (world, policy) = (world(2), Policy::default());
    let mut facts = facts(&world);
    facts.network_policies = ckf_hardening::facts::known::Known::Unknown(
        ckf_hardening::facts::known::Unknown::Forbidden("networkpolicies".into()),
    );
    let context = Context::new(&facts, &policy, None);
    let (who, to) = (ALICE.parse().unwrap(), "platform".parse().unwrap());
    let all = answers(&context, &who, &to).unwrap();
    assert_eq!(answer(&all, "call jupyter-ui").0, Can::Unknown);
    assert_eq!(answer(&all, SECRETS).0, Can::No);
    let (who, to) = (ALICE.parse().unwrap(), "profile/nobody".parse().unwrap());
    assert!(answers(&context, &who, &to).is_err());
    for wrong in ["account/x", "robot/x", "user/", ""] {
        assert!(wrong.parse::<Who>().is_err(), "{wrong:?}");
    }
}

#[test]
fn access_among_two_thousand_profiles_is_answered() {
    let world = world(2000);
    let (facts, policy) = (facts(&world), Policy::default());
    let context = Context::new(&facts, &policy, None);
    let (who, to) = (ALICE.parse().unwrap(), BOBS.parse().unwrap());
    let begun = Instant::now();
    let all = answers(&context, &who, &to).unwrap();
    println!("{} answers over 2000 profiles took {:?}", all.len(), begun.elapsed());
    assert_eq!(answer(&all, SECRETS).0, Can::No);
}

const MESH_GATEWAY: &str =
    "cluster.local/ns/kubeflow/sa/istio-ingressgateway-workload-service-account";

fn policy(namespace: &str, spec: Value) -> Value {
    object(
        "security.istio.io/v1",
        "AuthorizationPolicy",
        namespace,
        "more",
        json!({ "spec": spec }),
    )
}

/// A rule for what comes through the gateway, with conditions on the user.
fn by_gateway(when: Value) -> Value {
    let from = json!([{"source": {"principals": [MESH_GATEWAY]}}]);
    json!({"rules": [{"from": from, "when": when}]})
}

#[test]
fn istio_policies_admit_by_what_they_do() {
    let user = "request.headers[kubeflow-userid]";
    let named = |values: Value| by_gateway(json!([{"key": user, "values": values}]));
    let bob = "user-00001";
    let denied = json!({"action": "DENY", "rules": [{"when": [{"key": user, "values": [ALICE]}]}]});
    let cases = [
        ("an empty rule", vec![policy(bob, json!({"rules": [{}]}))], Can::Yes),
        ("no user", vec![policy(bob, by_gateway(json!([])))], Can::Yes),
        ("a prefix", vec![policy(bob, named(json!(["user-*"])))], Can::Yes),
        ("a suffix", vec![policy(bob, named(json!(["*@example.com"])))], Can::Yes),
        ("presence", vec![policy(bob, named(json!(["*"])))], Can::Yes),
        ("another's prefix", vec![policy(bob, named(json!(["eve*"])))], Can::No),
        ("the mesh's root", vec![policy("kubeflow", named(json!([ALICE])))], Can::Yes),
        ("another namespace", vec![policy("user-00000", named(json!([ALICE])))], Can::No),
        ("dry run", vec![dry(policy(bob, named(json!([ALICE]))))], Can::No),
        ("audit", vec![policy(bob, json!({"action": "AUDIT", "rules": [{}]}))], Can::No),
        (
            "health only",
            vec![policy(bob, json!({"rules": [{"to": [{"operation": {"paths": ["/healthz"]}}]}]}))],
            Can::No,
        ),
        (
            "an external authoriser",
            vec![
                policy(bob, named(json!([ALICE]))),
                other(policy(
                    bob,
                    json!({"action": "CUSTOM", "provider": {"name": "x"}, "rules": [{}]}),
                )),
            ],
            Can::No,
        ),
        (
            "an address",
            vec![policy(
                bob,
                json!({"rules": [{"from": [{"source": {"ipBlocks": ["192.0.2.0/24"]}}]}]}),
            )],
            Can::Unknown,
        ),
        (
            "a key of tomorrow",
            vec![policy(bob, json!({"rules": [{"when": [{"key": "x.y", "values": ["z"]}]}]}))],
            Can::Unknown,
        ),
        ("denied", vec![policy(bob, named(json!([ALICE]))), other(policy(bob, denied))], Can::No),
    ];
    for (what, policies, can) in cases {
        let mut world = without_charmed(world(2));
        world.objects.extend(policies);
        let answers = ask(&world, ALICE, BOBS);
        assert_eq!(answer(&answers, GATEWAY).0, can, "{what}: {answers:?}");
    }
    // Without any policy that allows, Istio admits all clients.
    let mut world = world(2);
    world.objects.retain(|o| {
        o["kind"] != "AuthorizationPolicy" || o["metadata"]["namespace"] != "user-00001"
    });
    let answers = ask(&world, ALICE, BOBS);
    assert_eq!(answer(&answers, GATEWAY).0, Can::Yes);
    assert_eq!(answer(&answers, INSIDE).0, Can::Yes);
}

/// Without the policy of kfp-profile-controller, which admits any user by itself.
fn without_charmed(mut world: World) -> World {
    world.objects.retain(|o| o["metadata"]["name"] != "ns-owner-access-istio-charmed");
    world
}

fn dry(mut policy: Value) -> Value {
    policy["metadata"]["annotations"] = json!({"istio.io/dry-run": "true"});
    policy
}

fn other(mut policy: Value) -> Value {
    policy["metadata"]["name"] = "other".into();
    policy
}

#[test]
fn pods_of_others_get_in_by_any_spelling() {
    for (source, can) in [
        (json!({"principals": ["cluster.local/*"]}), Can::Yes),
        (json!({"principals": ["*/sa/default-editor"]}), Can::Yes),
        (json!({"namespaces": ["user-*"]}), Can::Yes),
        (json!({"notNamespaces": ["user-00002"]}), Can::Yes),
        (json!({"serviceAccounts": ["user-00000/default-editor"]}), Can::Yes),
        (json!({"trustDomains": ["cluster.local"]}), Can::Yes),
        (json!({"principals": ["cluster.local/ns/user-00002/*"]}), Can::No),
        (json!({"namespaces": ["*"], "notNamespaces": ["user-00000"]}), Can::No),
    ] {
        let mut world = without_charmed(world(2));
        let spec = json!({"rules": [{"from": [{"source": source}]}]});
        world.objects.push(policy("user-00001", spec.clone()));
        let answers = ask(&world, ALICE, BOBS);
        assert_eq!(answer(&answers, INSIDE).0, can, "{spec}: {answers:?}");
    }
}

#[test]
fn power_is_had_by_any_right_that_gives_it() {
    for (group, resource, verb, question) in [
        ("", "secrets", "watch", SECRETS),
        ("apps", "replicasets", "create", RUN),
        ("apps", "deployments", "patch", RUN),
        ("", "pods/ephemeralcontainers", "update", RUN),
        ("", "pods/attach", "create", RUN),
        ("argoproj.io", "workflows", "create", RUN),
        ("serving.kserve.io", "inferenceservices", "create", RUN),
        ("kubeflow.org", "pytorchjobs", "create", RUN),
        ("rbac.authorization.k8s.io", "roles", "escalate", DOORS),
        ("networking.k8s.io", "networkpolicies", "patch", DOORS),
        ("", "nodes/proxy", "get", RUN),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "update", RUN),
    ] {
        let mut world = world(2);
        let mut more = role("more", resource, verb);
        more["rules"][0]["apiGroups"] = json!([group]);
        world.objects.push(more);
        world.objects.push(binding("", "more", "more", json!({"kind": "User", "name": "eve"})));
        let answers = ask(&world, "eve", BOBS);
        assert_eq!(answer(&answers, question).0, Can::Yes, "{verb} {resource}: {answers:?}");
    }
}

#[test]
fn service_account_is_asked_for_as_the_api_server_calls_it() {
    let world = world(2);
    let account = ask(&world, "account/user-00001/default-editor", BOBS);
    let user = ask(&world, "system:serviceaccount:user-00001:default-editor", BOBS);
    assert_eq!(account, user);
    assert_eq!(answer(&account, RUN).0, Can::Yes);
    assert!("system:serviceaccount:user-00001".parse::<Who>().is_err());
}
