//! What is left of a person who leaves: all of it is found, what is others' is not, and what could
//! not be looked at is said.

use std::collections::BTreeMap;

use ckf_hardening::controls::Context;
use ckf_hardening::facts::juju::{Application, Grants, Juju, Model, Setting, User};
use ckf_hardening::facts::known::Known;
use ckf_hardening::facts::{About, Facts};
use ckf_hardening::offboarding::{By, Offboarding, Person, of};
use ckf_hardening::policy::Policy;
use ckf_worlds::{World, object};
use serde_json::json;

const RBAC: &str = "rbac.authorization.k8s.io/v1";
const PERSON: &str = "Gone@example.com";

fn person() -> Person {
    Person { user: PERSON.to_lowercase(), juju: vec!["gone".into()] }
}

fn subjects(names: &[&str]) -> serde_json::Value {
    names.iter().map(|name| json!({"kind": "User", "name": name})).collect()
}

/// A platform on which the person has one of each.
fn facts() -> Facts {
    let mut world = World::stock("1.10");
    let role = |name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name});
    let binding = |kind: &str, namespace: &str, name: &str, names: &[&str]| {
        let body = json!({"roleRef": role("kubeflow-edit"), "subjects": subjects(names)});
        object(RBAC, kind, namespace, name, body)
    };
    let when = |user: &str| json!([{"key": "request.headers[kubeflow-userid]", "values": [user]}]);
    let policy = |name: &str, action: &str, user: &str| {
        let body = json!({"metadata": {"annotations": {"user": user, "role": "edit"}},
            "spec": {"action": action, "rules": [{"when": when(user)}]}});
        object("security.istio.io/v1beta1", "AuthorizationPolicy", "admin", name, body)
    };
    world.objects.extend([
        binding("RoleBinding", "admin", "user-gone", &[PERSON]),
        binding("RoleBinding", "admin", "team", &[PERSON, "other@example.com"]),
        binding("RoleBinding", "admin", "others", &["other@example.com"]),
        binding("ClusterRoleBinding", "", "helpers", &[PERSON]),
        policy("user-gone", "ALLOW", PERSON),
        policy("guard", "DENY", PERSON),
        policy("user-other", "ALLOW", "other@example.com"),
        object(
            "v1",
            "Secret",
            "admin",
            "copied",
            json!({"type": "kubernetes.io/service-account-token"}),
        ),
        object(
            "kubeflow.org/v1",
            "Profile",
            "",
            "of-gone",
            json!({"spec": {"owner": {"kind": "User", "name": PERSON}}}),
        ),
    ]);
    let about = About {
        collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let mut facts = Facts::from_objects(about, &world.objects);
    let user = |name: &str, access: &str| User {
        name: name.into(),
        access: access.into(),
        ..User::default()
    };
    let of = |name: &str, access: &str| BTreeMap::from([(name.to_owned(), access.to_owned())]);
    let set = |value: Option<&str>| Setting {
        set: true,
        value: value.map(str::to_owned),
        ..Setting::default()
    };
    let dex = Application {
        name: "dex-auth".into(),
        charm: "dex-auth".into(),
        options: BTreeMap::from([
            ("static-username".into(), set(Some(PERSON))),
            ("connectors".into(), set(None)),
        ]),
        ..Application::default()
    };
    let model = Model {
        name: "kubeflow".into(),
        owner: "admin".into(),
        credential: Some("k8s/gone/default".into()),
        users: of("gone", "write"),
        ..Model::default()
    };
    facts.juju = Known::Known(Juju {
        login: "admin".into(),
        users: Known::Known(vec![user("admin", "superuser"), user("gone", "login")]),
        models: Known::Known(vec![model]),
        clouds: Known::Known(vec![Grants {
            name: "k8s".into(),
            users: of("gone", "add-model"),
            connections: None,
        }]),
        offers: Known::Known(vec![Grants {
            name: "admin/kubeflow.a".into(),
            users: of("gone", "consume"),
            connections: Some(0),
        }]),
        applications: Known::Known(vec![dex]),
        ..Juju::default()
    });
    facts
}

fn left(facts: &Facts) -> Offboarding {
    of(&Context::new(facts, &Policy::default(), None), &person())
}

#[test]
fn offboarding_finds_everything_of_the_person_only() {
    let left = left(&facts());
    assert!(left.unknown.is_empty(), "{:?}", left.unknown);
    let found: Vec<String> = left
        .remnants
        .iter()
        .map(|one| format!("{} {} {}", one.place, one.object.kind, one.object.name))
        .collect();
    for expected in [
        "juju User gone",
        "juju Model kubeflow",
        "juju Cloud k8s",
        "juju Offer admin/kubeflow.a",
        "logins Application dex-auth",
        "profiles Profile of-gone",
        "bindings RoleBinding user-gone",
        "bindings RoleBinding team",
        "bindings ClusterRoleBinding helpers",
        "policies AuthorizationPolicy user-gone",
        "tokens Secret copied",
    ] {
        assert!(found.iter().any(|one| one == expected), "{expected} is not in {found:#?}");
    }
    assert!(!found.iter().any(|one| one.contains("other") || one.contains("guard")), "{found:#?}");
    let how = |name: &str| left.remnants.iter().find(|one| one.object.name == name).unwrap();
    assert_eq!(how("user-gone").how, "kubectl -n admin delete rolebinding user-gone");
    assert!(how("team").how.starts_with("take the subject out"), "{}", how("team").how);
    assert_eq!(
        (how("gone").by, how("gone").how.as_str()),
        (By::Command, "juju disable-user 'gone'")
    );
    assert_eq!(left.to_disable().collect::<Vec<_>>(), ["gone"]);
    assert!(left.is_open());
}

#[test]
fn person_with_nothing_left_is_done_and_unreadable_one_is_not() {
    let facts = facts();
    let stranger = Person { user: "stranger@example.com".into(), juju: vec!["stranger".into()] };
    let none = of(&Context::new(&facts, &Policy::default(), None), &stranger);
    // An account at the identity provider cannot be seen from here.
    assert!(none.remnants.iter().all(|one| !one.is_verifiable), "{:?}", none.remnants);
    assert!(!none.is_open());
    let mut without = facts;
    without.juju = Known::default();
    let unknown = of(&Context::new(&without, &Policy::default(), None), &stranger);
    assert_eq!(unknown.unknown, ["needs Juju credentials"]);
    assert!(unknown.is_open());
}
