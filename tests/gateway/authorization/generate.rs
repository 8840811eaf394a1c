//! Policies and requests by chance, from pools in which each way of matching meets what it
//! matches and what it does not.

use ckf_test_support::chance::Chance;
use serde_json::{Map, Value, json};

/// One value of a pool, or a few.
fn values(chance: &mut Chance, pool: &[&str]) -> Value {
    let number = 1 + chance.number(2) * chance.number(3);
    (0..number).map(|_| Value::from(chance.pick(pool))).collect()
}

const PRINCIPALS: &[&str] = &[
    "cluster.local/ns/team-a/sa/default-editor",
    "cluster.local/ns/kubeflow/sa/gateway",
    "old-td/ns/team-a/sa/default-editor",
    "other-td/ns/team-a/sa/default-editor",
    "*-td/ns/team-a/sa/default-editor",
    "cluster.local/ns/team-a/*",
    "cluster.local/*",
    "*/sa/default-editor",
    "*/ns/kubeflow/sa/gateway",
    "*",
    "spiffe://cluster.local/ns/team-a/sa/default-editor",
];
const NAMESPACES: &[&str] = &["team-a", "team-*", "*-b", "*", "kubeflow", "eam-a", "k*w"];
const ACCOUNTS: &[&str] =
    &["gateway", "kubeflow/gateway", "team-a/default-editor", "team-b/default", "team-a/default"];
const DOMAINS: &[&str] = &["cluster.local", "old-td", "*-td", "other*", "*", "cluster"];
const ADDRESSES: &[&str] =
    &["127.0.0.0/8", "127.0.0.5", "127.0.1.0/24", "10.0.0.0/8", "::/0", "0.0.0.0/1", "128.0.0.0/1"];
const REMOTE: &[&str] =
    &["192.0.2.0/24", "192.0.2.7", "127.0.0.0/8", "2001:db8::/32", "0.0.0.0/0", "198.51.100.9/16"];
const TOKENS: &[&str] = &[
    "https://dex.example.com/dex/alice",
    "https://dex.example.com/dex/*",
    "*/alice",
    "*dex/bob",
    "*",
    "*ice",
    "https://dex*",
    "issuer-b/bob",
    "issuer-b*",
    "issuer-b/b*",
    "issuer-b",
    "*/*",
];
const HOSTS: &[&str] = &[
    "kubeflow.example.com",
    "*.example.com",
    "KUBEFLOW.*",
    "*",
    "other.example.org:8080",
    "*.org",
];
const PORTS: &[&str] = &["8080", "8443", "9999"];
const METHODS: &[&str] = &["GET", "POST", "P*", "*T", "*", "DELETE", "get"];
const PATHS: &[&str] = &[
    "/",
    "/pipeline",
    "/pipeline/*",
    "*/kernels",
    "*",
    "/*",
    "/{*}",
    "/{**}",
    "/api/{*}/kernels",
    "/api/{**}",
    "/{*}/x/{**}",
    "/apis*",
    "/Pipeline",
    "/{**}/kernels",
];
const USERS: &[&str] =
    &["alice@example.com", "alice*", "*@example.com", "*", "bob@example.com", "ALICE*"];
const NAMES: &[&str] = &["kubeflow.example.com", "*.example.com", "kube*", "*"];
const TEXTS: &[&str] = &["a", "b", "read", "write", "r*", "*", "read write", "admins"];

const KEYS: &[(&str, &[&str])] = &[
    ("request.headers[kubeflow-userid]", USERS),
    ("request.headers[Kubeflow-UserID]", USERS),
    ("request.headers[x-other]", TEXTS),
    ("request.headers[:path]", PATHS),
    ("request.headers[:authority]", HOSTS),
    ("request.headers[host]", HOSTS),
    ("source.ip", ADDRESSES),
    ("remote.ip", REMOTE),
    ("source.namespace", NAMESPACES),
    ("source.principal", PRINCIPALS),
    ("source.serviceAccount", ACCOUNTS),
    ("source.trustDomain", DOMAINS),
    ("request.auth.principal", TOKENS),
    ("request.auth.audiences", TEXTS),
    ("request.auth.presenter", TEXTS),
    ("request.auth.claims[scope]", TEXTS),
    ("request.auth.claims[groups]", TEXTS),
    ("request.auth.claims[realm][roles]", TEXTS),
    ("request.auth.claims[number]", TEXTS),
    ("destination.ip", ADDRESSES),
    ("destination.port", PORTS),
    ("connection.sni", NAMES),
    // istiod cannot translate these.
    ("request.headers", USERS),
    ("destination.port", &["http", "8080"]),
    ("source.ip", &["10.0.0.0/33", "127.0.0.5"]),
];

fn field(chance: &mut Chance, of: &mut Map<String, Value>, (name, pool): (&str, &[&str])) {
    let name = match chance.one_in(4) {
        true => format!("not{}{}", name[..1].to_uppercase(), &name[1..]),
        false => name.to_owned(),
    };
    of.insert(name, values(chance, pool));
}

/// What `CUSTOM` does not take.
fn is_identity(name: &str) -> bool {
    ["source.namespace", "source.principal", "source.serviceAccount", "source.trustDomain"]
        .contains(&name)
        || name.starts_with("request.auth")
}

fn source(chance: &mut Chance, is_custom: bool) -> Value {
    let mut fields = Map::new();
    let addresses: &[(&str, &[&str])] = &[("ipBlocks", ADDRESSES), ("remoteIpBlocks", REMOTE)];
    let identities: &[(&str, &[&str])] = &[
        ("principals", PRINCIPALS),
        ("namespaces", NAMESPACES),
        ("requestPrincipals", TOKENS),
        ("trustDomains", DOMAINS),
    ];
    let pool = if is_custom || chance.one_in(4) { addresses } else { identities };
    for _ in 0..=chance.number(2) {
        let entry = pool[chance.number(pool.len())];
        field(chance, &mut fields, entry);
    }
    if !is_custom && chance.one_in(6) {
        fields.clear();
        field(chance, &mut fields, ("serviceAccounts", ACCOUNTS));
    }
    json!({"source": fields})
}

fn operation(chance: &mut Chance) -> Value {
    let mut fields = Map::new();
    let pool: &[(&str, &[&str])] = &[
        ("hosts", HOSTS),
        ("ports", PORTS),
        ("methods", METHODS),
        ("paths", PATHS),
        ("paths", PATHS),
    ];
    for _ in 0..=chance.number(2) {
        let entry = pool[chance.number(pool.len())];
        field(chance, &mut fields, entry);
    }
    json!({"operation": fields})
}

fn condition(chance: &mut Chance, is_custom: bool) -> Value {
    let (key, pool) = loop {
        let key = KEYS[chance.number(KEYS.len())];
        if !is_custom || !is_identity(key.0) {
            break key;
        }
    };
    let mut condition = json!({"key": key});
    let name = if chance.one_in(4) { "notValues" } else { "values" };
    condition[name] = values(chance, pool);
    if chance.one_in(8) {
        condition["notValues"] = values(chance, pool);
    }
    condition
}

fn rule(chance: &mut Chance, is_custom: bool) -> Value {
    let mut rule = json!({});
    if chance.one_in(2) {
        let number = 1 + chance.number(2);
        rule["from"] = (0..number).map(|_| source(chance, is_custom)).collect();
    }
    if chance.one_in(2) {
        let number = 1 + chance.number(2);
        rule["to"] = (0..number).map(|_| operation(chance)).collect();
    }
    if chance.one_in(2) {
        let number = 1 + chance.number(2);
        rule["when"] = (0..number).map(|_| condition(chance, is_custom)).collect();
    }
    rule
}

/// A policy of a set.
pub fn policy(chance: &mut Chance, name: &str) -> Value {
    let action =
        chance.pick(&["ALLOW", "ALLOW", "ALLOW", "ALLOW", "DENY", "DENY", "AUDIT", "CUSTOM"]);
    let is_custom = action == "CUSTOM";
    let least = usize::from(action != "ALLOW");
    let number = least + chance.number(3);
    let rules: Value = (0..number).map(|_| rule(chance, is_custom)).collect();
    let mut spec = json!({"action": action, "rules": rules});
    if is_custom {
        let provider = chance.pick(&["login", "login", "login", "login", "second", "missing"]);
        spec["provider"] = json!({"name": provider});
    }
    match chance.number(10) {
        0 => spec["selector"] = json!({"matchLabels": {"app": "another"}}),
        1 => spec["selector"] = json!({"matchLabels": {"istio": "ingressgateway"}}),
        2 => {
            spec["selector"] =
                json!({"matchLabels": {"istio": "ingressgateway", "app": "istio-ingressgateway"}})
        }
        3 => {
            spec["targetRefs"] = json!([{"group": "gateway.networking.k8s.io", "kind": "Gateway",
                "name": "kubeflow-gateway"}])
        }
        _ => {}
    }
    let namespace = chance.pick(&["kubeflow", "kubeflow", "kubeflow", "mesh-root", "team-a"]);
    let mut metadata = json!({"name": name, "namespace": namespace});
    if chance.one_in(12) && !is_custom {
        metadata["annotations"] = json!({"istio.io/dry-run": chance.pick(&["true", "false", "T"])});
    }
    json!({"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": metadata,
        "spec": spec})
}

/// Identities of clients.
pub const PEERS: &[&str] = &[
    "spiffe://cluster.local/ns/team-a/sa/default-editor",
    "spiffe://cluster.local/ns/team-b/sa/default",
    "spiffe://cluster.local/ns/kubeflow/sa/gateway",
    "spiffe://old-td/ns/team-a/sa/default-editor",
    "spiffe://other-td/ns/team-a/sa/default-editor",
];
/// Tokens of clients.
pub fn tokens() -> Vec<Value> {
    vec![
        json!({"iss": "https://dex.example.com/dex", "sub": "alice", "aud": ["a", "b"], "azp": "a",
            "scope": "read write", "groups": ["admins", "r"], "realm": {"roles": ["read", "a"]}, "number": 1}),
        json!({"iss": "https://dex.example.com/dex", "sub": "bob", "aud": "b", "scope": "write"}),
        json!({"iss": "issuer-b", "sub": "bob", "azp": "b", "groups": "admins", "realm": {"roles": "write"}}),
    ]
}
pub const CLIENT_ADDRESSES: &[&str] = &["127.0.0.5", "127.0.1.9", "127.9.0.1"];
pub const FORWARDED: &[&str] = &["192.0.2.7", "198.51.100.9", "2001:db8::1"];
pub const CLIENT_HOSTS: &[&str] =
    &["kubeflow.example.com", "Kubeflow.Example.com", "other.example.org:8080", "localhost"];
pub const CLIENT_METHODS: &[&str] = &["GET", "POST", "PUT", "DELETE"];
pub const CLIENT_PATHS: &[&str] = &[
    "/",
    "/pipeline",
    "/pipeline/",
    "/pipeline/x?y=/kernels",
    "/api/nb/kernels",
    "/api/kernels",
    "/api/",
    "/a/x/",
    "/apis",
    "/notebook/team-a/n/api/kernels",
    "/a[b]",
];
pub const CLIENT_USERS: &[&str] = &["alice@example.com", "bob@example.com", "alice"];
pub const CLIENT_TEXTS: &[&str] = &["a", "read", ""];
