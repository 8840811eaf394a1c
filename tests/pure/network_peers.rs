//! Whom NetworkPolicies let in, against a table that spells out each selector, peer and port:
//! every policy of the table alone, and many pairs.

use std::net::IpAddr;

use ckf_hardening::facts::core::NetworkPolicy;
use ckf_hardening::facts::labels::Labels;
use ckf_hardening::views::authorization::Truth;
use ckf_hardening::views::network_peers::{Source, SourcePod, Target, admits};
use serde_json::{Value, json};

/// A client: its namespace, its label `app`, and its address.
type Client = (&'static str, &'static str, &'static str);
/// What of clients a peer admits.
type Peer = (fn() -> Value, fn(&Client) -> bool);
/// A port of the target: its label `app`, number, name and protocol.
type Port = (&'static str, u16, &'static str, &'static str);

const CLIENTS: &[Client] = &[
    ("a", "", "10.1.0.1"),
    ("a", "x", "10.1.0.2"),
    ("a", "y", "10.1.0.130"),
    ("b", "", "10.2.0.1"),
    ("b", "x", "10.2.0.2"),
    ("c", "x", "fd00::7"),
    ("c", "y", "10.1.0.200"),
    ("", "", "192.0.2.7"),
    ("", "", "10.1.0.5"),
];

fn address(client: &Client) -> IpAddr {
    client.2.parse().unwrap()
}

/// Peers of a policy in namespace `a`. Namespace `a` is of team 1, `b` of team 2, `c` of none.
const PEERS: &[Peer] = &[
    (|| json!({"podSelector": {}}), |c| c.0 == "a"),
    (|| json!({"podSelector": {"matchLabels": {"app": "x"}}}), |c| c.0 == "a" && c.1 == "x"),
    (|| json!({"namespaceSelector": {}}), |c| !c.0.is_empty()),
    (|| json!({"namespaceSelector": {"matchLabels": {"team": "2"}}}), |c| c.0 == "b"),
    (
        || json!({"namespaceSelector": {"matchLabels": {"team": "2"}}, "podSelector": {"matchLabels": {"app": "x"}}}),
        |c| c.0 == "b" && c.1 == "x",
    ),
    (
        || json!({"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]}}),
        |c| c.0 == "a" || c.0 == "b",
    ),
    (
        || json!({"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["1"]}]}}),
        |c| c.0 == "b" || c.0 == "c",
    ),
    (
        || json!({"namespaceSelector": {}, "podSelector": {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}}),
        |c| !c.0.is_empty() && c.1.is_empty(),
    ),
    (|| json!({"ipBlock": {"cidr": "10.1.0.0/24"}}), |c| c.2.starts_with("10.1.0.")),
    (
        || json!({"ipBlock": {"cidr": "10.1.0.0/24", "except": ["10.1.0.128/25", "10.1.0.5/32"]}}),
        |c| ["10.1.0.1", "10.1.0.2"].contains(&c.2),
    ),
    (|| json!({"ipBlock": {"cidr": "0.0.0.0/0"}}), |c| !c.2.contains(':')),
    (|| json!({"ipBlock": {"cidr": "::/0"}}), |c| c.2.contains(':')),
];

type Selector = (fn() -> Value, fn(&Port) -> bool);

const SELECTORS: &[Selector] = &[
    (|| json!({}), |_| true),
    (|| json!({"matchLabels": {"app": "web"}}), |p| p.0 == "web"),
    (
        || json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["db", "mail"]}]}),
        |p| p.0 == "db",
    ),
];

const PORTS: &[Selector] = &[
    (|| json!([]), |_| true),
    (|| json!([{"port": 80}]), |p| p.1 == 80 && p.3 == "TCP"),
    (|| json!([{"protocol": "UDP", "port": 80}]), |p| p.1 == 80 && p.3 == "UDP"),
    (|| json!([{"protocol": "TCP"}]), |p| p.3 == "TCP"),
    (|| json!([{"protocol": "TCP", "port": "http"}]), |p| p.2 == "http" && p.3 == "TCP"),
    (|| json!([{"port": 79, "endPort": 8080}]), |p| p.3 == "TCP" && (79..=8080).contains(&p.1)),
    (
        || json!([{"port": 8080}, {"protocol": "UDP", "port": 53}]),
        |p| (p.1 == 8080 && p.3 == "TCP") || (p.1 == 53 && p.3 == "UDP"),
    ),
];

const TARGETS: &[Port] = &[
    ("web", 80, "http", "TCP"),
    ("web", 80, "other", "UDP"),
    ("db", 8080, "http", "TCP"),
    ("db", 53, "dns", "UDP"),
    ("", 9000, "", "TCP"),
];

/// Whether a client gets to a port.
type LetsIn = dyn Fn(&Client, &Port) -> bool;

/// A policy of the table: what it is, whom it selects, and whom it lets in.
struct Row {
    policy: NetworkPolicy,
    selects: fn(&Port) -> bool,
    lets_in: Box<LetsIn>,
}

fn row(selector: &Selector, ports: &Selector, peers: &'static [Peer], types: &Value) -> Row {
    let from: Value = peers.iter().map(|(peer, _)| peer()).collect();
    let spec = json!({"podSelector": selector.0(), "policyTypes": types,
        "ingress": [{"from": from, "ports": ports.0()}]});
    let policy = json!({"metadata": {"name": "p", "namespace": "a"}, "spec": spec});
    let is_port = ports.1;
    let lets_in = move |client: &Client, port: &Port| {
        is_port(port) && (peers.is_empty() || peers.iter().any(|(_, admits)| admits(client)))
    };
    Row {
        policy: serde_json::from_value(policy).unwrap(),
        selects: selector.1,
        lets_in: Box::new(lets_in),
    }
}

fn labels(value: &Value) -> Labels {
    serde_json::from_value(value.clone()).unwrap()
}

fn decided(policies: &[&NetworkPolicy], client: &Client, port: &Port) -> Truth {
    let team = match client.0 {
        "a" => json!({"team": "1"}),
        "b" => json!({"team": "2"}),
        _ => json!({}),
    };
    let app = |name: &str| if name.is_empty() { json!({}) } else { json!({ "app": name }) };
    let (namespace_labels, own) = (labels(&team), labels(&app(client.1)));
    let pod = SourcePod { namespace: client.0, namespace_labels: &namespace_labels, labels: &own };
    let source =
        Source { pod: (!client.0.is_empty()).then_some(pod), address: Some(address(client)) };
    let of_target = labels(&app(port.0));
    let names = [port.2];
    let target = Target {
        namespace: "a",
        labels: &of_target,
        names: &names,
        port: port.1,
        protocol: port.3,
    };
    admits(policies.iter().copied(), &source, &target)
}

#[test]
fn network_policies_admit_the_peers_of_their_table() {
    let mut rows = Vec::new();
    for selector in SELECTORS {
        for ports in PORTS {
            for types in [json!(["Ingress"]), json!(["Egress", "Ingress"]), json!([])] {
                rows.push(row(selector, ports, &[], &types));
            }
            for first in 0..PEERS.len() {
                for last in [first + 1, (first + 2).min(PEERS.len())] {
                    rows.push(row(selector, ports, &PEERS[first..last], &json!(["Ingress"])));
                }
            }
        }
    }
    let (mut cases, mut admitted) = (0, 0);
    let mut check = |all: &[&Row]| {
        let policies: Vec<&NetworkPolicy> = all.iter().map(|row| &row.policy).collect();
        for client in CLIENTS {
            for port in TARGETS {
                let mut here = all.iter().filter(|row| (row.selects)(port)).peekable();
                let wanted = here.peek().is_none() || here.any(|row| (row.lets_in)(client, port));
                let seen = decided(&policies, client, port);
                assert_eq!(seen, wanted.into(), "{client:?} to {port:?}: {policies:?}");
                cases += 1;
                admitted += usize::from(wanted);
            }
        }
    };
    check(&[]);
    rows.iter().for_each(|row| check(&[row]));
    for (index, one) in rows.iter().enumerate() {
        let others = rows.iter().skip(index + 1).step_by(61);
        others.for_each(|other| check(&[one, other]));
    }
    println!("{} policies, {cases} cases, {admitted} admitted", rows.len());
    assert!(cases > 100_000 && admitted > cases / 10 && admitted < cases);
}

#[test]
fn policy_for_egress_alone_isolates_nothing() {
    let policy = json!({"metadata": {"name": "p", "namespace": "a"},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"]}});
    let policy: NetworkPolicy = serde_json::from_value(policy).unwrap();
    assert_eq!(decided(&[&policy], &CLIENTS[3], &TARGETS[0]), Truth::Yes);
}
