//! Faults in the network.

use ckf_worlds::object;
use serde_json::{Value, json};

use crate::case::Case;

use super::{Fault, NETWORKING, SECURITY, add, fault, first_pod, network_policy, set};

const CILIUM: &str = "cilium.io/v2";

/// A second policy for all pods of the profile.
fn opened(c: &mut Case, ingress: Value) {
    add(c, network_policy("team-a", "open", json!({"podSelector": {}, "ingress": ingress})));
}

fn from_blocks(blocks: &[&str]) -> Value {
    let from: Value = blocks.iter().map(|cidr| json!({"ipBlock": {"cidr": cidr}})).collect();
    json!([{ "from": from }])
}

/// A second policy for what goes out of pods of the profile, which choose their labels.
fn egress(c: &mut Case, rules: Value) {
    let spec = json!({"podSelector": {"matchLabels": {"app": "x"}}, "policyTypes": ["Egress"],
        "egress": rules});
    add(c, network_policy("team-a", "more", spec));
}

/// Each on its own makes its control fail.
pub const FAULTS: &[Fault] = &[
    fault("NET-01", "no policy", |c| {
        c.world.remove("NetworkPolicy", "default-deny");
    })
    .also(&["AUTHZ-04", "AUTHZ-07"]),
    fault("NET-01", "a policy that selects nothing", |c| {
        set(
            c,
            "NetworkPolicy",
            "default-deny",
            "/spec/podSelector",
            json!({"matchLabels": {"never": "there"}}),
        )
    })
    .also(&["AUTHZ-04", "AUTHZ-07"]),
    fault("NET-01", "a policy that admits all", |c| {
        set(c, "NetworkPolicy", "default-deny", "/spec/ingress", json!([{}]))
    })
    .also(&["AUTHZ-04", "AUTHZ-07"]),
    fault("NET-01", "a second policy for all clients on one port", |c| {
        let rule = json!({"ports": [{"protocol": "TCP", "port": 8888}]});
        opened(c, json!([rule]))
    })
    .also(&["AUTHZ-04", "AUTHZ-07"]),
    fault("NET-01", "a private network", |c| opened(c, from_blocks(&["10.0.0.0/8"])))
    .also(&["AUTHZ-04", "AUTHZ-07"]),
    fault("NET-01", "halves of all addresses", |c| {
        opened(c, from_blocks(&["0.0.0.0/1", "128.0.0.0/1"]))
    })
    .also(&["AUTHZ-04", "AUTHZ-07"]),
    fault("NET-01", "halves in two rules, ranges of ports that meet", |c| {
        let half = |block: &str, first: u16, last: u16| json!({"from": [{"ipBlock": {"cidr": block}}], "ports": [{"port": first, "endPort": last}]});
        opened(c, json!([half("10.0.0.0/9", 8000, 8888), half("10.128.0.0/9", 8888, 9000)]))
    })
    .also(&["AUTHZ-04", "AUTHZ-07"]),
    fault("NET-01", "all addresses but a few", |c| {
        let block = json!({"cidr": "0.0.0.0/0", "except": ["192.0.2.0/24"]});
        opened(c, json!([{"from": [{"ipBlock": block}]}]))
    })
    .also(&["AUTHZ-04", "AUTHZ-07"]),
    fault("NET-01", "profiles by their label", |c| {
        let selector = json!({"matchLabels": {"app.kubernetes.io/part-of": "kubeflow-profile"}});
        opened(c, json!([{"from": [{"namespaceSelector": selector}]}]))
    })
    .also(&["AUTHZ-04", "AUTHZ-07"]),
    fault("NET-01", "namespaces by an expression", |c| {
        let expression =
            json!({"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["x"]});
        let selector = json!({"matchExpressions": [expression]});
        opened(
            c,
            json!([{"from": [{"namespaceSelector": selector,
            "podSelector": {"matchLabels": {"app": "friend"}}}]}]),
        )
    })
    .also(&["AUTHZ-04", "AUTHZ-07"]),
    fault("NET-01", "some pods only", |c| {
        let spec = json!({"podSelector": {"matchLabels": {"app": "x"}}, "ingress": [{}]});
        add(c, network_policy("team-a", "open", spec))
    })
    .also(&["AUTHZ-04", "AUTHZ-07"]),
    fault("NET-01", "the addresses of the nodes' pods", |c| {
        let mut nodes = c.world.objects.iter_mut().filter(|o| o["kind"] == "Node");
        nodes.next().unwrap()["spec"]["podCIDRs"] = json!(["10.1.3.0/24"]);
        opened(c, from_blocks(&["10.1.0.0/16"]))
    })
    .also(&["AUTHZ-04", "AUTHZ-07"]),
    fault("NET-11", "no policy", |c| {
        c.world.remove("NetworkPolicy", "no-metadata");
    }),
    fault("NET-11", "a policy for some pods", |c| {
        let some = json!({"matchLabels": {"app": "x"}});
        set(c, "NetworkPolicy", "no-metadata", "/spec/podSelector", some);
    }),
    fault("NET-11", "a policy that names Ingress only", |c| {
        set(c, "NetworkPolicy", "no-metadata", "/spec/policyTypes", json!(["Ingress"]));
    }),
    fault("NET-11", "all destinations", |c| egress(c, json!([{}]))),
    fault("NET-11", "link-local addresses on some ports", |c| {
        let block = json!({"ipBlock": {"cidr": "169.254.0.0/16"}});
        egress(c, json!([{"to": [block], "ports": [{"port": 79, "endPort": 81}]}]));
    }),
    fault("NET-11", "an exception too narrow", |c| {
        let block = json!({"cidr": "168.0.0.0/6", "except": ["169.254.169.0/25"]});
        egress(c, json!([{"to": [{"ipBlock": block}]}]));
    }),
    fault("NET-11", "all of IPv6", |c| egress(c, json!([{"to": [{"ipBlock": {"cidr": "::/0"}}]}]))),
    fault("NET-01", "Cilium's policy for the whole cluster", |c| {
        let spec = json!({"endpointSelector": {}, "ingress": [{"fromEntities": ["cluster"]}]});
        add(c, object(CILIUM, "CiliumNetworkPolicy", "team-a", "open", json!({ "spec": spec })));
    })
    .also(&["AUTHZ-04", "AUTHZ-07"]),
    fault("NET-01", "a policy of administrators before the profile's", |c| {
        let all = json!({"namespaces": {"matchLabels": {"app.kubernetes.io/part-of": "kubeflow-profile"}}});
        let spec = json!({"priority": 1, "subject": all, "ingress": [{"action": "Allow", "from": [all]}]});
        let api = "policy.networking.k8s.io/v1alpha1";
        add(c, object(api, "AdminNetworkPolicy", "", "tenants", json!({ "spec": spec })));
    })
    .also(&["AUTHZ-04", "AUTHZ-07"]),
    fault("NET-02", "Cilium's policy for the web apps", |c| {
        let spec = json!({"endpointSelector": {"matchLabels": {"app.kubernetes.io/name": "katib-ui"}},
            "ingress": [{"fromEntities": ["all"]}]});
        add(c, object(CILIUM, "CiliumNetworkPolicy", "kubeflow", "open", json!({ "spec": spec })));
    }),
    fault("NET-02", "namespaces of profiles to come", |c| {
        let selector = json!({"matchLabels": {"katib-metricscollector-injection": "enabled"},
            "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["team-a"]}]});
        let rule = json!({"from": [{"namespaceSelector": selector}]});
        add(c, network_policy("kubeflow", "open", json!({"podSelector": {}, "ingress": [rule]})))
    }),
    fault("NET-02", "one app open", |c| {
        set(
            c,
            "NetworkPolicy",
            "web-apps",
            "/spec/podSelector/matchExpressions/0/values",
            json!(["katib-ui"]),
        )
    }),
    fault("NET-02", "a second policy that opens all", |c| {
        add(
            c,
            network_policy(
                "kubeflow",
                "open",
                json!({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {}}]}]}),
            ),
        )
    }),
    fault("NET-03", "permissive", |c| {
        set(c, "PeerAuthentication", "default", "/spec/mtls/mode", "PERMISSIVE".into())
    }),
    fault("NET-03", "strict for some pods only", |c| {
        set(
            c,
            "PeerAuthentication",
            "default",
            "/spec/selector",
            json!({"matchLabels": {"app": "x"}}),
        )
    }),
    fault("NET-03", "a port of some pods", |c| {
        let port = json!({"8080": {"mode": "DISABLE"}});
        let selector = json!({"matchLabels": {"app": "x"}});
        let spec = json!({"selector": selector, "portLevelMtls": port});
        add(c, object(SECURITY, "PeerAuthentication", "team-a", "ports", json!({ "spec": spec })))
    }),
    fault("NET-03", "an older policy that inherits from nothing", |c| {
        let mut older =
            object(SECURITY, "PeerAuthentication", "team-a", "older", json!({"spec": {}}));
        older["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z".into();
        c.world.get("PeerAuthentication", "default")["metadata"]["creationTimestamp"] =
            "2021-01-01T00:00:00Z".into();
        add(c, older)
    }),
    fault("NET-04", "switched off for the mesh", |c| {
        add(
            c,
            object(
                SECURITY,
                "PeerAuthentication",
                "kubeflow",
                "mesh",
                json!({"spec": {"mtls": {"mode": "DISABLE"}}}),
            ),
        )
    }),
    fault("NET-05", "a pod without proxy", |c| {
        let i = first_pod(c, "team-a", "ml-pipeline-ui-artifact");
        c.world.objects[i]["spec"]["containers"]
            .as_array_mut()
            .unwrap()
            .retain(|x| x["name"] != "istio-proxy");
    }),
    fault("NET-05", "a job that is exposed", |c| {
        add(
            c,
            object(
                "v1",
                "Service",
                "team-a",
                "mnist",
                json!({"spec": {"type": "NodePort",
                    "selector": {"training.kubeflow.org/job-name": "mnist"}, "ports": [{"port": 80}]}}),
            ),
        )
    })
    .also(&["NET-06"]),
    fault("NET-06", "a NodePort", |c| set(c, "Service", "minio", "/spec/type", "NodePort".into())),
    fault("NET-06", "an external address", |c| {
        set(c, "Service", "minio", "/spec/externalIPs", json!(["192.0.2.7"]))
    }),
    fault("NET-07", "by addresses to which no range applies", |c| {
        set(c, "Service", "istio-ingressgateway-workload", "/spec/externalIPs", json!(["192.0.2.7"]))
    }),
    fault("NET-05", "a port past the sidecar", |c| {
        set(c, "Pod", "nb1-0", "/metadata/annotations", json!({"traffic.sidecar.istio.io/excludeInboundPorts": "8888"}))
    }),
    fault("NET-05", "ports of which the sidecar sees none", |c| {
        set(c, "Pod", "nb1-0", "/metadata/annotations", json!({"traffic.sidecar.istio.io/includeInboundPorts": ""}))
    }),
    fault("NET-07", "from everywhere", |c| {
        set(
            c,
            "Service",
            "istio-ingressgateway-workload",
            "/spec/loadBalancerSourceRanges",
            json!(["0.0.0.0/0"]),
        )
    }),
    fault("NET-08", "a route for every host with the label of a model", |c| {
        set(c, "VirtualService", "iris", "/spec/hosts", json!(["*"]))
    })
    .also(&["AUTHN-01", "AUTHN-02"]),
    fault("NET-08", "a model's route for the platform's host", |c| {
        set(c, "VirtualService", "iris", "/spec/hosts", json!([ckf_worlds::HOST]))
    })
    .also(&["AUTHN-01", "AUTHN-02"]),
    fault("NET-08", "a model's route to another profile", |c| {
        set(
            c,
            "VirtualService",
            "iris-predictor-ingress",
            "/spec/http/0/route/0/destination/host",
            "iris.team-b.svc.cluster.local".into(),
        )
    }),
    fault("NET-08", "a route of a stranger", |c| {
        add(
            c,
            object(
                NETWORKING,
                "VirtualService",
                "team-a",
                "mine",
                json!({"spec": {
        "gateways": ["kubeflow/kubeflow-gateway"], "hosts": ["*"], "http": [{"match": [{"uri": {"prefix": "/mine"}}],
            "route": [{"destination": {"host": "mine.team-a.svc.cluster.local"}}]}]}}),
            ),
        )
    }),
];
