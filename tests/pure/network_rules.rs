//! What all network policies of a cluster let in together, against a table that spells out each
//! rule and the order of the specifications: the Network Policy API and Cilium's documentation.

use ckf_hardening::controls::Context;
use ckf_hardening::facts::labels::Labels;
use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::views::authorization::Truth;
use ckf_hardening::views::network_rules::{At, Client, ClientPod, Decision};
use ckf_worlds::object;
use serde_json::{Value, json};

const ADMIN: &str = "policy.networking.k8s.io/v1alpha1";
const CILIUM: &str = "cilium.io/v2";

/// A client's namespace and label `app`; no namespace outside of the cluster.
type From = (&'static str, &'static str);
const CLIENTS: [From; 5] = [("a", "x"), ("a", "y"), ("b", "x"), ("b", ""), ("", "")];
const PORTS: [u16; 3] = [80, 443, 8080];

fn labels(value: Value) -> Labels {
    serde_json::from_value(value).unwrap()
}

fn app(name: &str) -> Labels {
    labels(if name.is_empty() { json!({}) } else { json!({ "app": name }) })
}

fn team(namespace: &str) -> Value {
    json!({"kubernetes.io/metadata.name": namespace, "team": if namespace == "a" { "1" } else { "2" }})
}

/// What policies decide about a client of a pod of namespace `a` with label `app: web`.
fn decided(policies: &[Value], from: From, port: u16) -> Decision {
    let namespaces = ["a", "b"]
        .map(|name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": team(name)}}));
    let objects: Vec<Value> = policies.iter().cloned().chain(namespaces).collect();
    let facts = Facts::from_objects(About::default(), &objects);
    let policy = Policy::default();
    let context = Context::new(&facts, &policy, None);
    let rules = context.network_rules().unwrap();
    let (of_namespace, of_pod, web) = (labels(team(from.0)), app(from.1), app("web"));
    let client = match from.0 {
        "" => Client::Outside,
        namespace => Client::Pod(ClientPod {
            namespace,
            namespace_labels: Some(&of_namespace),
            labels: Some(&of_pod),
        }),
    };
    let own = labels(team("a"));
    let at = At {
        namespace: "a",
        namespace_labels: Some(&own),
        labels: Some(&web),
        names: if port == 80 { &["http"] } else { &[] },
        port,
        protocol: "TCP",
    };
    rules.admits(&client, &at)
}

fn check(policies: &[Value], expected: &dyn Fn(From, u16) -> bool) {
    for from in CLIENTS {
        for port in PORTS {
            let decision = decided(policies, from, port);
            let wanted = Truth::from(expected(from, port));
            assert_eq!(decision.truth, wanted, "{from:?} to {port}: {policies:#?}\n{decision:?}");
        }
    }
}

fn policy(api: &str, kind: &str, namespace: &str, name: &str, spec: Value) -> Value {
    object(api, kind, namespace, name, json!({ "spec": spec }))
}

/// A rule, or a spec.
type Rule = fn() -> Value;
/// Who is meant by a peer, and to which ports.
type Meaning = fn(From, u16) -> bool;

/// Rules of administrators without action, for a subject that is the pod.
const OF_ADMIN: &[(Rule, Meaning)] = &[
    (|| json!({"from": [{"namespaces": {}}]}), |f, _| !f.0.is_empty()),
    (
        || json!({"from": [{"namespaces": {"matchLabels": {"team": "2"}}}], "ports": [{"portNumber": {"protocol": "TCP", "port": 80}}]}),
        |f, p| f.0 == "b" && p == 80,
    ),
    (
        || {
            json!({"from": [{"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "x"}}}}],
            "ports": [{"portRange": {"protocol": "TCP", "start": 400, "end": 8080}}, {"namedPort": "http"}]})
        },
        |f, _| f.1 == "x",
    ),
    (
        || json!({"from": [{"namespaces": {}}], "ports": [{"portNumber": {"protocol": "UDP", "port": 80}}]}),
        |_, _| false,
    ),
];

/// NetworkPolicies of the pod: none, one that admits no client, and one that admits its namespace.
const OF_NAMESPACE: &[(Option<Rule>, Meaning)] = &[
    (None, |_, _| true),
    (Some(|| json!({"podSelector": {}})), |_, _| false),
    (Some(|| json!({"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]})), |f, _| {
        f.0 == "a"
    }),
];

/// The first rule about a connection.
fn first<'a>(rules: &[(&'a str, Meaning)], from: From, port: u16) -> Option<&'a str> {
    rules.iter().find(|(_, is_meant)| is_meant(from, port)).map(|(action, _)| *action)
}

#[test]
fn tiers_decide_in_the_order_of_the_specification() {
    let with = |action: &str, rule: &Value| {
        let mut rule = rule.clone();
        rule["action"] = action.into();
        rule
    };
    let subject = json!({"namespaces": {"matchLabels": {"team": "1"}}});
    let mut cases = 0;
    for (one, means_one) in OF_ADMIN {
        for (two, means_two) in OF_ADMIN {
            for actions in
                [["Allow", "Deny"], ["Deny", "Allow"], ["Pass", "Deny"], ["Deny", "Pass"]]
            {
                for (core, means_core) in OF_NAMESPACE {
                    for baseline in ["Allow", "Deny"] {
                        let spec = |priority: u16, rule: Value| json!({"priority": priority, "subject": subject, "ingress": [rule]});
                        let mut all = vec![
                            // The one that goes first is listed last.
                            policy(
                                ADMIN,
                                "AdminNetworkPolicy",
                                "",
                                "a-later",
                                spec(9, with(actions[1], &two())),
                            ),
                            policy(
                                ADMIN,
                                "AdminNetworkPolicy",
                                "",
                                "b-first",
                                spec(3, with(actions[0], &one())),
                            ),
                            policy(
                                ADMIN,
                                "BaselineAdminNetworkPolicy",
                                "",
                                "default",
                                json!({"subject": subject, "ingress": [with(baseline, &OF_ADMIN[1].0())]}),
                            ),
                        ];
                        all.extend(core.map(|spec| {
                            policy("networking.k8s.io/v1", "NetworkPolicy", "a", "n", spec())
                        }));
                        let admin = [(actions[0], *means_one), (actions[1], *means_two)];
                        let expected = |from: From, port: u16| match first(&admin, from, port) {
                            Some("Allow") => true,
                            Some("Deny") => false,
                            _ if core.is_some() => means_core(from, port),
                            _ => first(&[(baseline, OF_ADMIN[1].1)], from, port) != Some("Deny"),
                        };
                        check(&all, &expected);
                        cases += 1;
                    }
                }
            }
        }
    }
    assert_eq!(cases, 4 * 4 * 4 * 3 * 2);
}

#[test]
fn cluster_network_policies_decide_by_tier() {
    let spec = |tier: &str, action: &str| {
        json!({"tier": tier, "priority": 1, "subject": {"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}},
            "ingress": [{"action": action, "from": [{"namespaces": {"matchLabels": {"team": "2"}}}],
                "protocols": [{"tcp": {"destinationPort": {"number": 80}}}, {"tcp": {"destinationPort": {"range": {"start": 443, "end": 500}}}}]}]})
    };
    let of = |tier: &str, action: &str| {
        policy(
            "policy.networking.k8s.io/v1alpha2",
            "ClusterNetworkPolicy",
            "",
            tier,
            spec(tier, action),
        )
    };
    let closed =
        policy("networking.k8s.io/v1", "NetworkPolicy", "a", "n", json!({"podSelector": {}}));
    let is_meant = |from: From, port: u16| from.0 == "b" && port != 8080;
    check(&[of("Admin", "Accept"), closed.clone()], &is_meant);
    check(&[of("Admin", "Deny")], &|from, port| !is_meant(from, port));
    check(&[of("Baseline", "Deny")], &|from, port| !is_meant(from, port));
    check(&[of("Baseline", "Accept"), closed], &|_, _| false);
    check(&[of("Admin", "Pass"), of("Baseline", "Deny")], &|from, port| !is_meant(from, port));
}

/// Cilium's rules for a pod of namespace `a`, and whom they mean.
const OF_CILIUM: &[(Rule, Meaning)] = &[
    (|| json!({}), |_, _| false),
    (|| json!({"fromEndpoints": [{}]}), |f, _| f.0 == "a"),
    (|| json!({"fromEndpoints": []}), |_, _| false),
    (|| json!({"fromEndpoints": [{"matchLabels": {"k8s:app": "x"}}]}), |f, _| f == ("a", "x")),
    (
        || json!({"fromEndpoints": [{"matchLabels": {"io.kubernetes.pod.namespace": "b", "any:app": "x"}}]}),
        |f, _| f == ("b", "x"),
    ),
    (
        || json!({"fromEndpoints": [{"matchExpressions": [{"key": "k8s:io.kubernetes.pod.namespace", "operator": "Exists"}]}]}),
        |f, _| !f.0.is_empty(),
    ),
    (
        || json!({"fromEndpoints": [{"matchLabels": {"k8s:io.cilium.k8s.namespace.labels.team": "2"}}]}),
        |f, _| f.0 == "b",
    ),
    (|| json!({"fromEntities": ["cluster"]}), |f, _| !f.0.is_empty()),
    (|| json!({"fromEntities": ["all"]}), |_, _| true),
    (|| json!({"fromEntities": ["world"]}), |f, _| f.0.is_empty()),
    (|| json!({"fromEntities": ["host", "remote-node", "kube-apiserver"]}), |_, _| false),
    (|| json!({"fromCIDR": ["0.0.0.0/0", "::/0"]}), |f, _| f.0.is_empty()),
    (
        || json!({"toPorts": [{"ports": [{"port": "80", "protocol": "TCP"}, {"port": "443", "endPort": 8000, "protocol": "ANY"}]}]}),
        |_, p| p != 8080,
    ),
    (
        || json!({"fromEndpoints": [{}], "toPorts": [{"ports": [{"port": "http", "protocol": "TCP"}]}]}),
        |f, p| f.0 == "a" && p == 80,
    ),
    (|| json!({"toPorts": [{"ports": [{"port": "80", "protocol": "UDP"}]}]}), |_, _| false),
    (|| json!({"toPorts": [{"ports": [{"port": "0", "protocol": "TCP"}]}]}), |_, _| true),
    (|| json!({"icmps": [{"fields": [{"type": 8}]}]}), |_, _| false),
    (|| json!({"fromNodes": [{}]}), |_, _| false),
];

#[test]
fn ciliums_rules_add_up_with_network_policies_and_deny_first() {
    for (one, means_one) in OF_CILIUM {
        for (two, means_two) in OF_CILIUM {
            for (core, means_core) in OF_NAMESPACE {
                for is_default in [None, Some(false)] {
                    let mut spec = json!({"endpointSelector": {"matchLabels": {"app": "web"}}, "ingress": [one()], "ingressDeny": [two()]});
                    if let Some(is_default) = is_default {
                        spec["enableDefaultDeny"] = json!({ "ingress": is_default });
                    }
                    let mut all = vec![policy(CILIUM, "CiliumNetworkPolicy", "a", "c", spec)];
                    all.extend(core.map(|spec| {
                        policy("networking.k8s.io/v1", "NetworkPolicy", "a", "n", spec())
                    }));
                    check(&all, &|from, port| {
                        let is_open = is_default == Some(false) && core.is_none();
                        let is_admitted =
                            means_one(from, port) || (core.is_some() && means_core(from, port));
                        !means_two(from, port) && (is_open || is_admitted)
                    });
                }
            }
        }
    }
}

#[test]
fn ciliums_policies_select_pods_as_they_say() {
    let closes =
        |kind: &str, namespace: &str, spec: Value| vec![policy(CILIUM, kind, namespace, "c", spec)];
    let closed = json!([{}]);
    for (namespace, selector, selects) in [
        ("a", json!({}), true),
        ("b", json!({}), false),
        ("a", json!({"matchLabels": {"any:app": "web"}}), true),
        ("a", json!({"matchLabels": {"app": "db"}}), false),
        // The namespace of the policy holds, whatever a selector says.
        ("a", json!({"matchLabels": {"k8s:io.kubernetes.pod.namespace": "b"}}), true),
    ] {
        let spec = json!({"endpointSelector": selector, "ingress": closed});
        check(&closes("CiliumNetworkPolicy", namespace, spec), &|_, _| !selects);
    }
    for (selector, selects) in [
        (json!({}), true),
        (json!({"matchLabels": {"k8s:io.kubernetes.pod.namespace": "a"}}), true),
        (
            json!({"matchExpressions": [{"key": "io.kubernetes.pod.namespace", "operator": "NotIn", "values": ["a"]}]}),
            false,
        ),
        (json!({"matchLabels": {"io.cilium.k8s.namespace.labels.team": "1"}}), true),
        (json!({"matchExpressions": [{"key": "reserved:host", "operator": "Exists"}]}), false),
    ] {
        let spec = json!({"endpointSelector": selector, "ingress": closed});
        check(&closes("CiliumClusterwideNetworkPolicy", "", spec), &|_, _| !selects);
    }
    // Rules for nodes, and rules for what goes out only, close nothing.
    check(
        &closes(
            "CiliumClusterwideNetworkPolicy",
            "",
            json!({"nodeSelector": {}, "ingress": closed}),
        ),
        &|_, _| true,
    );
    check(
        &closes("CiliumNetworkPolicy", "a", json!({"endpointSelector": {}, "egress": [{}]})),
        &|_, _| true,
    );
    let several = object(
        CILIUM,
        "CiliumNetworkPolicy",
        "a",
        "c",
        json!({"specs": [
        {"endpointSelector": {}, "ingress": [{}]}, {"endpointSelector": {}, "ingress": [{"fromEntities": ["all"]}]}]}),
    );
    check(&[several], &|_, _| true);
}

#[test]
fn undecided_rules_are_unknown_and_named() {
    let cilium = |rules: Value| {
        let mut spec = json!({"endpointSelector": {}});
        spec.as_object_mut().unwrap().extend(rules.as_object().unwrap().clone());
        policy(CILIUM, "CiliumNetworkPolicy", "a", "odd", spec)
    };
    let admin = |name: &str, action: &str, from: Value| {
        policy(
            ADMIN,
            "AdminNetworkPolicy",
            "",
            name,
            json!({"priority": 1, "subject": {"namespaces": {}},
            "ingress": [{"action": action, "from": [from]}]}),
        )
    };
    let everybody = json!({"namespaces": {}});
    let http = json!({"toPorts": [{"ports": [{"port": "80", "protocol": "TCP"}], "rules": {"http": [{"path": "/public"}]}}]});
    for (policies, named) in [
        (vec![cilium(json!({"ingress": [http]}))], "CiliumNetworkPolicy a/odd"),
        // It filters requests even where nothing is denied by default.
        (
            vec![cilium(json!({"ingress": [http], "enableDefaultDeny": {"ingress": false}}))],
            "CiliumNetworkPolicy a/odd",
        ),
        (
            vec![cilium(
                json!({"ingress": [{"fromRequires": [{}], "fromEndpoints": [{"matchExpressions": [
            {"key": "io.kubernetes.pod.namespace", "operator": "Exists"}]}]}]}),
            )],
            "CiliumNetworkPolicy a/odd",
        ),
        (
            vec![cilium(json!({"ingress": [{"fromEntities": ["unmanaged"]}]}))],
            "CiliumNetworkPolicy a/odd",
        ),
        (
            vec![cilium(json!({"ingress": [{"fromEndpoints": [{"matchLabels": {
            "io.kubernetes.pod.namespace": "b", "io.cilium.k8s.policy.serviceaccount": "default"}}]}]}))],
            "CiliumNetworkPolicy a/odd",
        ),
        (
            vec![cilium(
                json!({"ingressDeny": [{"fromGroups": [{}]}], "ingress": [{"fromEntities": ["all"]}]}),
            )],
            "CiliumNetworkPolicy a/odd",
        ),
        (vec![admin("odd", "Deny", json!({"networks": ["10.0.0.0/8"]}))], "AdminNetworkPolicy odd"),
        (vec![admin("odd", "Refuse", everybody.clone())], "AdminNetworkPolicy odd"),
        // Two of one priority that say different things.
        (
            vec![
                admin("even", "Allow", everybody.clone()),
                admin("odd", "Deny", everybody.clone()),
            ],
            "AdminNetworkPolicy odd",
        ),
        // Which of both kinds goes first is not specified.
        (
            vec![admin("odd", "Allow", everybody), cilium(json!({"ingress": [{}]}))],
            "AdminNetworkPolicy odd",
        ),
    ] {
        let decision = decided(&policies, ("b", "x"), 80);
        assert_eq!(decision.truth, Truth::Unknown, "{policies:#?}");
        assert_eq!(decision.by.unwrap().to_string(), named, "{policies:#?}");
    }
    let group = cilium(json!({"ingress": [{"fromCIDRSet": [{"cidrGroupRef": "office"}]}]}));
    assert_eq!(decided(std::slice::from_ref(&group), ("", ""), 80).truth, Truth::Unknown);
    assert_eq!(
        decided(&[group], ("b", "x"), 80).truth,
        Truth::No,
        "pods are in no group of addresses"
    );
}

/// Whether pods of namespace `b`, whose owner chooses their labels, get in.
fn chosen(policies: &[Value]) -> Decision {
    let objects: Vec<Value> = policies.to_vec();
    let facts = Facts::from_objects(About::default(), &objects);
    let policy = Policy::default();
    let context = Context::new(&facts, &policy, None);
    let rules = context.network_rules().unwrap();
    let (b, a, web) = (labels(team("b")), labels(team("a")), app("web"));
    let client =
        Client::Pod(ClientPod { namespace: "b", namespace_labels: Some(&b), labels: None });
    let at = At {
        namespace: "a",
        namespace_labels: Some(&a),
        labels: Some(&web),
        names: &[],
        port: 80,
        protocol: "TCP",
    };
    rules.admits(&client, &at)
}

#[test]
fn who_chooses_labels_meets_rules_that_admit_them_and_avoids_those_that_deny() {
    let by = |selector: Value| json!([{"fromEndpoints": [selector]}]);
    let friend = json!({"matchLabels": {"io.kubernetes.pod.namespace": "b", "app": "friend"}});
    let foe = json!({"matchLabels": {"io.kubernetes.pod.namespace": "b", "app": "foe"}});
    let whole = json!({"matchLabels": {"io.kubernetes.pod.namespace": "b"}});
    let cilium = |allow: &Value, deny: &Value| {
        let spec = json!({"endpointSelector": {}, "ingress": by(allow.clone()), "ingressDeny": by(deny.clone())});
        chosen(&[policy(CILIUM, "CiliumNetworkPolicy", "a", "c", spec)]).truth
    };
    let unmatched = json!({"matchLabels": {"io.kubernetes.pod.namespace": "none"}});
    assert_eq!(cilium(&friend, &unmatched), Truth::Yes);
    assert_eq!(cilium(&whole, &foe), Truth::Yes, "it takes another label");
    assert_eq!(cilium(&friend, &foe), Truth::Unknown, "whether labels meet both is not solved");
    assert_eq!(cilium(&whole, &whole), Truth::No);
    let admin = |rules: Value| {
        let spec = json!({"priority": 1, "subject": {"namespaces": {}}, "ingress": rules});
        chosen(&[
            policy(ADMIN, "AdminNetworkPolicy", "", "p", spec),
            policy("networking.k8s.io/v1", "NetworkPolicy", "a", "n", json!({"podSelector": {}})),
        ])
        .truth
    };
    let pods = |app: &str| json!([{"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": app}}}}]);
    let all = json!([{"namespaces": {}}]);
    assert_eq!(admin(json!([{"action": "Allow", "from": pods("x")}])), Truth::Yes);
    assert_eq!(
        admin(json!([{"action": "Deny", "from": pods("x")}, {"action": "Allow", "from": all}])),
        Truth::Yes
    );
    assert_eq!(
        admin(
            json!([{"action": "Deny", "from": pods("x")}, {"action": "Allow", "from": pods("x")}])
        ),
        Truth::Unknown
    );
    assert_eq!(
        admin(json!([{"action": "Deny", "from": all}, {"action": "Allow", "from": pods("x")}])),
        Truth::No
    );
    assert_eq!(
        admin(json!([{"action": "Pass", "from": all}, {"action": "Allow", "from": all}])),
        Truth::No
    );
}
