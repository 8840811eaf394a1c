//! Istio as istio-k8s, istio-ingress-k8s and istio-beacon-k8s install it, in clear text, from
//! `data/ambient.yaml`.

mod profile;
mod world;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

pub use self::profile::{ambient_profile, ambient_tenant};
pub use self::world::ambient_release;
pub(crate) use self::world::{ambient, migrating};
use crate::mesh::authority;
use crate::platform::{daemon_set, deployment, service};
use crate::{NAMESPACE, merge, object};

/// API of the Gateway and its routes.
pub(crate) const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";
/// The ingress, which istiod serves by an account, a Deployment and a Service of that name with
/// its class behind.
pub const INGRESS: &str = "istio-ingress-k8s";
/// Gateway of istio-beacon-k8s, before the Services of the platform.
const WAYPOINT: &str = "kubeflow-istio-beacon-k8s-waypoint";
const SECURITY: &str = "security.istio.io/v1";

/// Application, name, path, port, and whether it is behind login.
type Route = (String, String, String, u16, bool);

/// The file.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Form {
    /// Applications of the sidecar form that it has not.
    pub(crate) without: Vec<String>,
    in_mesh: Vec<String>,
    allow_all: BTreeMap<String, String>,
    calls: Vec<(String, String)>,
    routes: Vec<Route>,
}

/// What the file holds.
pub(crate) static FORM: LazyLock<Form> = LazyLock::new(|| {
    serde_yaml::from_str(include_str!("../../data/ambient.yaml")).expect("the data is YAML")
});

/// How far a deployment is in the mesh.
pub(crate) struct Extent<'a> {
    /// Whether login stands in front of the ingress.
    pub(crate) login: bool,
    /// Whether an application is migrated to it.
    pub(crate) has: &'a dyn Fn(&str) -> bool,
}

/// The mesh and the way into it, as far as applications are in it.
pub(crate) fn objects(release: &Value, extent: &Extent<'_>) -> Vec<Value> {
    let mut objects = control_plane(release, extent.login);
    objects.extend(ingress(release));
    objects.extend(waypoint(NAMESPACE, WAYPOINT, release));
    let here = |app: &&String| (extent.has)(app);
    for (app, label) in FORM.allow_all.iter().filter(|(app, _)| here(app)) {
        objects.push(policy(
            NAMESPACE,
            &format!("{app}-allow-all"),
            json!({"action": "ALLOW", "rules": [{}],
                "selector": {"matchLabels": {"app.kubernetes.io/name": label}}}),
        ));
    }
    let calls = FORM.calls.iter().filter(|(from, to)| here(&from) && here(&to));
    objects.extend(calls.map(|(from, to)| {
        let digest = &crate::digest(&format!("{from} {to}"))[7..15];
        policy(
            NAMESPACE,
            &format!("istio-beacon-k8s-{NAMESPACE}-policy-{from}-{NAMESPACE}-{to}-{digest}"),
            json!({"targetRefs": [{"group": "", "kind": "Service", "name": to}],
                "rules": [{"from": [{"source": {"principals": [identity(from)]}}]}]}),
        )
    }));
    if here(&&"kfp-api".to_owned()) {
        let services = ["ml-pipeline", "kfp-api"];
        let target = |name: &str| json!({"group": "", "kind": "Service", "name": name});
        objects.push(policy(NAMESPACE, "kfp-api-allow-without-kubeflow-header", json!({
            "action": "ALLOW", "targetRefs": services.map(target),
            "rules": [{"when": [{"key": "request.headers[kubeflow-userid]", "notValues": ["*"]}]}]})));
    }
    for route in FORM.routes.iter().filter(|(app, ..)| here(&app)) {
        objects.extend(routed(route));
    }
    if extent.login {
        let open = FORM.routes.iter().filter(|(app, .., login)| !login && here(&app));
        let paths = open.flat_map(|(_, _, path, ..)| {
            let path = path.trim_end_matches('/');
            [path.to_owned(), format!("{path}/*")]
        });
        objects.push(policy(
            NAMESPACE,
            &format!("ext-authz-{INGRESS}"),
            json!({"action": "CUSTOM", "provider": {"name": format!("ext_authz-{INGRESS}")},
                "targetRefs": [gateway(INGRESS)],
                "rules": [{"to": [{"operation": {"notPaths": paths.collect::<Vec<_>>()}}]}]}),
        ));
    }
    objects
}

/// Puts applications into the mesh, as istio-beacon-k8s has their charms do it.
pub(crate) fn join(objects: &mut [Value], has: &dyn Fn(&str) -> bool) {
    let labels = json!({"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": WAYPOINT,
        "istio.io/use-waypoint-namespace": NAMESPACE});
    for object in objects.iter_mut().filter(|o| o["metadata"]["namespace"] == NAMESPACE) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let app = name.strip_suffix("-0").unwrap_or(name);
        if !(FORM.in_mesh.iter().any(|known| known == app) && has(app)) {
            continue;
        }
        match object["kind"].as_str() {
            Some("StatefulSet") => {
                merge(&mut object["spec"]["template"]["metadata"]["labels"], labels.clone());
            }
            Some("Pod" | "Service") => merge(&mut object["metadata"]["labels"], labels.clone()),
            _ => {}
        }
    }
}

/// A policy of the mesh.
pub(crate) fn policy(namespace: &str, name: &str, spec: Value) -> Value {
    object(SECURITY, "AuthorizationPolicy", namespace, name, json!({"spec": spec}))
}

/// The identity of an application of the platform.
pub(crate) fn identity(app: &str) -> String {
    format!("cluster.local/ns/{NAMESPACE}/sa/{app}")
}

/// A Gateway, as policies name it.
pub(crate) fn gateway(name: &str) -> Value {
    json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name})
}

fn image(release: &Value, name: &str) -> String {
    let images = release["platform-images"].as_array().into_iter().flatten();
    let mut images = images.filter_map(Value::as_str);
    images.find(|i| i.contains(&format!("/{name}:"))).expect("the release names it").to_owned()
}

/// istiod, ztunnel and Istio's CNI node agent, with the mesh's options and root.
fn control_plane(release: &Value, login: bool) -> Vec<Value> {
    let telemetry = |app: &str| json!({"app": app, format!("charms.canonical.com/{NAMESPACE}.istio-k8s.telemetry"): "aggregated"});
    let container = |name: &str, of: &str, context: Value| {
        json!({"name": name, "image": image(release, of), "imagePullPolicy": "IfNotPresent",
            "securityContext": context})
    };
    let host =
        |name: &str, path: &str| json!({"name": name, "hostPath": {"path": path, "type": ""}});
    let mut objects = deployment(
        NAMESPACE,
        "istiod",
        &json!({"app": "istiod", "istio": "pilot"}),
        &json!({
        "serviceAccountName": "istiod", "nodeName": "node-0",
        "containers": [container("discovery", "pilot", json!({"allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": true, "runAsNonRoot": true}))]}),
    );
    objects.extend(daemon_set(
        NAMESPACE,
        "ztunnel",
        &telemetry("ztunnel"),
        &json!({
        "serviceAccountName": "ztunnel", "nodeName": "node-0",
        "volumes": [host("cni-ztunnel-sock-dir", "/var/run/ztunnel")],
        "containers": [container("istio-proxy", "ztunnel", json!({"allowPrivilegeEscalation": true,
            "privileged": false, "readOnlyRootFilesystem": true, "runAsUser": 0, "runAsGroup": 1337,
            "runAsNonRoot": false,
            "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN", "SYS_ADMIN", "NET_RAW"]}}))]}),
    ));
    let paths = [
        ("cni-bin-dir", "/opt/cni/bin"),
        ("cni-host-procfs", "/proc"),
        ("cni-net-dir", "/etc/cni/net.d"),
        ("cni-socket-dir", "/var/run/istio-cni"),
        ("cni-netns-dir", "/var/run/netns"),
        ("cni-ztunnel-sock-dir", "/var/run/ztunnel"),
    ];
    objects.extend(daemon_set(NAMESPACE, "istio-cni-node", &json!({"k8s-app": "istio-cni-node"}), &json!({
        "serviceAccountName": "istio-cni", "nodeName": "node-0",
        "volumes": paths.map(|(name, path)| host(name, path)),
        "containers": [container("install-cni", "install-cni", json!({"privileged": false,
            "runAsUser": 0, "runAsGroup": 0, "runAsNonRoot": false, "capabilities": {"drop": ["ALL"],
                "add": ["NET_ADMIN", "NET_RAW", "SYS_PTRACE", "SYS_ADMIN", "DAC_OVERRIDE"]}}))]})));
    objects.push(object(
        "v1",
        "ConfigMap",
        NAMESPACE,
        "istio",
        json!({"data": {"mesh": options(login)}}),
    ));
    objects.extend(authority());
    objects
}

fn options(login: bool) -> String {
    let mut options = "\
accessLogFile: /dev/stdout
defaultConfig:
  discoveryAddress: istiod.kubeflow.svc:15012
rootNamespace: kubeflow
trustDomain: cluster.local
"
    .to_owned();
    if login {
        options += "\
extensionProviders:
- name: ext_authz-istio-ingress-k8s
  envoyExtAuthzHttp:
    service: oidc-gatekeeper.kubeflow.svc.cluster.local
    port: 8080
    includeRequestHeadersInCheck: [authorization, cookie]
    headersToUpstreamOnAllow: [kubeflow-userid]
    headersToDownstreamOnAllow: [set-cookie]
    headersToDownstreamOnDeny: [content-type, set-cookie]
";
    }
    options
}

/// istio-ingress-k8s' Gateway, with the pods that istiod serves it by.
fn ingress(release: &Value) -> Vec<Value> {
    let labels =
        json!({format!("charms.canonical.com/{NAMESPACE}.{INGRESS}.telemetry"): "aggregated"});
    let listener = json!({"name": "http-80", "port": 80, "protocol": "HTTP",
        "allowedRoutes": {"namespaces": {"from": "All"}}});
    let mut objects = vec![
        object(
            GATEWAY_API,
            "Gateway",
            NAMESPACE,
            INGRESS,
            json!({"metadata": {"labels": labels},
            "spec": {"gatewayClassName": "istio", "listeners": [listener]}}),
        ),
        policy(
            NAMESPACE,
            &format!("{INGRESS}-{NAMESPACE}-external-traffic"),
            json!({
            "action": "ALLOW", "targetRefs": [gateway(INGRESS)],
            "rules": [{"from": [{"source": {"ipBlocks": ["0.0.0.0/0"]}}]}]}),
        ),
    ];
    objects.extend(proxies(NAMESPACE, INGRESS, "istio", release));
    let mut reached = service(
        NAMESPACE,
        &format!("{INGRESS}-istio"),
        "LoadBalancer",
        json!({"gateway.networking.k8s.io/gateway-name": INGRESS}),
        &[],
    );
    reached["spec"]["ports"] = json!([{"name": "status-port", "port": 15021, "targetPort": 15021},
        {"name": "http", "port": 80, "targetPort": 80}]);
    objects.push(reached);
    objects
}

/// A waypoint, with the pods that istiod serves it by.
pub(crate) fn waypoint(namespace: &str, name: &str, release: &Value) -> Vec<Value> {
    let listener = json!({"name": "mesh", "port": 15008, "protocol": "HBONE",
        "allowedRoutes": {"namespaces": {"from": "All"}}});
    let mut objects = vec![object(
        GATEWAY_API,
        "Gateway",
        namespace,
        name,
        json!({
        "metadata": {"labels": {"istio.io/waypoint-for": "service"}},
        "spec": {"gatewayClassName": "istio-waypoint", "listeners": [listener]}}),
    )];
    objects.extend(proxies(namespace, name, "istio-waypoint", release));
    let selector = json!({"gateway.networking.k8s.io/gateway-name": name});
    objects.push(service(namespace, name, "ClusterIP", selector, &[15021, 15008]));
    objects
}

/// The pods by which istiod serves a Gateway.
fn proxies(namespace: &str, gateway: &str, class: &str, release: &Value) -> Vec<Value> {
    let name = match class {
        "istio-waypoint" => gateway.to_owned(),
        class => format!("{gateway}-{class}"),
    };
    let labels = json!({"gateway.networking.k8s.io/gateway-name": gateway,
        "gateway.networking.k8s.io/gateway-class-name": class, "sidecar.istio.io/inject": "false"});
    deployment(
        namespace,
        &name,
        &labels,
        &json!({"serviceAccountName": name, "nodeName": "node-0",
        "containers": [{"name": "istio-proxy", "image": image(release, "proxyv2"),
            "imagePullPolicy": "IfNotPresent", "securityContext": {"allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"]}, "privileged": false, "readOnlyRootFilesystem": true,
                "runAsUser": 1337, "runAsGroup": 1337, "runAsNonRoot": true}}]}),
    )
}

/// A route on the ingress, and the policy that lets the ingress through to its pods.
fn routed((app, name, path, port, _): &Route) -> [Value; 2] {
    let spec = json!({
        "parentRefs": [{"name": INGRESS, "namespace": NAMESPACE, "sectionName": "http-80"}],
        "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": path}}],
            "backendRefs": [{"name": app, "namespace": NAMESPACE, "port": port}]}]});
    let name = format!("{app}-{name}-httproute-http-80-{INGRESS}");
    let ingress = identity(&format!("{INGRESS}-istio"));
    [
        object(GATEWAY_API, "HTTPRoute", NAMESPACE, &name, json!({"spec": spec})),
        policy(
            NAMESPACE,
            &format!("{app}-{INGRESS}-{NAMESPACE}-l4"),
            json!({"action": "ALLOW",
            "selector": {"matchLabels": {"app.kubernetes.io/name": app}},
            "rules": [{"from": [{"source": {"principals": [ingress]}}],
                "to": [{"operation": {"ports": [port.to_string()]}}]}]}),
        ),
    ]
}
