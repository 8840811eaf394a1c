//! Entrances and login as they are assessed, beside what clients of a real Envoy get that a real
//! istiod configures from the same objects.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::report::Report;
use ckf_test_support::cluster;
use ckf_worlds::{HOST, World, object};
use kube_sandbox::{IngressGateway, Loader, SESSION};
use serde_json::{Value, json};

use crate::sidecars::sidecars_open_what_they_name;

/// Longest wait for a change to be seen by clients.
const SEEN: Duration = Duration::from_secs(20);
const FILTER: &str = "istio-pilot-authn-filter";
const EXT_AUTHZ: &str = "envoy.filters.http.ext_authz";
const ISTIO: &str = "networking.istio.io/v1";
const ECHO: &str = "echo.example.com";

/// A platform that serves plain HTTP behind login.
pub(super) fn platform() -> World {
    let mut world = World::stock("1.10");
    world.remove("Gateway", "knative-ingress-gateway");
    world
}

/// The verdict on a control of this world.
pub(super) fn verdict(world: &World, id: &str) -> String {
    let about = About { namespace: "kubeflow".into(), ..About::default() };
    let facts = Facts::from_objects(about, &world.objects);
    let policy = Policy { external_hostname: Some(HOST.into()), ..Policy::default() };
    let report = Report::audit(&facts, &policy, Some("1.10"), Vec::new());
    let control = report.controls.into_iter().find(|control| control.id == id).unwrap();
    control.verdict.name().to_owned()
}

fn status(gateway: &IngressGateway, path: &str, cookie: &str) -> Option<String> {
    let answer = gateway.http_at(path, cookie).unwrap().unwrap_or_default();
    answer.get(9..12).map(str::to_owned)
}

/// Whether clients without a session are sent to log in.
fn asks(gateway: &IngressGateway) -> bool {
    status(gateway, "/pipeline", "").as_deref() == Some("302")
}

pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < SEEN, "{what}: not within {SEEN:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Changes of istio-pilot's filter: whether login still holds.
type Change = (&'static str, bool, fn(&mut Value));

fn each(filter: &mut Value, change: impl Fn(&mut Value)) {
    filter["spec"]["configPatches"].as_array_mut().unwrap().iter_mut().for_each(change);
}

fn config(filter: &mut Value, change: impl Fn(&mut Value)) {
    each(filter, |patch| change(&mut patch["patch"]["value"]["typed_config"]));
}

const CHANGES: &[Change] = &[
    ("a runtime switch", false, |f| {
        config(f, |c| {
            c["filter_enabled"] =
                json!({"default_value": {"numerator": 0, "denominator": "HUNDRED"}})
        })
    }),
    ("camelCase", true, ckf_worlds::istio_pilot::in_camel_case),
    ("a switch by metadata", false, |f| {
        config(f, |c| {
            c["filterEnabledMetadata"] =
                json!({"filter": "x", "path": [{"key": "y"}], "value": {"bool_match": true}})
        })
    }),
    ("in front of the router", true, |f| {
        each(f, |p| {
            p["match"]["listener"]["filterChain"]["filter"]["subFilter"] =
                json!({"name": "envoy.filters.http.router"})
        })
    }),
    ("another version of the proxy", false, |f| {
        each(f, |p| p["match"]["proxy"] = json!({"proxyVersion": "^1\\.9.*"}))
    }),
    ("at the head of the chain", true, |f| {
        each(f, |p| p["patch"]["operation"] = "INSERT_FIRST".into())
    }),
    ("one server name", false, |f| {
        each(f, |p| p["match"]["listener"]["filterChain"]["sni"] = "a.example.com".into())
    }),
    ("as it is", true, |_| ()),
    ("another listener", false, |f| each(f, |p| p["match"]["listener"]["name"] = "other".into())),
    ("without a filter of the network", true, |f| {
        each(f, |p| {
            p["match"]["listener"].as_object_mut().unwrap().remove("filterChain");
        })
    }),
    ("before a filter that is not there", false, |f| {
        each(f, |p| {
            p["match"]["listener"]["filterChain"]["filter"]["subFilter"] = json!({"name": "gone"})
        })
    }),
    ("as it is, once more", true, |_| ()),
    ("disabled in the chain", false, |f| {
        each(f, |p| p["patch"]["value"]["disabled"] = true.into())
    }),
    ("for any context", true, |f| each(f, |p| p["match"]["context"] = "ANY".into())),
    ("merged into what is not there", false, |f| {
        each(f, |p| p["patch"]["operation"] = "MERGE".into())
    }),
];

/// Filters beside istio-pilot's that take login away.
fn beside() -> Vec<(&'static str, Value)> {
    let per_route = |key: &str| {
        let kind =
            "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute";
        json!({"applyTo": "VIRTUAL_HOST", "match": {"context": "GATEWAY"}, "patch": {"operation": "MERGE",
            "value": {key: {EXT_AUTHZ: {"@type": kind, "disabled": true}}}}})
    };
    let sub = json!({"context": "GATEWAY", "listener": {"filterChain": {"filter": {
        "name": "envoy.filters.network.http_connection_manager", "subFilter": {"name": EXT_AUTHZ}}}}});
    vec![
        ("an override for hosts", per_route("typed_per_filter_config")),
        ("an override for hosts, in camelCase", per_route("typedPerFilterConfig")),
        (
            "the filter removed",
            json!({"applyTo": "HTTP_FILTER", "match": sub, "patch": {"operation": "REMOVE"}}),
        ),
    ]
}

pub(super) fn apply(loader: &Loader, object: &Value) {
    loader.load(std::slice::from_ref(object)).unwrap();
}

fn login_holds(gateway: &IngressGateway, loader: &Loader) {
    let filter = platform().get("EnvoyFilter", FILTER).clone();
    until("login answers", || asks(gateway));
    for (what, holds, change) in CHANGES {
        let mut world = platform();
        change(world.get("EnvoyFilter", FILTER));
        assert_eq!(verdict(&world, "AUTHN-01") == "pass", *holds, "the verdict on {what}");
        // Each differs from the one before it, so what clients get changes.
        apply(loader, world.get("EnvoyFilter", FILTER));
        until(what, || asks(gateway) == *holds);
    }
    apply(loader, &filter);
    for (what, patch) in beside() {
        until("login is back", || asks(gateway));
        let spec = json!({"workloadSelector": {"labels": {"istio": "ingressgateway"}}, "configPatches": [patch]});
        let version = "networking.istio.io/v1alpha3";
        let other = object(version, "EnvoyFilter", "kubeflow", "z-beside", json!({"spec": spec}));
        let mut world = platform();
        world.objects.push(other.clone());
        assert_eq!(verdict(&world, "AUTHN-01"), "fail", "the verdict on {what}");
        apply(loader, &other);
        until(what, || !asks(gateway));
        loader.delete(&other).unwrap();
    }
    until("login is back", || asks(gateway));
}

/// A server that answers with the user that a request names; runs as long as the test.
pub(super) fn echo() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let user = head.iter().find_map(|line| line.strip_prefix("kubeflow-userid: "));
            let body = format!("user={}", user.unwrap_or_default());
            let length = body.len();
            // A client that goes away is no trouble of the server's.
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
        }
    });
    port
}

fn route(namespace: &str, name: &str, spec: Value) -> Value {
    object(ISTIO, "VirtualService", namespace, name, json!({ "spec": spec }))
}

/// Routes that clients find, by each way of naming a Gateway and by a delegate.
fn routes() -> Vec<(&'static str, Vec<Value>)> {
    let to = || json!([{"destination": {"host": ECHO, "port": {"number": 80}}}]);
    let by = |namespace: &str, gateway: &str| {
        let path = json!([{"uri": {"prefix": "/door"}}]);
        let http = json!([{"match": path, "route": to()}]);
        vec![route(namespace, "door", json!({"hosts": ["*"], "gateways": [gateway], "http": http}))]
    };
    let http = json!([{"match": [{"uri": {"prefix": "/door"}}], "delegate": {"name": "inner", "namespace": "admin"}}]);
    let root = json!({"hosts": ["*"], "gateways": ["kubeflow-gateway"], "http": http});
    vec![
        ("namespace and name", by("admin", "kubeflow/kubeflow-gateway")),
        ("a full host", by("admin", "kubeflow-gateway.kubeflow.svc.cluster.local")),
        ("a short host", by("admin", "kubeflow-gateway.kubeflow")),
        ("its own namespace by a dot", by("kubeflow", "./kubeflow-gateway")),
        ("a name", by("kubeflow", "kubeflow-gateway")),
        (
            "a delegate",
            vec![
                route("kubeflow", "door", root),
                route("admin", "inner", json!({"http": [{"route": to()}]})),
            ],
        ),
    ]
}

fn routes_are_found(gateway: &IngressGateway, loader: &Loader) {
    let mut host = object(
        ISTIO,
        "ServiceEntry",
        "kubeflow",
        "echo",
        json!({"spec": {"hosts": [ECHO],
        "location": "MESH_EXTERNAL", "resolution": "STATIC", "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        "endpoints": [{"address": "127.0.0.1", "ports": {"http": echo()}}]}}),
    );
    host["metadata"]["labels"] = json!({"test": "echo"});
    apply(loader, &host);
    for (what, objects) in routes() {
        let mut world = platform();
        world.objects.push(host.clone());
        assert_eq!(verdict(&world, "NET-08"), "pass", "without {what}");
        world.objects.extend(objects.clone());
        assert_eq!(verdict(&world, "NET-08"), "fail", "the verdict on {what}");
        loader.load(&objects).unwrap();
        until(what, || status(gateway, "/door", SESSION).as_deref() == Some("200"));
        objects.iter().for_each(|object| loader.delete(object).unwrap());
        until("the route goes", || status(gateway, "/door", SESSION).as_deref() != Some("200"));
    }
}

/// A header that a route sets replaces the user's identity, in whatever case it is written.
fn identity_is_replaced(gateway: &IngressGateway, loader: &Loader) {
    for name in ["kubeflow-userid", "Kubeflow-UserID"] {
        let headers = json!({"request": {"set": {name: "admin@example.com"}}});
        let mut world = platform();
        let service = world.get("VirtualService", "kfp-ui");
        service["spec"]["http"][0]["headers"] = headers.clone();
        assert_eq!(verdict(&world, "AUTHN-15"), "fail", "{name}");
        let service = world.get("VirtualService", "kfp-ui");
        service["spec"]["http"][0]["route"] =
            json!([{"destination": {"host": ECHO, "port": {"number": 80}}}]);
        apply(loader, &service.clone());
        until(name, || {
            let answer = gateway.http_at("/pipeline", SESSION).unwrap().unwrap_or_default();
            answer.ends_with("user=admin@example.com")
        });
        let plain = platform().get("VirtualService", "kfp-ui").clone();
        apply(loader, &plain);
        until("the header goes", || {
            let answer = gateway.http_at("/pipeline", SESSION).unwrap().unwrap_or_default();
            !answer.contains("admin@example.com")
        });
    }
    assert_eq!(verdict(&platform(), "AUTHN-15"), "pass");
}

/// Origins that a policy of a route names, an origin of a page, and whether that page reads what
/// the platform answers to the user.
fn foreign_origins() -> Vec<(Value, &'static str, bool)> {
    let own = "https://kubeflow.example.com";
    vec![
        (json!({"exact": own}), "https://evil.example", false),
        (json!({"exact": "*"}), "https://evil.example", true),
        (json!({"prefix": own}), "https://kubeflow.example.com.evil.example", true),
        (json!({"prefix": format!("{own}:8443")}), "https://evil.example", false),
        (json!({"regex": ".*"}), "https://evil.example", true),
        (json!({"regex": "https://kubeflow.example.com"}), "https://kubeflowxexample.com", true),
        (
            json!({"regex": r"https://kubeflow\.example\.com"}),
            "https://kubeflowxexample.com",
            false,
        ),
        (json!({"exact": "null"}), "null", true),
    ]
}

fn foreign_origins_read_what_routes_open(gateway: &IngressGateway, loader: &Loader) {
    let policy = |allowed: &Value| {
        let mut world = platform();
        world.get("VirtualService", "kfp-ui")["spec"]["http"][0]["corsPolicy"] =
            json!({"allowOrigins": [allowed], "allowCredentials": true});
        world
    };
    for (allowed, origin, reads) in foreign_origins() {
        let mut world = policy(&allowed);
        // The host by which users come decides what a pattern of it opens.
        assert_eq!(verdict(&world, "AUTHN-17") == "fail", reads, "the verdict on {allowed}");
        apply(loader, world.get("VirtualService", "kfp-ui"));
        let of = |origin: &str| {
            let cookie = format!("{SESSION}\r\nOrigin: {origin}");
            gateway.http_at("/pipeline", &cookie).unwrap().unwrap_or_default()
        };
        // The page of an origin that is named by every policy but those of no page.
        let named = match allowed["exact"].as_str() {
            Some("*" | "null") => origin,
            _ if allowed["prefix"].as_str().is_some_and(|prefix| prefix.ends_with("8443")) => {
                "https://kubeflow.example.com:8443"
            }
            _ => "https://kubeflow.example.com",
        };
        let is_read = |origin: &str| {
            let answer = of(origin).to_ascii_lowercase();
            answer.contains(&format!("access-control-allow-origin: {origin}\r\n"))
                && answer.contains("access-control-allow-credentials: true")
        };
        until(&format!("{allowed} is in force"), || is_read(named));
        assert_eq!(is_read(origin), reads, "{allowed}, for a page of {origin}");
        apply(loader, &platform().get("VirtualService", "kfp-ui").clone());
        until("the policy goes", || !is_read(named));
    }
}

#[test]
fn entrances_are_as_clients_find_them() {
    let sandbox = cluster(&platform());
    let mut gateway = IngressGateway::start(&sandbox).expect("the gateway starts");
    let loader = sandbox.loader().unwrap();
    sidecars_open_what_they_name(&sandbox, &mut gateway, &loader);
    login_holds(&gateway, &loader);
    routes_are_found(&gateway, &loader);
    identity_is_replaced(&gateway, &loader);
    foreign_origins_read_what_routes_open(&gateway, &loader);
}
