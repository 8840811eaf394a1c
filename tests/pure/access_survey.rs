//! Questions of access without one of their ends: who reaches a profile, what a subject or a pod
//! reaches, which profiles reach each other; near misses and formats.

use std::time::Instant;

use ckf_hardening::access::{Answer, Can, Who, between, near_misses, reaches, render, who_reaches};
use ckf_hardening::controls::Context;
use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_worlds::{World, object};
use serde_json::{Value, json};

const ALICE: &str = "user-00000@example.com";
const BOB: &str = "user-00001@example.com";

fn facts(world: &World) -> Facts {
    let about = About {
        collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    Facts::from_objects(about, &world.objects)
}

fn with<T>(world: &World, ask: impl FnOnce(&Context<'_>) -> T) -> T {
    let (facts, policy) = (facts(world), Policy::default());
    ask(&Context::new(&facts, &policy, None))
}

fn binding(namespace: &str, name: &str, role: &str, subject: Value) -> Value {
    let kind = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
    let role =
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role});
    let body = json!({"roleRef": role, "subjects": [subject]});
    object("rbac.authorization.k8s.io/v1", kind, namespace, name, body)
}

/// Profiles that only their own users and pods reach.
fn closed(profiles: usize) -> World {
    let mut world = World::large("1.10", 5 * profiles, profiles);
    let others = (0..profiles).map(|number| format!("user-{number:05}"));
    for profile in others.chain(["admin".into()]) {
        let users = match profile.as_str() {
            "admin" => ["admin".to_owned()],
            other => [format!("{other}@example.com")],
        };
        let when = json!([{"key": "request.headers[kubeflow-userid]", "values": ["*"], "notValues": users}]);
        world.objects.push(object(
            "security.istio.io/v1",
            "AuthorizationPolicy",
            &profile,
            "ckf-hardening-users",
            json!({"spec": {"action": "DENY", "rules": [{"when": when}]}}),
        ));
        let platform = json!({"kubernetes.io/metadata.name": "kubeflow"});
        world.objects.push(object(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            &profile,
            "ckf-hardening-profile",
            json!({"spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [
                {"podSelector": {}}, {"namespaceSelector": {"matchLabels": platform}}]}]}}),
        ));
    }
    world
}

fn find<'a>(answers: &'a [Answer], who: &str, what: &str) -> Option<&'a Answer> {
    answers.iter().find(|answer| answer.who.contains(who) && answer.what.contains(what))
}

#[test]
fn subjects_reaching_a_profile_are_listed_with_the_object_to_change() {
    let mut world = closed(3);
    let editor =
        json!({"kind": "ServiceAccount", "namespace": "user-00002", "name": "default-editor"});
    world.objects.extend([
        binding("user-00001", "guest", "kubeflow-edit", json!({"kind": "User", "name": "eve"})),
        object(
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            "",
            "everything",
            json!({"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}),
        ),
        binding("", "support", "everything", json!({"kind": "Group", "name": "support"})),
        binding("user-00001", "robot", "kubeflow-edit", editor),
    ]);
    let all = with(&world, |context| who_reaches(context, "user-00001").unwrap());
    let owner = find(&all, BOB, "read Secrets").unwrap();
    assert_eq!(owner.change, ["RoleBinding user-00001/namespaceAdmin"], "{owner:?}");
    let guest = find(&all, "user eve", "run code").unwrap();
    assert_eq!(guest.change, ["RoleBinding user-00001/guest"]);
    assert!(find(&all, "group support", "read Secrets").is_some(), "{all:?}");
    // Who runs pods in the other profile becomes its account.
    let other = find(&all, "user user-00002@example.com", "read Secrets").unwrap();
    assert!(
        other.chain[0].contains("becomes service account user-00002/default-editor"),
        "{other:?}"
    );
    assert!(other.change.contains(&"RoleBinding user-00001/robot".to_owned()));
    assert!(find(&all, ALICE, "").is_none(), "{all:?}");
    assert!(find(&all, "any user who logs in", "").is_none(), "{all:?}");
    assert!(find(&all, BOB, "through the gateway").is_some(), "{all:?}");

    let stock = World::large("1.10", 10, 2);
    let all = with(&stock, |context| who_reaches(context, "user-00001").unwrap());
    let stranger = find(&all, "any user who logs in", "through the gateway").unwrap();
    assert_eq!(stranger.change, ["AuthorizationPolicy user-00001/ns-owner-access-istio-charmed"]);
}

#[test]
fn user_access_is_listed_for_offboarding() {
    let mut world = closed(3);
    let alice = || json!({"kind": "User", "name": ALICE});
    world.objects.push(binding("user-00002", "contributor", "kubeflow-edit", alice()));
    world.objects.push(binding("kube-system", "odd", "kubeflow-view", alice()));
    let all = with(&world, |context| reaches(context, &ALICE.parse().unwrap()).unwrap());
    let places = |what: &str| -> Vec<&str> {
        let of = all.iter().filter(|answer| answer.what.contains(what) && answer.can == Can::Yes);
        of.map(|answer| answer.to.as_str()).collect()
    };
    assert_eq!(places("run code"), ["namespace user-00000", "namespace user-00002"]);
    assert_eq!(places("through the gateway"), ["profile user-00000"]);
    let guest = all.iter().find(|answer| answer.to == "namespace user-00002").unwrap();
    assert!(guest.change.contains(&"RoleBinding user-00002/contributor".to_owned()), "{guest:?}");
}

#[test]
fn blast_radius_of_a_pod_is_what_its_accounts_and_the_network_give() {
    let world = closed(3);
    let profile: Who = "profile/user-00000".parse().unwrap();
    let all = with(&world, |context| reaches(context, &profile).unwrap());
    assert!(find(&all, "pods of profile user-00000", "run code").is_some());
    let to = |place: &str| all.iter().find(|answer| answer.to == place);
    // The platform's web apps stand open, other profiles do not.
    let app = to("jupyter-ui port 5000").unwrap();
    assert!(app.can == Can::Yes && app.chain.iter().any(|step| step.contains("no NetworkPolicy")));
    assert!(to("namespace user-00001").is_none(), "{all:?}");
    let open = World::large("1.10", 10, 2);
    let all = with(&open, |context| reaches(context, &profile).unwrap());
    let other = all.iter().find(|answer| answer.to == "namespace user-00001").unwrap();
    assert_eq!(other.what, "reach pods from inside the cluster");
}

#[test]
fn profiles_that_reach_each_other_are_listed() {
    let mut world = closed(3);
    assert_eq!(with(&world, |context| between(context).unwrap()), []);
    let peer = json!({"kubernetes.io/metadata.name": "user-00000"});
    world.objects.push(object(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "user-00002",
        "friends",
        json!({"spec": {"podSelector": {}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"namespaceSelector": {"matchLabels": peer}}]}]}}),
    ));
    let admit = json!({"rules": [{"from": [{"source": {"namespaces": ["user-00000"]}}]}]});
    world.objects.push(object(
        "security.istio.io/v1",
        "AuthorizationPolicy",
        "user-00002",
        "friends",
        json!({ "spec": admit }),
    ));
    let all = with(&world, |context| between(context).unwrap());
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((&*all[0].who, &*all[0].to), ("pods of profile user-00000", "profile user-00002"));
    let stock = World::large("1.10", 10, 2);
    let all = with(&stock, |context| between(context).unwrap());
    assert!(all.iter().all(|answer| answer.who == "any pod of another profile"), "{all:?}");
}

#[test]
fn near_miss_is_reported_with_the_object_that_has_it() {
    let mut world = closed(2);
    world.objects.push(binding("", "b", "view", json!({"kind": "Group", "name": "team"})));
    let near = |who: &str| {
        let who: Who = who.parse().unwrap();
        with(&world, |context| near_misses(context, &who).unwrap())
    };
    let case = near("User-00001@Example.com");
    assert!(
        case.iter().any(|line| line.contains("Profile user-00001") && line.contains("case")),
        "{case:?}"
    );
    assert!(near("team")[0].contains("names Group \"team\", not User"));
    let profiles = near("profile/user-0001");
    assert!(profiles.contains(&"there is a profile user-00001".to_owned()), "{profiles:?}");
    assert!(near(BOB).is_empty() && near("mallory").is_empty());
}

#[test]
fn graph_and_sheet_have_each_way_that_exists() {
    let world = World::large("1.10", 10, 2);
    let all = with(&world, |context| who_reaches(context, "user-00001").unwrap());
    let ways = all.iter().filter(|answer| answer.can != Can::No).count();
    assert_eq!(render::dot(&all).matches(" -> ").count(), ways);
    assert_eq!(render::mermaid(&all).matches("--").count(), ways);
    assert_eq!(render::csv(&all).lines().count(), all.len() + 1);
}

#[test]
fn surveys_over_two_thousand_profiles_are_answered() {
    let world = closed(2000);
    let (facts, policy) = (facts(&world), Policy::default());
    let context = Context::new(&facts, &policy, None);
    let timed = |what: &str, ask: &dyn Fn() -> usize| {
        let begun = Instant::now();
        let rows = ask();
        println!("{what} over 2000 profiles: {rows} rows in {:?}", begun.elapsed());
    };
    let alice: Who = ALICE.parse().unwrap();
    let pod: Who = "profile/user-00000".parse().unwrap();
    timed("who reaches", &|| who_reaches(&context, "user-00001").unwrap().len());
    timed("all that a user reaches", &|| reaches(&context, &alice).unwrap().len());
    timed("blast radius", &|| reaches(&context, &pod).unwrap().len());
    timed("between", &|| between(&context).unwrap().len());
}
