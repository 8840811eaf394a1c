//! Whether a rule admits every client: those without identity, and pods of any namespace, whatever
//! they request.

use std::net::IpAddr;

use super::condition::Field;
use super::matcher::meets;
use super::mesh::Mesh;
use super::request::{Attribute, Request};
use super::rule::{conditions, matches_rule};
use super::truth::Truth;
use crate::facts::istio::{AuthorizationPolicy, AuthorizationRule};

/// Namespace and account that no policy names.
pub(super) const STRANGER: (&str, &str) = ("0-zq7", "default-editor");
/// Networks by addresses far apart: of pods, and the internet.
const NETWORKS: [[&str; 3]; 6] = [
    ["10.0.13.7", "10.99.200.1", "10.255.1.250"],
    ["172.16.13.7", "172.24.200.1", "172.31.1.250"],
    ["192.168.0.7", "192.168.99.1", "192.168.254.250"],
    ["100.64.13.7", "100.99.200.1", "100.127.1.250"],
    ["8.8.13.7", "80.99.200.1", "198.51.100.250"],
    ["fd00::7", "fd77:1::1", "fdff::ff"],
];
/// Requests that have nothing in common.
const REQUESTS: [(&str, &str); 4] =
    [("GET", "/0-zq7"), ("POST", "/0-zq7/y/z"), ("DELETE", "/"), ("PATCH", "/a/0-zq7.x")];

/// Whether a rule admits every client: at least all addresses of a network, with or without an
/// identity, to every path, by every method. Any client can set headers, so a condition on one
/// excludes no client unless it asks for exact values.
pub fn admits_everybody(
    policy: &AuthorizationPolicy,
    rule: &AuthorizationRule,
    mesh: &Mesh,
) -> bool {
    let identity = mesh.identity(STRANGER.0, STRANGER.1);
    let peers = [Attribute::Is(identity), Attribute::Absent];
    let mut template = Request {
        host: "0-zq7.example".into(),
        destination_port: Attribute::Is(8888),
        sni: Attribute::Absent,
        token: Attribute::Absent,
        ..Request::default()
    };
    for (field, values, is_not) in conditions(rule) {
        let Field::Header(name) = field else {
            continue;
        };
        let name = name.trim_matches(['[', ']']).to_ascii_lowercase();
        let open = values.iter().find(|value| value.contains('*')).filter(|_| !is_not);
        if let Some(value) = open {
            template.headers.insert(name, meets(value));
        }
    }
    let is_met = |request: &Request| matches_rule(policy, rule, request, mesh) == Truth::Yes;
    peers.into_iter().any(|peer| {
        template.peer = peer;
        NETWORKS.iter().any(|network| {
            network.iter().all(|address| {
                let address: Option<IpAddr> = address.parse().ok();
                template.source_ip = address.map_or(Attribute::Unknown, Attribute::Is);
                REQUESTS.iter().all(|(method, path)| {
                    (template.method, template.path) = ((*method).into(), (*path).into());
                    is_met(&template)
                })
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn everybody(rule: Value) -> bool {
        let policy =
            json!({"metadata": {"name": "p", "namespace": "team-a"}, "spec": {"rules": [rule]}});
        let policy: AuthorizationPolicy = serde_json::from_value(policy).unwrap();
        admits_everybody(&policy, &policy.spec.rules[0], &Mesh::new("kubeflow"))
    }

    fn from(source: Value) -> Value {
        json!({"from": [{"source": source}]})
    }

    fn to(operation: Value) -> Value {
        json!({"to": [{"operation": operation}]})
    }

    #[test]
    fn rule_listing_everything_admits_all_users() {
        for rule in [
            json!({}),
            from(json!({"principals": ["*"]})),
            from(json!({"principals": ["cluster.local/*"]})),
            from(json!({"principals": ["*/sa/default-editor"]})),
            from(json!({"namespaces": ["*"]})),
            from(json!({"notNamespaces": ["team-b"]})),
            from(json!({"notPrincipals": ["cluster.local/ns/team-b/sa/default-editor"]})),
            from(json!({"trustDomains": ["cluster.local"]})),
            from(json!({"ipBlocks": ["0.0.0.0/0"]})),
            from(json!({"ipBlocks": ["0.0.0.0/1", "128.0.0.0/1"]})),
            from(json!({"ipBlocks": ["10.0.0.0/8"]})),
            from(json!({"notIpBlocks": ["192.0.2.0/24"]})),
            to(json!({"paths": ["*"]})),
            to(json!({"paths": ["/{**}"]})),
            to(json!({"paths": ["/*"]})),
            to(json!({"notPaths": ["/admin"]})),
            to(json!({"methods": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]})),
            to(json!({"hosts": ["*"]})),
            to(json!({"notPorts": ["9"]})),
            json!({"when": [{"key": "request.headers[kubeflow-userid]", "values": ["*"]}]}),
            json!({"when": [{"key": "request.headers[kubeflow-userid]", "values": ["*.com", "a"]}]}),
            json!({"when": [{"key": "request.headers[x]", "notValues": ["y"]}]}),
            json!({"when": [{"key": "source.principal", "values": ["cluster.local/ns/*"]}]}),
            json!({"from": [{"source": {"namespaces": ["team-a"]}}, {"source": {"principals": ["*"]}}]}),
        ] {
            assert!(everybody(rule.clone()), "{rule}");
        }
    }

    #[test]
    fn rule_excluding_a_user_does_not_admit_all_users() {
        for rule in [
            from(json!({"principals": ["cluster.local/ns/kubeflow/sa/kfp-ui"]})),
            from(json!({"principals": ["cluster.local/ns/kubeflow/*"]})),
            from(json!({"namespaces": ["team-a"]})),
            from(json!({"requestPrincipals": ["*"]})),
            from(json!({"ipBlocks": ["192.0.2.0/24"]})),
            to(json!({"paths": ["/healthz"]})),
            to(json!({"paths": ["*/api/kernels"]})),
            to(json!({"methods": ["GET"]})),
            to(json!({"ports": ["15020"]})),
            json!({"when": [{"key": "request.headers[kubeflow-userid]", "values": ["ada@example.com"]}]}),
            json!({"when": [{"key": "source.namespace", "values": ["team-a"]}]}),
            json!({"when": [{"key": "a.key.of.tomorrow", "values": ["x"]}]}),
        ] {
            assert!(!everybody(rule.clone()), "{rule}");
        }
    }
}
