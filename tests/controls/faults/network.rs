//! Faults in the network.

use ckf_worlds::object;
use serde_json::json;

use super::{Fault, NETWORKING, SECURITY, add, fault, first_pod, network_policy, set};

/// Each on its own makes its control fail.
pub const FAULTS: &[Fault] = &[
    fault("NET-01", "no policy", |c| {
        c.world.remove("NetworkPolicy", "default-deny");
    }),
    fault("NET-01", "a policy that selects nothing", |c| {
        set(
            c,
            "NetworkPolicy",
            "default-deny",
            "/spec/podSelector",
            json!({"matchLabels": {"never": "there"}}),
        )
    }),
    fault("NET-01", "a policy that admits all", |c| {
        set(c, "NetworkPolicy", "default-deny", "/spec/ingress", json!([{}]))
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
    fault("NET-06", "a NodePort", |c| set(c, "Service", "minio", "/spec/type", "NodePort".into())),
    fault("NET-06", "an external address", |c| {
        set(c, "Service", "minio", "/spec/externalIPs", json!(["192.0.2.7"]))
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
