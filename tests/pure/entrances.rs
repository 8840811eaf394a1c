//! The inventory of entrances: what it lists of whole platforms, how the command shows it, and
//! how it counts those of a large one.

use std::time::Instant;

use ckf_hardening::controls::{Context, MissingFact};
use ckf_hardening::facts::known::{Known, Unknown};
use ckf_hardening::facts::{About, Facts, snapshot};
use ckf_hardening::policy::Policy;
use ckf_hardening::views::entrances::{Entrance, From, Opening};
use ckf_test_support::run;
use ckf_worlds::{World, object};
use serde_json::{Value, json};

fn facts(world: &World) -> Facts {
    Facts::from_objects(About::default(), &world.objects)
}

fn of(facts: &Facts) -> Result<Vec<Entrance>, MissingFact> {
    let policy = Policy::default();
    let context = Context::new(facts, &policy, Some("1.10"));
    Ok(context.entrances()?.into_iter().cloned().collect())
}

/// Objects that open an entrance, of each kind that is one without routes.
fn doors() -> Vec<Value> {
    let port = json!([{"port": 9000}]);
    let container =
        json!({"name": "a", "image": "a", "ports": [{"containerPort": 80, "hostPort": 8080}]});
    let backend = json!({"service": {"name": "minio", "port": {"number": 9000}}});
    vec![
        object(
            "v1",
            "Service",
            "kubeflow",
            "node",
            json!({"spec": {"type": "NodePort", "selector": {"a": "b"}, "ports": port}}),
        ),
        object("v1", "Pod", "kubeflow", "port", json!({"spec": {"containers": [container]}})),
        object(
            "v1",
            "Pod",
            "kubeflow",
            "host",
            json!({"spec": {"hostNetwork": true, "containers": []}}),
        ),
        object(
            "networking.k8s.io/v1",
            "Ingress",
            "kubeflow",
            "door",
            json!({"spec": {"defaultBackend": backend}}),
        ),
        object(
            "serving.knative.dev/v1beta1",
            "DomainMapping",
            "admin",
            "a.example.com",
            json!({"spec": {"ref": {"kind": "Service", "name": "iris"}}}),
        ),
        object(
            "networking.istio.io/v1",
            "ServiceEntry",
            "admin",
            "take",
            json!({"spec": {"hosts": ["minio.kubeflow.svc.cluster.local"]}}),
        ),
        object(
            "networking.istio.io/v1",
            "Sidecar",
            "admin",
            "open",
            json!({"spec": {"ingress": [{"port": {"number": 9000, "protocol": "HTTP"},
                "defaultEndpoint": "127.0.0.1:8888"}]}}),
        ),
    ]
}

/// A Gateway of the Gateway API that takes listeners of every namespace, one of a profile, and a
/// route on that to a Service of the platform.
fn listener_set(grant: bool) -> World {
    const API: &str = "gateway.networking.k8s.io/v1";
    let all = json!({"namespaces": {"from": "All"}});
    let gateway =
        json!({"spec": {"gatewayClassName": "istio", "listeners": [], "allowedListeners": all}});
    let listener = json!({"name": "mine", "port": 8080, "protocol": "HTTP"});
    let parent = json!({"name": "door", "namespace": "kubeflow"});
    let set = json!({"spec": {"parentRef": parent, "listeners": [listener]}});
    let cors = json!({"type": "CORS", "cors": {"allowOrigins": ["*"], "allowCredentials": true}});
    let to = json!({"name": "kfp-ui", "namespace": "kubeflow", "port": 3000});
    let route = json!({"spec": {"parentRefs": [{"kind": "ListenerSet", "name": "mine"}],
        "rules": [{"filters": [cors], "backendRefs": [to]}]}});
    let mut world = World::stock("1.10");
    world.objects.extend([
        object(API, "Gateway", "kubeflow", "door", gateway),
        object(API, "ListenerSet", "admin", "mine", set),
        object(API, "HTTPRoute", "admin", "mine", route),
    ]);
    if grant {
        let from = json!([{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "admin"}]);
        let spec =
            json!({"from": from, "to": [{"group": "", "kind": "Service", "name": "kfp-ui"}]});
        world.objects.push(object(
            API,
            "ReferenceGrant",
            "kubeflow",
            "mine",
            json!({ "spec": spec }),
        ));
    }
    world
}

#[test]
fn route_on_a_listener_set_leads_where_a_grant_lets_it() {
    for grant in [true, false] {
        let all = of(&facts(&listener_set(grant))).unwrap();
        let mine = all.iter().find(|entrance| entrance.object.kind == "ListenerSet").unwrap();
        assert_eq!(mine.leads_to_ours(), grant, "{mine:?}");
        assert_eq!(mine.origins(), grant.then_some("every origin"));
    }
    let mut closed = listener_set(true);
    closed.get("Gateway", "door")["spec"]["allowedListeners"]["namespaces"]["from"] = "Same".into();
    let all = of(&facts(&closed)).unwrap();
    assert!(all.iter().all(|entrance| entrance.object.kind != "ListenerSet"), "{all:?}");
}

#[test]
fn stock_platform_has_the_entrances_of_its_charms() {
    let all = of(&facts(&World::stock("1.10"))).unwrap();
    let seen: Vec<(&str, From, bool)> = all
        .iter()
        .map(|entrance| (entrance.object.name.as_str(), entrance.from, entrance.login.is_missing()))
        .collect();
    assert_eq!(
        seen,
        [
            ("knative-ingress-gateway", From::Outside, false),
            ("knative-local-gateway", From::Pods, false),
            ("kubeflow-gateway", From::Outside, false),
        ]
    );
}

#[test]
fn each_kind_of_object_opens_an_entrance() {
    let mut world = World::stock("1.10");
    let before = of(&facts(&world)).unwrap().len();
    world.objects.extend(doors());
    let all = of(&facts(&world)).unwrap();
    assert_eq!(all.len(), before + doors().len(), "{all:?}");
    let openings = [
        Opening::Service,
        Opening::HostPort,
        Opening::HostNetwork,
        Opening::Ingress,
        Opening::DomainMapping,
        Opening::Sidecar,
        Opening::MeshRequests,
    ];
    for opening in openings {
        assert!(all.iter().any(|entrance| entrance.opening == opening), "{opening:?}");
    }
}

#[test]
fn kind_that_is_not_readable_makes_the_inventory_unknown() {
    let mut facts = facts(&World::stock("1.10"));
    facts.ingresses = Known::Unknown(Unknown::Forbidden("no".into()));
    assert_eq!(of(&facts), Err(MissingFact("ingresses: forbidden: no".into())));
}

#[test]
fn command_lists_entrances_of_a_snapshot() {
    let mut world = World::stock("1.10");
    world.objects.extend(doors());
    let directory = tempfile::tempdir().unwrap();
    snapshot::write(&facts(&world), directory.path()).unwrap();
    let from = directory.path().to_str().unwrap();
    let output = run(&["entrances", "--from", from]);
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for word in ["Gateway", "Ingress", "DomainMapping", "ServiceEntry", "oidc-gatekeeper"] {
        assert!(table.contains(word), "{word}: {table}");
    }
    let output = run(&["entrances", "--json", "--from", from]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let gateway =
        json.as_array().unwrap().iter().find(|e| e["object"]["name"] == "kubeflow-gateway");
    assert_eq!(gateway.unwrap()["login"]["is"], "there", "{json}");
}

#[test]
fn entrances_of_a_large_platform_are_listed_in_time() {
    let facts = facts(&World::large("1.10", 4_000, 400));
    let begun = Instant::now();
    let all = of(&facts).unwrap();
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    assert_eq!(all.len(), 3, "{all:?}");
}
