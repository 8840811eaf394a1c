//! Further faults: other members of the kinds that the families already have.

use ckf_worlds::object;
use serde_json::{Value, json};

use super::{
    Fault, NETWORKING, RBAC, account, add, bind, envoy_filter, fault, first_pod, mesh_gateway,
    policy, route_to, set, take, to, virtual_service,
};
use crate::case::Case;

const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";

/// Lets the account of a profile do something in a namespace.
fn lets(c: &mut Case, namespace: &str, of: &str, resource: &str, verb: &str) {
    let rules = json!([{"apiGroups": [""], "resources": [resource], "verbs": [verb]}]);
    add(c, object(RBAC, "Role", namespace, "door", json!({ "rules": rules })));
    let subject = account(of, "default-editor");
    bind(c, "RoleBinding", namespace, "door", ("Role", "door"), subject);
}

/// Adds options to the mesh.
pub fn mesh_option(c: &mut Case, text: &str) {
    let map = c.world.get("ConfigMap", "istio");
    let mesh = map["data"]["mesh"].as_str().unwrap_or_default().to_owned();
    map["data"]["mesh"] = format!("{mesh}{text}\n").into();
}

fn https_gateway(c: &mut Case, from: &str) {
    mesh_gateway(
        c,
        "kubeflow",
        json!([{"name": "https", "port": 443, "protocol": "HTTPS",
        "tls": {"certificateRefs": [{"name": "kubeflow-gateway-gateway-secret"}]}}]),
    );
    let door = c
        .world
        .objects
        .iter_mut()
        .find(|o| o["metadata"]["name"] == "door" && o["kind"] == "Gateway");
    door.expect("it was added")["spec"]["allowedListeners"] = json!({"namespaces": {"from": from}});
}

/// A set of listeners of a profile, on the Gateway `door`, with a route to the dashboard.
fn listener_set(c: &mut Case, listener: Value) {
    https_gateway(c, "All");
    let parent = json!({"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "door", "namespace": "kubeflow"});
    let mut listener = listener;
    listener["allowedRoutes"] = json!({"namespaces": {"from": "All"}});
    let spec = json!({"parentRef": parent, "listeners": [listener]});
    add(c, object(GATEWAY_API, "ListenerSet", "team-a", "door", json!({ "spec": spec })));
    let mut route = route_to("HTTPRoute", "kubeflow", "kubeflow-dashboard", 8082);
    route["spec"]["parentRefs"] = json!([{"kind": "ListenerSet", "group": "gateway.networking.k8s.io",
        "name": "door", "namespace": "team-a"}]);
    add(c, route);
}

/// Rights, and policies.
pub const AUTHORISATION: &[Fault] = &[
    fault(
        "AUTHZ-09",
        "an account of a profile that reaches the platform by the API server's proxy",
        |c| lets(c, "kubeflow", "team-a", "services/proxy", "get"),
    ),
    fault("AUTHZ-06", "a foreign account that forwards ports of a profile's pods", |c| {
        lets(c, "team-a", "team-b", "pods/portforward", "get")
    }),
    fault("AUTHZ-04", "an account under an alias of the trust domain", |c| {
        mesh_option(c, "trustDomainAliases: [old-td]");
        add(
            c,
            policy(
                "team-a",
                "door",
                json!({"action": "ALLOW", "rules": [{"from": [{"source": {
            "principals": ["old-td/ns/team-b/sa/default-editor"]}}]}]}),
            ),
        );
    }),
];

/// Login, and sessions.
pub const AUTHENTICATION: &[Fault] = &[
    fault("AUTHN-15", "a header of identity for every route of a virtual host", |c| {
        let header = json!({"header": {"key": "Kubeflow-UserId", "value": "ada@example.com"}});
        add(
            c,
            envoy_filter(
                "kubeflow",
                "door",
                json!({"applyTo": "VIRTUAL_HOST", "match": {"context": "GATEWAY"},
            "patch": {"operation": "MERGE", "value": {"requestHeadersToAdd": [header]}}}),
            ),
        );
    })
    .also(&["AUTHN-07"]),
    fault("AUTHN-01", "a route of the gateway that asks no authoriser, in camelCase", |c| {
        add(
            c,
            envoy_filter(
                "kubeflow",
                "door",
                json!({"applyTo": "HTTP_ROUTE", "match": {"context": "GATEWAY"},
            "patch": {"operation": "MERGE", "value": {"typedPerFilterConfig": {"envoy.filters.http.ext_authz": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute", "disabled": true}}}}}),
            ),
        );
    })
    .also(&["AUTHN-07"]),
    fault("AUTHN-01", "listeners of a profile on a Gateway of the platform", |c| {
        listener_set(
            c,
            json!({"name": "mine", "port": 8443, "protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "mine"}]}}),
        )
    })
    .also(&["AUTHZ-04"]),
    fault("AUTHN-17", "a route to the dashboard whose answers every origin reads", |c| {
        let cors = json!({"allowOrigins": [{"regex": ".*"}], "allowCredentials": true});
        set(c, "VirtualService", "kubeflow-dashboard", "/spec/http/0/corsPolicy", cors)
    }),
];

/// Ways of the mesh.
pub const NETWORK: &[Fault] = &[
    fault("NET-08", "requests of the mesh to every Service, taken by a profile", |c| {
        take(c, "*.svc.cluster.local")
    }),
    fault("NET-08", "requests of the mesh by a short name, taken by a profile", |c| {
        take(c, "ml-pipeline.kubeflow")
    }),
    fault(
        "NET-08",
        "requests of the mesh to the platform's addresses, taken by a ServiceEntry",
        |c| {
            set(c, "Service", "ml-pipeline", "/spec/clusterIP", "10.152.183.40".into());
            set(c, "Service", "ml-pipeline", "/spec/clusterIPs", json!(["10.152.183.40"]));
            add(
                c,
                object(
                    NETWORKING,
                    "ServiceEntry",
                    "team-a",
                    "take",
                    json!({"spec": {
            "hosts": ["models.example.org"], "addresses": ["10.152.183.0/26"], "resolution": "STATIC",
            "ports": [{"number": 8888, "name": "http", "protocol": "HTTP"}], "endpoints": [{"address": "192.0.2.7"}]}}),
                ),
            )
        },
    ),
    fault("NET-08", "a notebook's route to a name for the platform's storage", |c| {
        add(
            c,
            object(
                "v1",
                "Service",
                "team-a",
                "alias",
                json!({"spec": {"type": "ExternalName",
            "externalName": "minio.kubeflow.svc.cluster.local"}}),
            ),
        );
        add(
            c,
            virtual_service(
                "team-a",
                "alias",
                json!({"hosts": ["*"], "gateways": ["kubeflow/kubeflow-gateway"],
            "http": [{"match": [{"uri": {"prefix": "/notebook/team-a/alias/"}}], "route": to("alias.team-a.svc.cluster.local")}]}),
            ),
        )
    }),
    fault("NET-05", "a notebook whose requests go past its sidecar", |c| {
        let i = first_pod(c, "team-a", "nb1-0");
        c.world.objects[i]["metadata"]["annotations"]["sidecar.istio.io/interceptionMode"] =
            "NONE".into();
    }),
    fault("NET-09", "what pods of all profiles ask for, sent through a proxy of a profile", |c| {
        add(
            c,
            object(
                NETWORKING,
                "Sidecar",
                "kubeflow",
                "default",
                json!({"spec": {
            "outboundTrafficPolicy": {"mode": "ALLOW_ANY", "egressProxy": {"host": "proxy.team-a.svc.cluster.local"}}}}),
            ),
        )
    }),
    fault("NET-09", "a profile's pods that reach every host, where the mesh knows all", |c| {
        mesh_option(c, "outbound_traffic_policy: {mode: REGISTRY_ONLY}");
        let spec = json!({"outboundTrafficPolicy": {"mode": "ALLOW_ANY"}});
        add(c, object(NETWORKING, "Sidecar", "team-a", "open", json!({ "spec": spec })))
    }),
    fault("NET-09", "what a pod offers to itself, opened by a Sidecar", |c| {
        let port = json!({"number": 9999, "protocol": "HTTP", "name": "http"});
        let spec = json!({"ingress": [{"port": port, "defaultEndpoint": "127.0.0.1:8888"}]});
        add(c, object(NETWORKING, "Sidecar", "team-a", "open", json!({ "spec": spec })))
    }),
    fault("NET-10", "a profile's routes to the platform's Services", |c| {
        add(
            c,
            object(
                GATEWAY_API,
                "ReferenceGrant",
                "kubeflow",
                "door",
                json!({"spec": {
            "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "team-a"}],
            "to": [{"group": "", "kind": "Service"}]}}),
            ),
        )
    }),
];

/// TLS of the gateway.
pub const TLS: &[Fault] = &[
    fault("TLS-11", "a suite of the mesh's defaults", |c| {
        mesh_option(c, "tlsDefaults: {cipherSuites: [AES128-SHA]}")
    }),
    fault("TLS-02", "listeners of a profile on a Gateway of the platform, in clear", |c| {
        listener_set(c, json!({"name": "mine", "port": 8080, "protocol": "HTTP"}))
    })
    .also(&["AUTHN-01", "AUTHZ-04", "TLS-01"]),
];

/// Pods.
pub const PODS: &[Fault] = &[fault("PSS-07", "a container to debug with, with every right", |c| {
    let i = first_pod(c, "kubeflow", "kfp-api-0");
    c.world.objects[i]["spec"]["ephemeralContainers"] = json!([{"name": "debug",
            "image": "docker.io/library/busybox:1", "securityContext": {"privileged": true}}]);
})
.also(&["IMG-01", "IMG-04"])];

/// Rights of users.
pub const CREDENTIALS: &[Fault] =
    &[fault("CRED-03", "all users of another controller may add models to the cloud", |c| {
        c.grants().1[0].users.insert("everyone@external".into(), "add-model".into());
    })];

/// Offers.
pub const JUJU: &[Fault] =
    &[fault("JUJU-18", "an offer to all users of another controller", |c| {
        c.grants().0[0].users.insert("everyone@external".into(), "read".into());
    })];
