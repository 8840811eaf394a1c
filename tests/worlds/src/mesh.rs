//! Istio as istio-pilot and istio-gateway install it, in clear text.

use serde_json::{Value, json};

use crate::charms::CHARMS;
use crate::platform::{deployment, service};
use crate::{NAMESPACE, object, pki};

/// Version of Istio's own kinds, as istio-pilot writes them.
pub const V1ALPHA3: &str = "networking.istio.io/v1alpha3";

/// Istio, its gateway, its routes and its login filter.
pub fn objects(release: &Value) -> Vec<Value> {
    let image = |name: &str| {
        let images = release["platform-images"].as_array().into_iter().flatten();
        images
            .filter_map(Value::as_str)
            .find(|i| i.contains(&format!("/{name}:")))
            .expect("the release names it")
            .to_owned()
    };
    let mut objects = Vec::new();
    objects.extend(deployment(NAMESPACE, "istiod", &json!({"app": "istiod"}), &json!({
        "serviceAccountName": "istiod", "nodeName": "node-0",
        "containers": [{"name": "discovery", "image": image("pilot"), "imagePullPolicy": "IfNotPresent"}]})));
    objects.extend(deployment(NAMESPACE, "istio-ingressgateway-workload", &json!({"app": "istio-ingressgateway", "istio": "ingressgateway"}), &json!({
        "serviceAccountName": "istio-ingressgateway-workload-service-account", "nodeName": "node-0",
        "containers": [{"name": "istio-proxy", "image": image("proxyv2"), "imagePullPolicy": "IfNotPresent",
            "securityContext": {"runAsUser": 1337, "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]}}}]})));
    let mut gateway_service = service(
        NAMESPACE,
        "istio-ingressgateway-workload",
        "LoadBalancer",
        json!({"istio": "ingressgateway"}),
        &[],
    );
    gateway_service["spec"]["ports"] = json!([
        {"name": "http2", "port": 80, "targetPort": 8080}, {"name": "https", "port": 443, "targetPort": 8443}]);
    objects.push(gateway_service);
    objects.push(object(V1ALPHA3, "Gateway", NAMESPACE, "kubeflow-gateway", json!({
        "metadata": {"labels": {"app.kubernetes.io/instance": "istio-pilot-kubeflow", "kubernetes-resource-handler-scope": "gateway"}},
        "spec": {"selector": {"istio": "ingressgateway"}, "servers": [
            {"hosts": ["*"], "port": {"name": "http", "number": 8080, "protocol": "HTTP"}}]}})));
    objects.push(login());
    for route in release["routes"].as_array().into_iter().flatten() {
        let (prefix, app) = (&route["prefix"], route["service"].as_str().unwrap_or_default());
        let ports = CHARMS.ports.get(app).into_iter().flatten();
        let port = ports.filter(|(name, ..)| name != "admin").map(|(_, number, _)| *number).next();
        objects.push(object(V1ALPHA3, "VirtualService", NAMESPACE, app, json!({"spec": {
            "gateways": [format!("{NAMESPACE}/kubeflow-gateway")], "hosts": ["*"],
            "http": [{"match": [{"uri": {"prefix": prefix}}], "rewrite": {"uri": prefix},
                "route": [{"destination": {"host": format!("{app}.{NAMESPACE}.svc.cluster.local"), "port": {"number": port}}}]}]}})));
    }
    objects.push(object("v1", "ConfigMap", NAMESPACE, "istio", json!({"data": {
        "mesh": "accessLogFile: /dev/stdout\nrootNamespace: kubeflow\ntrustDomain: cluster.local\n"}})));
    objects.extend(authority());
    objects
}

/// The mesh's root, as istiod keeps it.
pub(crate) fn authority() -> [Value; 2] {
    let pki::Tls { certificate, key } = &pki::mesh_ca().own;
    let root = json!({"data": {"root-cert.pem": certificate}});
    let own = json!({"type": "istio.io/ca-root",
        "data": {"ca-cert.pem": crate::base64(certificate), "ca-key.pem": crate::base64(key)}});
    [
        object("v1", "ConfigMap", NAMESPACE, "istio-ca-root-cert", root),
        object("v1", "Secret", NAMESPACE, "istio-ca-secret", own),
    ]
}

/// The filter by which istio-pilot puts oidc-gatekeeper in front of the gateway.
fn login() -> Value {
    let patch = |port: u16| {
        json!({
        "applyTo": "HTTP_FILTER",
        "match": {"context": "GATEWAY", "listener": {"portNumber": port,
            "filterChain": {"filter": {"name": "envoy.filters.network.http_connection_manager"}}}},
        "patch": {"operation": "INSERT_BEFORE", "value": {"name": "envoy.filters.http.ext_authz", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "http_service": {
                "server_uri": {"uri": format!("http://oidc-gatekeeper.{NAMESPACE}.svc.cluster.local:8080"),
                    "cluster": format!("outbound|8080||oidc-gatekeeper.{NAMESPACE}.svc.cluster.local"), "timeout": "10s"},
                "authorization_request": {"allowed_headers": {"patterns": [{"exact": "cookie"}, {"exact": "X-Auth-Token"}]}},
                "authorization_response": {"allowed_upstream_headers": {"patterns": [{"exact": "kubeflow-userid"}]}}}}}}})
    };
    object(
        V1ALPHA3,
        "EnvoyFilter",
        NAMESPACE,
        "istio-pilot-authn-filter",
        json!({"spec": {
        "workloadSelector": {"labels": {"istio": "ingressgateway"}}, "configPatches": [patch(8080), patch(8443)]}}),
    )
}
