//! Rights as this program reads them beside the API server's own access reviews: roles and
//! bindings by chance, each right of the table of powers, and no difference.

use std::time::{Duration, Instant};

use ckf_hardening::facts::rbac::{
    Attributes, ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject,
};
use ckf_hardening::views::power::{Way, given, ways};
use ckf_test_support::chance::Chance;
use ckf_worlds::object;
use kube_sandbox::{Loader, Sandbox};
use serde_json::{Value, json};

const RBAC: &str = "rbac.authorization.k8s.io/v1";
const NAMESPACES: [&str; 2] = ["team-a", "team-b"];
const NAMES: [&str; 3] = ["", "one", "two"];
/// Questions to the API server at least.
const QUESTIONS: usize = 2000;

/// A few of a pool.
fn some(chance: &mut Chance, pool: &[&str]) -> Value {
    (0..=chance.number(3)).map(|_| Value::from(chance.pick(pool))).collect()
}

fn rule(chance: &mut Chance) -> Value {
    let all: Vec<&Way> = ways().collect();
    let way = chance.pick(&all);
    let group = chance.pick(&[way.group, way.group, way.group, "*", "apps", ""]);
    let subresource = way.resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
    let spelt = [way.resource, way.resource, subresource.as_deref().unwrap_or("*"), "pods/*"];
    let more = chance.pick(&all).resource;
    let resources = json!([chance.pick(&spelt), more]);
    let verbs = [
        "get",
        "list",
        "watch",
        "create",
        "update",
        "patch",
        "delete",
        "deletecollection",
        "impersonate",
        "escalate",
        "bind",
        "approve",
        "*",
    ];
    let mut rule =
        json!({"apiGroups": [group], "resources": resources, "verbs": some(chance, &verbs)});
    if chance.number(3) == 0 {
        rule["resourceNames"] = some(chance, &["one", "two"]);
    }
    rule
}

fn subject(chance: &mut Chance) -> Value {
    let namespace = chance.pick(&NAMESPACES);
    let of_rbac = |kind: &str, name: String| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name});
    match chance.number(7) {
        0 => of_rbac("User", "ada".into()),
        1 => of_rbac("User", format!("system:serviceaccount:{namespace}:default-editor")),
        2 => of_rbac("Group", "team".into()),
        3 => of_rbac("Group", format!("system:serviceaccounts:{namespace}")),
        4 => of_rbac("Group", "system:serviceaccounts".into()),
        5 => of_rbac("Group", "system:authenticated".into()),
        _ => json!({"kind": "ServiceAccount", "namespace": namespace, "name": "default-editor"}),
    }
}

/// Roles and bindings of cluster and namespaces.
fn world(chance: &mut Chance) -> Vec<Value> {
    let mut objects: Vec<Value> =
        NAMESPACES.map(|name| object("v1", "Namespace", "", name, json!({}))).into();
    for number in 0..50 {
        let rules: Value = (0..=chance.number(2)).map(|_| rule(chance)).collect();
        let (kind, namespace) = match chance.number(2) {
            0 => ("ClusterRole", ""),
            _ => ("Role", chance.pick(&NAMESPACES)),
        };
        objects.push(object(RBAC, kind, namespace, &format!("r{number}"), json!({"rules": rules})));
    }
    for number in 0..120 {
        let is_cluster = chance.number(4) == 0;
        let (kind, namespace) = match is_cluster {
            true => ("ClusterRoleBinding", ""),
            false => ("RoleBinding", chance.pick(&NAMESPACES)),
        };
        let role_kind =
            if is_cluster { "ClusterRole" } else { chance.pick(&["Role", "ClusterRole"]) };
        let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind,
            "name": format!("r{}", chance.number(50))});
        let subjects: Value = (0..=chance.number(2)).map(|_| subject(chance)).collect();
        let binding = json!({"roleRef": role, "subjects": subjects});
        objects.push(object(RBAC, kind, namespace, &format!("b{number}"), binding));
    }
    objects
}

fn of_kind<T: serde::de::DeserializeOwned>(objects: &[Value], kind: &str) -> Vec<T> {
    let all = objects.iter().filter(|o| o["kind"] == kind).cloned();
    all.map(|object| serde_json::from_value(object).unwrap()).collect()
}

/// Who asks: a user name with its groups.
fn askers() -> Vec<(String, Vec<String>)> {
    let all = "system:authenticated".to_owned();
    let account = |namespace: &str| {
        let name = format!("system:serviceaccount:{namespace}:default-editor");
        let groups = vec![
            "system:serviceaccounts".into(),
            format!("system:serviceaccounts:{namespace}"),
            all.clone(),
        ];
        (name, groups)
    };
    vec![
        ("ada".into(), vec![all.clone()]),
        ("eve".into(), vec!["team".into(), all.clone()]),
        account("team-a"),
        account("team-b"),
    ]
}

/// The rules that hold for a user in a namespace.
fn rules(
    objects: &[Value],
    (user, groups): &(String, Vec<String>),
    namespace: &str,
) -> Vec<(Vec<PolicyRule>, bool)> {
    let is_asker = |subject: &Subject, own: &str| match &*subject.kind {
        "User" => *subject.name == **user,
        "Group" => groups.iter().any(|group| *subject.name == **group),
        _ => {
            let of = if subject.namespace.is_empty() { own } else { &subject.namespace };
            *user == format!("system:serviceaccount:{of}:{}", subject.name)
        }
    };
    let cluster_roles: Vec<ClusterRole> = of_kind(objects, "ClusterRole");
    let roles: Vec<Role> = of_kind(objects, "Role");
    let of_cluster = |name: &str| {
        let role = cluster_roles.iter().find(|role| role.metadata.name == *name);
        role.map(|role| role.rules.clone()).unwrap_or_default()
    };
    let mut all = Vec::new();
    for binding in of_kind::<ClusterRoleBinding>(objects, "ClusterRoleBinding") {
        if binding.subjects.iter().any(|subject| is_asker(subject, "")) {
            all.push((of_cluster(&binding.role_ref.name), true));
        }
    }
    for binding in of_kind::<RoleBinding>(objects, "RoleBinding") {
        let own = &*binding.metadata.namespace;
        if own != namespace || !binding.subjects.iter().any(|subject| is_asker(subject, own)) {
            continue;
        }
        let rules = match &*binding.role_ref.kind {
            "ClusterRole" => of_cluster(&binding.role_ref.name),
            _ => {
                let mut here = roles.iter().filter(|role| role.metadata.namespace == *own);
                let role = here.find(|role| role.metadata.name == *binding.role_ref.name);
                role.map(|role| role.rules.clone()).unwrap_or_default()
            }
        };
        all.push((rules, false));
    }
    all
}

fn review(asker: &(String, Vec<String>), asked: &Attributes<'_>, namespace: &str) -> Value {
    let (resource, subresource) = asked.resource.split_once('/').unwrap_or((asked.resource, ""));
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
        "user": asker.0, "groups": asker.1, "resourceAttributes": {
            "verb": asked.verb, "group": asked.group, "resource": resource,
            "subresource": subresource, "name": asked.name, "namespace": namespace}}})
}

fn answers(loader: &Loader, reviews: Vec<Value>) -> Vec<bool> {
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let all: Vec<(String, Value)> =
        reviews.into_iter().map(|review| (path.to_owned(), review)).collect();
    let answers = loader.post_all(&all).unwrap();
    answers.into_iter().map(|answer| answer.unwrap()["status"]["allowed"] == true).collect()
}

/// The API server's authoriser learns of bindings by and by.
fn until_known(loader: &Loader) {
    let eve = ("marker".to_owned(), Vec::new());
    let asked = Attributes { verb: "get", group: "", resource: "markers", name: "" };
    let begun = Instant::now();
    while !answers(loader, vec![review(&eve, &asked, "team-a")])[0] {
        assert!(begun.elapsed() < Duration::from_secs(30), "the bindings are not known");
    }
}

#[test]
fn rights_are_as_the_api_server_decides() {
    let sandbox = Sandbox::start().expect("the API server starts");
    let loader = sandbox.loader().unwrap();
    let objects = world(&mut Chance(20_261_128));
    loader.load(&objects).unwrap();
    let rule = json!({"apiGroups": [""], "resources": ["markers"], "verbs": ["get"]});
    loader
        .load(&[
            object(RBAC, "ClusterRole", "", "marker", json!({"rules": [rule]})),
            object(RBAC, "ClusterRoleBinding", "", "marker", json!({
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "marker"},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "marker"}]})),
        ])
        .unwrap();
    until_known(&loader);

    let (mut reviews, mut expected, mut said) = (Vec::new(), Vec::new(), Vec::new());
    let mut powers = 0;
    for asker in askers() {
        for namespace in NAMESPACES {
            let held = rules(&objects, &asker, namespace);
            for way in ways().filter(|way| !way.is_of_cluster) {
                let first = reviews.len();
                for verb in way.verbs {
                    for name in NAMES {
                        let asked =
                            Attributes { verb, group: way.group, resource: way.resource, name };
                        let is_permitted = held
                            .iter()
                            .any(|(rules, _)| rules.iter().any(|rule| rule.permits(&asked)));
                        reviews.push(review(&asker, &asked, namespace));
                        said.push(format!("{asker:?} {asked:?} in {namespace}"));
                        expected.push(is_permitted);
                    }
                }
                // A power is had where a request of its verbs is permitted; one that creates, or
                // deletes many, names nothing.
                let is_had = held.iter().any(|(rules, _)| given(rules, way).is_some());
                let nameless = |index: usize| {
                    let verb = way.verbs[index / NAMES.len()];
                    verb == "deletecollection" || (verb == "create" && !way.resource.contains('/'))
                };
                let mut permitted = expected[first..].iter().enumerate();
                let wanted = permitted
                    .any(|(index, is)| *is && (index % NAMES.len() == 0 || !nameless(index)));
                assert_eq!(is_had, wanted, "{way:?} {asker:?} {namespace}");
                powers += usize::from(is_had);
            }
        }
    }
    let seen = answers(&loader, reviews);
    let differences: Vec<&String> =
        (0..seen.len()).filter(|i| seen[*i] != expected[*i]).map(|i| &said[i]).collect();
    let allowed = seen.iter().filter(|is| **is).count();
    println!("{} access reviews, {allowed} allowed, {powers} powers", seen.len());
    assert!(seen.len() >= QUESTIONS && allowed > 100 && powers > 20);
    assert!(differences.is_empty(), "{} differ: {differences:#?}", differences.len());
}
