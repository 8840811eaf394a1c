//! Faults in what leads into the platform, by whatever object: each opens a way that the
//! platform's charms do not.

use ckf_worlds::object;
use serde_json::{Value, json};

use super::{
    Fault, NETWORKING, add, fault, first_pod, gateway, mesh_gateway, route_to, server, set, take,
    to, virtual_service,
};
use crate::case::Case;

fn ingress(c: &mut Case, spec: Value) {
    add(c, object("networking.k8s.io/v1", "Ingress", "kubeflow", "door", json!({ "spec": spec })))
}

fn backend(service: &str, port: u16) -> Value {
    json!({"service": {"name": service, "port": {"number": port}}})
}

fn path_to(service: &str, port: u16) -> Value {
    json!([{"host": "door.example.com", "http": {"paths": [
        {"path": "/", "pathType": "Prefix", "backend": backend(service, port)}]}}])
}

/// A route to the dashboard on a Gateway by this name.
fn dashboard_by(c: &mut Case, gateway: &str) {
    add(
        c,
        virtual_service(
            "team-a",
            "door",
            json!({"hosts": ["*"], "gateways": [gateway],
        "http": [{"match": [{"uri": {"prefix": "/mine"}}],
            "route": to("kubeflow-dashboard.kubeflow.svc.cluster.local")}]}),
        ),
    );
}

fn port_of(c: &mut Case, namespace: &str, pod: &str, port: Value) {
    let i = first_pod(c, namespace, pod);
    c.world.objects[i]["spec"]["containers"][0]["ports"] = json!([port]);
}

/// Pods of a gateway that is not istio-pilot's, and a Service that exposes them.
fn other_gateway(c: &mut Case, selector: &str) {
    let i = first_pod(c, "kubeflow", "istio-ingressgateway-workload");
    let mut pod = c.world.objects[i].clone();
    pod["metadata"]["name"] = "door-0".into();
    pod["metadata"]["namespace"] = "team-a".into();
    pod["metadata"]["labels"] = json!({"istio": selector});
    add(c, pod);
    add(
        c,
        object(
            "v1",
            "Service",
            "team-a",
            "door",
            json!({"spec": {"type": "ClusterIP",
        "selector": {"istio": selector}, "ports": [{"port": 80, "targetPort": 8080}]}}),
        ),
    );
}

/// A Gateway of the Gateway API with TLS, in the platform's namespace.
fn https_gateway(c: &mut Case) {
    mesh_gateway(
        c,
        "kubeflow",
        json!([{"name": "https", "port": 443, "protocol": "HTTPS",
        "tls": {"certificateRefs": [{"name": "kubeflow-gateway-gateway-secret"}]}}]),
    );
}

/// Ways round the gateway.
pub const FAULTS: &[Fault] = &[
    fault("NET-06", "a port of the node", |c| {
        port_of(c, "kubeflow", "kfp-api-0", json!({"containerPort": 8888, "hostPort": 8888}))
    })
    .also(&["PSS-07"]),
    fault("NET-06", "a port of the node, to a tenant's pod", |c| {
        port_of(c, "team-a", "nb1-0", json!({"containerPort": 8888, "hostPort": 30888}))
    })
    .also(&["PSS-07"]),
    fault("NET-06", "the node's network", |c| {
        let i = first_pod(c, "kubeflow", "minio-0");
        c.world.objects[i]["spec"]["hostNetwork"] = true.into();
    })
    .also(&["PSS-07"]),
    fault("NET-06", "an Ingress to the dashboard, in clear", |c| {
        ingress(
            c,
            json!({"ingressClassName": "nginx", "rules": path_to("kubeflow-dashboard", 8082)}),
        )
    })
    .also(&["AUTHN-01", "TLS-01", "TLS-02"]),
    fault("NET-06", "an Ingress with TLS", |c| {
        ingress(
            c,
            json!({"ingressClassName": "nginx", "rules": path_to("kfp-ui", 3000),
            "tls": [{"hosts": ["door.example.com"], "secretName": "door"}]}),
        )
    })
    .also(&["AUTHN-01"]),
    fault("NET-06", "an Ingress by its default backend", |c| {
        ingress(c, json!({"defaultBackend": backend("minio", 9000)}))
    })
    .also(&["AUTHN-01", "TLS-01", "TLS-02"]),
    fault("NET-06", "an Ingress to a tenant's notebook", |c| {
        add(
            c,
            object(
                "networking.k8s.io/v1",
                "Ingress",
                "team-a",
                "door",
                json!({"spec": {
            "defaultBackend": backend("nb1", 80), "tls": [{"secretName": "door"}]}}),
            ),
        )
    })
    .also(&["AUTHN-01"]),
    fault("NET-06", "an exposed look-alike of the gateway's Service", |c| {
        add(
            c,
            object(
                "v1",
                "Service",
                "kubeflow",
                "istio-ingressgateway",
                json!({
            "metadata": {"labels": {"istio": "ingressgateway"}},
            "spec": {"type": "LoadBalancer", "selector": {"app.kubernetes.io/name": "kfp-api"},
                "ports": [{"port": 80, "targetPort": 8888}]}}),
            ),
        );
    }),
    fault("NET-06", "an exposed Service that bears a Gateway's name", |c| {
        mesh_gateway(c, "elsewhere", json!([]));
        let i = first_pod(c, "kubeflow", "minio-0");
        c.world.objects[i]["metadata"]["labels"]["gateway.networking.k8s.io/gateway-name"] =
            "door".into();
        add(
            c,
            object(
                "v1",
                "Service",
                "kubeflow",
                "more",
                json!({"spec": {"type": "NodePort",
            "selector": {"gateway.networking.k8s.io/gateway-name": "door"}, "ports": [{"port": 9000}]}}),
            ),
        );
    }),
    fault("NET-08", "a Gateway by its full host", |c| {
        dashboard_by(c, "kubeflow-gateway.kubeflow.svc.cluster.local")
    }),
    fault("NET-08", "a Gateway by its short host", |c| {
        dashboard_by(c, "kubeflow-gateway.kubeflow")
    }),
    fault("NET-08", "a Gateway of the same namespace by a dot", |c| {
        dashboard_by(c, "./kubeflow-gateway");
        c.world.get("VirtualService", "door")["metadata"]["namespace"] = "kubeflow".into();
    }),
    fault("NET-08", "Knative's Gateway on the same pods", |c| {
        dashboard_by(c, "knative-serving/knative-ingress-gateway")
    }),
    fault("NET-08", "a mirror of the platform's requests", |c| {
        set(
            c,
            "VirtualService",
            "kfp-ui",
            "/spec/http/0/mirror",
            json!({"host": "evil.team-a.svc.cluster.local"}),
        )
    }),
    fault("NET-08", "one of several mirrors", |c| {
        let mirrors = json!([{"destination": {"host": "evil.team-a.svc.cluster.local"}, "percentage": {"value": 1}}]);
        set(c, "VirtualService", "kfp-ui", "/spec/http/0/mirrors", mirrors)
    }),
    fault("NET-08", "a delegate in a profile", |c| {
        add(
            c,
            virtual_service(
                "kubeflow",
                "door",
                json!({"hosts": ["*"],
            "gateways": ["kubeflow/kubeflow-gateway"], "http": [{"match": [{"uri": {"prefix": "/mine"}}],
                "delegate": {"name": "mine", "namespace": "team-a"}}]}),
            ),
        );
        add(
            c,
            virtual_service(
                "team-a",
                "mine",
                json!({"http": [{"route": to("mine.team-a.svc.cluster.local")}]}),
            ),
        );
    }),
    fault("NET-08", "a route of the release to another service", |c| {
        set(c, "VirtualService", "kfp-ui", "/spec/http/0/route/0/destination/host", "minio".into())
    }),
    fault("NET-08", "requests of the mesh to the platform, taken by a profile", |c| {
        take(c, "ml-pipeline.kubeflow.svc.cluster.local")
    }),
    fault("NET-08", "requests of the mesh to the platform, taken by a ServiceEntry", |c| {
        add(
            c,
            object(
                NETWORKING,
                "ServiceEntry",
                "team-a",
                "take",
                json!({"spec": {
            "hosts": ["minio.kubeflow.svc.cluster.local"], "location": "MESH_EXTERNAL", "resolution": "STATIC",
            "ports": [{"number": 9000, "name": "tcp", "protocol": "TCP"}], "endpoints": [{"address": "192.0.2.7"}]}}),
            ),
        )
    }),
    fault("NET-08", "a host of Knative's DomainMapping", |c| {
        add(
            c,
            object(
                "serving.knative.dev/v1beta1",
                "DomainMapping",
                "team-a",
                "kubeflow.example.com",
                json!({"spec": {"ref": {"kind": "Service", "apiVersion": "serving.knative.dev/v1", "name": "iris"}}}),
            ),
        )
    }),
    fault("NET-08", "an Ingress that Istio's own controller serves", |c| {
        add(
            c,
            object(
                "networking.k8s.io/v1",
                "IngressClass",
                "",
                "istio",
                json!({"spec": {"controller": "istio.io/ingress-controller"}}),
            ),
        );
        ingress(c, json!({"ingressClassName": "istio", "rules": path_to("minio", 9000)}))
    }),
];

/// Connections of the mesh in clear.
pub const MESH: &[Fault] = &[
    fault("NET-04", "a DestinationRule for the platform's services", |c| {
        add(
            c,
            destination_rule(
                "kubeflow",
                "*.kubeflow.svc.cluster.local",
                json!({"tls": {"mode": "DISABLE"}}),
            ),
        )
    }),
    fault("NET-04", "a DestinationRule for one port, by a short name", |c| {
        let ports = json!([{"port": {"number": 8888}, "tls": {"mode": "DISABLE"}}]);
        add(c, destination_rule("kubeflow", "ml-pipeline", json!({"portLevelSettings": ports})))
    }),
    fault("NET-04", "a DestinationRule for all of the mesh", |c| {
        add(c, destination_rule("kubeflow", "*.local", json!({"tls": {"mode": "DISABLE"}})))
    }),
];

fn destination_rule(namespace: &str, host: &str, policy: Value) -> Value {
    let spec = json!({"host": host, "trafficPolicy": policy});
    object(NETWORKING, "DestinationRule", namespace, "clear", json!({ "spec": spec }))
}

/// Ways without login.
pub const LOGIN: &[Fault] = &[
    fault("AUTHN-01", "a port that no Service leads to", |c| {
        add(c, gateway("kubeflow", "inner", json!([server(9999, "HTTP")])));
        add(
            c,
            virtual_service(
                "kubeflow",
                "inner",
                json!({"hosts": ["*"], "gateways": ["inner"],
            "http": [{"route": to("ml-pipeline.kubeflow.svc.cluster.local")}]}),
            ),
        );
    })
    .also(&["AUTHN-02", "NET-08"]),
    fault("AUTHN-01", "a Gateway API Gateway with TLS beside istio-pilot's", |c| {
        https_gateway(c);
        add(c, route_to("HTTPRoute", "kubeflow", "kubeflow-dashboard", 8082));
    })
    .also(&["AUTHZ-04"]),
    fault("AUTHN-01", "a route of GRPC on it", |c| {
        https_gateway(c);
        add(c, route_to("GRPCRoute", "kubeflow", "kfp-api", 8887));
    })
    .also(&["AUTHZ-04"]),
    fault("AUTHN-01", "TLS that it passes through", |c| {
        mesh_gateway(
            c,
            "kubeflow",
            json!([{"name": "tls", "port": 443, "protocol": "TLS",
            "tls": {"mode": "Passthrough"}}]),
        );
        add(c, route_to("TLSRoute", "kubeflow", "minio", 9000));
    })
    .also(&["AUTHZ-04"]),
    fault("AUTHN-01", "another Gateway of Istio on pods of a profile", |c| {
        other_gateway(c, "door");
        add(
            c,
            object(
                NETWORKING,
                "Gateway",
                "team-a",
                "door",
                json!({"spec": {"selector": {"istio": "door"},
            "servers": [{"hosts": ["*"], "port": {"name": "https", "number": 8443, "protocol": "HTTPS"},
                "tls": {"mode": "SIMPLE", "credentialName": "door"}}]}}),
            ),
        );
        dashboard_by(c, "door");
    }),
];

/// Ways in clear.
pub const CLEAR: &[Fault] = &[
    fault("TLS-01", "two meshes at once", |c| {
        mesh_gateway(c, "kubeflow", json!([{"name": "http", "port": 80, "protocol": "HTTP"}]));
        add(c, route_to("HTTPRoute", "kubeflow", "kubeflow-dashboard", 8082));
    })
    .also(&["AUTHN-01", "AUTHZ-04", "TLS-02"]),
    fault("TLS-01", "a route of another namespace on a Gateway for all", |c| {
        mesh_gateway(
            c,
            "team-a",
            json!([{"name": "http", "port": 80, "protocol": "HTTP",
            "allowedRoutes": {"namespaces": {"from": "All"}}}]),
        );
        add(c, route_to("HTTPRoute", "kubeflow", "kubeflow-dashboard", 8082));
        c.world.get("HTTPRoute", "door")["spec"]["parentRefs"][0]["namespace"] = "team-a".into();
    })
    .also(&["AUTHN-01", "TLS-02"]),
    fault("TLS-02", "raw TCP of a Gateway API Gateway", |c| {
        mesh_gateway(c, "kubeflow", json!([{"name": "tcp", "port": 9000, "protocol": "TCP"}]));
        add(c, route_to("TCPRoute", "kubeflow", "minio", 9000));
    })
    .also(&["AUTHN-01", "AUTHZ-04", "TLS-01"]),
    fault("TLS-02", "another Gateway of Istio on pods of a profile", |c| {
        other_gateway(c, "door");
        add(
            c,
            object(
                NETWORKING,
                "Gateway",
                "team-a",
                "door",
                json!({"spec": {"selector": {"istio": "door"},
            "servers": [server(80, "HTTP")]}}),
            ),
        );
        dashboard_by(c, "door");
    })
    .also(&["AUTHN-01", "TLS-01"]),
];
