//! The engine of AuthorizationPolicies beside a real Envoy that a real istiod configures: policies
//! and requests by chance, and no difference.

mod client;
mod generate;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ckf_hardening::facts::istio::AuthorizationPolicy;
use ckf_hardening::facts::labels::Labels;
use ckf_hardening::views::authorization::{
    Attribute, Decision, Mesh, PolicySet, Request, Workload,
};
use ckf_test_support::chance::Chance;
use ckf_worlds::{base64, object};
use kube_sandbox::{IngressGateway, Sandbox};
use rustls::ClientConfig;
use serde_json::{Value, json};

use self::client::{Authority, ask};
use self::generate::*;

/// Sets of policies, and requests for each.
const SETS: usize = 130;
const REQUESTS: usize = 20;
/// Longest wait for a set of policies to be in force.
const IN_FORCE: Duration = Duration::from_secs(30);

const OPTIONS: &str = "\
rootNamespace: mesh-root
trustDomain: cluster.local
trustDomainAliases: [old-td]
enableAutoMtls: false
defaultProviders: {metrics: [], accessLogging: []}
defaultConfig: {gatewayTopology: {numTrustedProxies: 1}}
extensionProviders:
- name: login
  envoyExtAuthzHttp: &login
    service: oidc-gatekeeper.kubeflow.svc.cluster.local
    port: 8080
    includeRequestHeadersInCheck: [cookie]
- name: second
  envoyExtAuthzHttp: *login
";

fn mesh() -> Mesh {
    Mesh {
        root_namespace: "mesh-root".into(),
        trust_domains: vec!["cluster.local".into(), "old-td".into()],
        providers: Some(["login".to_owned(), "second".to_owned()].into()),
    }
}

/// The gateway's objects: it answers every request itself.
fn platform(authority: &Authority, gateway: &IngressGateway) -> Vec<Value> {
    let (certificate, key) = authority.server(gateway.address());
    let server = |port: u16, protocol: &str| json!({"hosts": ["*"], "port": {"name": format!("p{port}"), "number": port, "protocol": protocol}});
    let mut secure = server(8443, "HTTPS");
    secure["tls"] = json!({"mode": "OPTIONAL_MUTUAL", "credentialName": "oracle"});
    let selector = json!({"istio": "ingressgateway"});
    let rules: Vec<Value> = ["https://dex.example.com/dex", "issuer-b"]
        .iter()
        .map(|issuer| json!({"issuer": issuer, "jwks": authority.keys()}))
        .collect();
    let of_istio = |version: &str, kind: &str, spec: Value| {
        object(version, kind, "kubeflow", "oracle", json!({ "spec": spec }))
    };
    vec![
        object(
            "v1",
            "Secret",
            "kubeflow",
            "oracle",
            json!({"data": {"tls.crt": base64(&certificate),
            "tls.key": base64(&key), "ca.crt": base64(&authority.certificate)}}),
        ),
        object(
            "v1",
            "Service",
            "kubeflow",
            "oidc-gatekeeper",
            json!({"spec": {
            "ports": [{"name": "http", "port": 8080}], "selector": {"app": "oidc-gatekeeper"}}}),
        ),
        of_istio(
            "networking.istio.io/v1",
            "Gateway",
            json!({"selector": selector,
            "servers": [server(8080, "HTTP"), secure]}),
        ),
        of_istio(
            "networking.istio.io/v1",
            "VirtualService",
            json!({"hosts": ["*"],
            "gateways": ["oracle"], "http": [{"directResponse": {"status": 200}}]}),
        ),
        of_istio(
            "security.istio.io/v1",
            "RequestAuthentication",
            json!({
            "selector": {"matchLabels": selector}, "jwtRules": rules}),
        ),
    ]
}

/// Waits until both listeners have a set of policies.
fn until_in_force(gateway: &IngressGateway, marker: &str) {
    let client = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
    let path = "config_dump?resource=dynamic_listeners";
    let url = format!("http://127.0.0.1:{}/{path}", gateway.admin());
    let begun = Instant::now();
    loop {
        let dump: Value =
            serde_json::from_str(&client.get(&url).send().unwrap().text().unwrap()).unwrap();
        let listeners = dump["configs"].as_array().cloned().unwrap_or_default();
        let active = listeners.iter().map(|listener| listener["active_state"].to_string());
        if active.filter(|state| state.contains(marker)).count() == 2 {
            return;
        }
        assert!(begun.elapsed() < IN_FORCE, "{marker} is not in force: {dump}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A client's choices.
struct Call {
    request: Request,
    identity: Option<usize>,
    more: Vec<(&'static str, String)>,
    has_session: bool,
}

fn call(chance: &mut Chance, gateway: &IngressGateway, authority: &Authority) -> Call {
    let is_secure = !chance.one_in(3);
    let identity = (is_secure && !chance.one_in(5)).then(|| chance.number(PEERS.len()));
    let source: IpAddr = chance.pick(CLIENT_ADDRESSES).parse().unwrap();
    let has_name = is_secure && chance.one_in(2);
    let mut request = Request {
        is_tcp: false,
        peer: identity.map_or(Attribute::Absent, |index| Attribute::Is(PEERS[index].into())),
        source_ip: Attribute::Is(source),
        remote_ip: Attribute::Is(source),
        destination_ip: Attribute::Is(gateway.address().into()),
        destination_port: Attribute::Is(if is_secure { 8443 } else { 8080 }),
        sni: match has_name {
            true => Attribute::Is(chance.pick(&["kubeflow.example.com", "other.org"]).into()),
            false => Attribute::Absent,
        },
        method: chance.pick(CLIENT_METHODS).into(),
        host: chance.pick(CLIENT_HOSTS).into(),
        path: chance.pick(CLIENT_PATHS).into(),
        headers: BTreeMap::new(),
        token: Attribute::Absent,
    };
    let mut more = Vec::new();
    if chance.one_in(2) {
        request.headers.insert("kubeflow-userid".into(), chance.pick(CLIENT_USERS).into());
    }
    if chance.one_in(2) {
        request.headers.insert("x-other".into(), chance.pick(CLIENT_TEXTS).into());
    }
    if chance.one_in(2) {
        let forwarded = chance.pick(FORWARDED);
        more.push(("x-forwarded-for", forwarded.to_owned()));
        request.remote_ip = Attribute::Is(forwarded.parse().unwrap());
    }
    if chance.one_in(2) {
        let all = tokens();
        let claims = all[chance.number(all.len())].clone();
        more.push(("authorization", format!("Bearer {}", authority.token(&claims))));
        request.token = Attribute::Is(claims);
    }
    let has_session = chance.one_in(2);
    if has_session {
        more.push(("cookie", kube_sandbox::SESSION.to_owned()));
    }
    Call { request, identity, more, has_session }
}

/// The status that the engine expects.
fn expected(set: &PolicySet<'_>, call: &Call, mesh: &Mesh) -> u16 {
    let asked = PolicySet { custom: set.custom.clone(), ..PolicySet::default() };
    let others = PolicySet { custom: Vec::new(), ..set.clone() };
    match asked.decide(&call.request, mesh) {
        Decision::Asked(_) if !call.has_session => 302,
        Decision::Asked(_) | Decision::Allowed(_) => match others.decide(&call.request, mesh) {
            Decision::Allowed(_) => 200,
            Decision::Denied(_) => 403,
            other => panic!("everything is known: {other:?}"),
        },
        Decision::Denied(_) => 403,
        other => panic!("everything is known: {other:?}"),
    }
}

fn marker(number: usize) -> Value {
    json!({"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": {"name": "marker", "namespace": "mesh-root"},
        "spec": {"action": "DENY", "rules": [{"to": [{"operation": {"paths": [format!("/marker-{number}-")]}}]}]}})
}

#[test]
fn authorization_policies_decide_as_envoy_does() {
    ckf_hardening::tls::install_provider();
    let sandbox = Sandbox::start().expect("the API server starts");
    sandbox.install_istio_definitions().expect("Istio's definitions install");
    let loader = sandbox.loader().unwrap();
    let namespaces = ["kubeflow", "mesh-root", "team-a"];
    loader.load(&namespaces.map(|name| object("v1", "Namespace", "", name, json!({})))).unwrap();
    let gateway = IngressGateway::start_in(&sandbox, OPTIONS).expect("the gateway starts");
    let authority = Authority::new();
    loader.load(&platform(&authority, &gateway)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let identities: Vec<Arc<ClientConfig>> =
        PEERS.iter().map(|peer| authority.client(Some(peer))).collect();
    let nameless = authority.client(None);
    let mesh = mesh();
    let labels: Labels =
        serde_json::from_value(json!({"istio": "ingressgateway", "app": "istio-ingressgateway"}))
            .unwrap();
    let workload = Workload { namespace: "kubeflow", labels: &labels, waypoint_of: None };

    let mut chance = Chance(20_261_128);
    let (mut statuses, mut differences) = (BTreeMap::<u16, usize>::new(), Vec::new());
    let mut old: Vec<Value> = Vec::new();
    for number in 0..SETS {
        let size = 1 + chance.number(4);
        let policies: Vec<Value> =
            (0..size).map(|index| policy(&mut chance, &format!("p-{number}-{index}"))).collect();
        loader.load(&policies).unwrap();
        old.iter().for_each(|policy| loader.delete(policy).unwrap());
        let marker = marker(number);
        loader.load(std::slice::from_ref(&marker)).unwrap();
        until_in_force(&gateway, &format!("/marker-{number}-"));
        let all = policies.iter().chain([&marker]).cloned();
        let all: Vec<AuthorizationPolicy> =
            all.map(|policy| serde_json::from_value(policy).unwrap()).collect();
        let set = PolicySet::of(&all, &workload, &mesh);
        for _ in 0..REQUESTS {
            let call = call(&mut chance, &gateway, &authority);
            let tls = match (&call.request.destination_port, call.identity) {
                (Attribute::Is(8080), _) => None,
                (_, Some(index)) => Some(&identities[index]),
                (_, None) => Some(&nameless),
            };
            let seen = ask(&runtime, tls, &call.request, &call.more);
            *statuses.entry(seen).or_default() += 1;
            let expected = expected(&set, &call, &mesh);
            if seen != expected {
                let policies = serde_json::to_string(&policies).unwrap();
                differences.push(format!("{seen}, not {expected}: {policies} {:?}", call.request));
            }
        }
        old = policies;
    }
    println!("{} pairs of policies and requests, by status: {statuses:?}", SETS * REQUESTS);
    let shown: Vec<&String> = differences.iter().take(10).collect();
    assert!(differences.is_empty(), "{} differ: {shown:#?}", differences.len());
    // Each of the answers was met, and often.
    const { assert!(SETS * REQUESTS >= 2000) };
    for status in [200, 302, 403] {
        assert!(statuses.get(&status).is_some_and(|times| *times > 50), "{statuses:?}");
    }
}
