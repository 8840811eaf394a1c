//! What other namespaces attach to the ambient ingress: routes to Services that a ReferenceGrant
//! opens, and listeners of ListenerSets, as clients of a real Envoy find them that a real istiod
//! configures.

use ckf_hardening::controls::Context;
use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::report::Report;
use ckf_worlds::{AMBIENT_INGRESS, NAMESPACE, World, object};
use kube_sandbox::{IngressGateway, Loader, SESSION};
use serde_json::{Value, json};

use crate::ambient_certificate::{HTTP, get_as, started, until, until_as};

const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";
/// A Service of the platform that has no route, and its port.
const STORE: (&str, u16) = ("minio", 9000);
/// The sandbox' place of the listener of a set.
const ADDED: (&str, u16) = ("http", 8090);

/// The verdict on a control of a world with these objects more.
fn verdict(world: &World, more: &[&Value], id: &str) -> String {
    let about = About { namespace: NAMESPACE.into(), ..About::default() };
    let objects: Vec<Value> = world.objects.iter().chain(more.iter().copied()).cloned().collect();
    let facts = Facts::from_objects(about, &objects);
    let report = Report::audit(&facts, &Policy::default(), Some("1.11"), Vec::new());
    let control = report.controls.into_iter().find(|control| control.id == id).unwrap();
    control.verdict.name().to_owned()
}

/// A route of a profile to a Service.
fn route(parent: &Value, (service, port): (&str, u16), namespace: &str) -> Value {
    let rules = json!([{
        "matches": [{"path": {"type": "PathPrefix", "value": "/store"}}],
        "backendRefs": [{"name": service, "namespace": namespace, "port": port}]}]);
    let spec = json!({"parentRefs": [parent], "rules": rules});
    object(GATEWAY_API, "HTTPRoute", "admin", "store", json!({ "spec": spec }))
}

/// A grant to routes of a namespace, for a Service.
fn grant(kind: &str, from: &str, service: &str) -> Value {
    let spec = json!({
        "from": [{"group": "gateway.networking.k8s.io", "kind": kind, "namespace": from}],
        "to": [{"group": "", "kind": "Service", "name": service}]});
    let kind = "gateway.networking.k8s.io/v1beta1";
    object(kind, "ReferenceGrant", NAMESPACE, "store", json!({ "spec": spec }))
}

/// Only a grant of the route's kind, its namespace and the Service leads there.
fn grants_open_their_services(world: &World, gateway: &IngressGateway, loader: &Loader) {
    let ingress = json!({"name": AMBIENT_INGRESS, "namespace": NAMESPACE});
    let route = route(&ingress, STORE, NAMESPACE);
    loader.load(std::slice::from_ref(&route)).unwrap();
    until_as(SESSION, gateway, HTTP, "/store", "500");
    let (service, _) = STORE;
    for (what, grant, opens) in [
        ("another kind", grant("GRPCRoute", "admin", service), false),
        ("another namespace", grant("HTTPRoute", "shop", service), false),
        ("another Service", grant("HTTPRoute", "admin", "kfp-api"), false),
        ("its own", grant("HTTPRoute", "admin", service), true),
    ] {
        let is_named = verdict(world, &[&route, &grant], "NET-10") == "fail";
        loader.load(std::slice::from_ref(&grant)).unwrap();
        if opens {
            assert!(is_named, "{what}");
            until_as(SESSION, gateway, HTTP, "/store", service);
        } else {
            std::thread::sleep(std::time::Duration::from_secs(1));
            assert_eq!(get_as(SESSION, gateway, HTTP, "/store"), "500", "{what}");
        }
        loader.delete(&grant).unwrap();
    }
    until_as(SESSION, gateway, HTTP, "/store", "500");
    loader.delete(&route).unwrap();
}

/// The ingress as it takes listeners of others, or none.
fn taking(world: &World, from: &Option<Value>) -> Value {
    let is_it = |object: &&Value| {
        object["kind"] == "Gateway" && object["metadata"]["name"] == AMBIENT_INGRESS
    };
    let mut gateway = world.objects.iter().find(is_it).unwrap().clone();
    if let Some(namespaces) = from {
        gateway["spec"]["allowedListeners"] = json!({ "namespaces": namespaces });
    }
    gateway
}

/// Whether the list of entrances has the listener of the set.
fn is_entrance(world: &World, gateway: &Value, more: &[Value]) -> bool {
    let about = About { namespace: NAMESPACE.into(), ..About::default() };
    let is_same = |object: &Value| {
        object["kind"] == gateway["kind"] && object["metadata"] == gateway["metadata"]
    };
    let others = world.objects.iter().filter(|object| !is_same(object)).cloned();
    let objects: Vec<Value> = others.chain([gateway.clone()]).chain(more.to_vec()).collect();
    let facts = Facts::from_objects(about, &objects);
    let policy = Policy::default();
    let context = Context::new(&facts, &policy, None);
    let entrances = context.entrances().unwrap();
    entrances.iter().any(|entrance| entrance.object.kind == "ListenerSet")
}

/// A set adds its listener only where the Gateway takes those of its namespace.
fn sets_add_listeners_where_they_are_taken(
    world: &World,
    gateway: &IngressGateway,
    loader: &Loader,
) {
    let is_service = |object: &&Value| {
        object["kind"] == "Service" && object["metadata"]["name"] == "istio-ingress-k8s-istio"
    };
    let mut service = world.objects.iter().find(is_service).unwrap().clone();
    let (_, port) = ADDED;
    // istiod makes its ports of the listeners.
    let ports = service["spec"]["ports"].as_array_mut().unwrap();
    ports.push(json!({"name": "added", "port": port, "targetPort": port}));
    let spec = json!({
        "parentRef": {"name": AMBIENT_INGRESS, "namespace": NAMESPACE},
        "listeners": [{"name": "added", "port": port, "protocol": "HTTP"}]});
    let set = object(GATEWAY_API, "ListenerSet", "admin", "added", json!({ "spec": spec }));
    let parent =
        json!({"kind": "ListenerSet", "group": "gateway.networking.k8s.io", "name": "added"});
    let artifacts = ("ml-pipeline-ui-artifact", 80);
    let route = route(&parent, artifacts, "admin");
    let added = [service, set, route];
    loader.load(&added).unwrap();
    let selected = |name: &str| {
        json!({"from": "Selector",
            "selector": {"matchLabels": {"kubernetes.io/metadata.name": name}}})
    };
    for (from, is_taken) in [
        (Some(json!({"from": "All"})), true),
        (None, false),
        (Some(selected("admin")), true),
        (Some(selected("shop")), false),
        (Some(json!({"from": "Same"})), false),
        (Some(json!({"from": "None"})), false),
    ] {
        let ingress = taking(world, &from);
        assert_eq!(is_entrance(world, &ingress, &added), is_taken, "the entrance by {from:?}");
        loader.load(&[ingress]).unwrap();
        let (service, _) = artifacts;
        let seen = if is_taken { service } else { "none" };
        until_as(SESSION, gateway, ADDED, "/store", seen);
    }
}

#[test]
fn attachments_of_other_namespaces_are_as_clients_find_them() {
    let (world, _sandbox, loader, gateway) = started();
    until(&gateway, HTTP, "/pipeline", "302");
    grants_open_their_services(&world, &gateway, &loader);
    sets_add_listeners_where_they_are_taken(&world, &gateway, &loader);
}
