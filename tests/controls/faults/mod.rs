//! One fault each, on the hardened world: a file a family.

mod authn;
mod authz;
mod cloud;
mod credentials;
mod crypto_keys;
mod cryptography;
mod entrances;
mod extensions;
mod further;
mod images;
pub mod juju;
mod juju_grants;
pub mod kubernetes;
pub mod login;
mod monitoring;
mod network;
mod pods;
mod policy;
mod tls;
mod upgrades;

pub use self::upgrades::{advisory, second_node, table};

use ckf_hardening::catalog::Family;
use ckf_worlds::{Tls, base64, object};
use serde_json::{Value, json};

use crate::case::Case;

/// A change to a cluster.
pub type Change = fn(&mut Case);

pub const RBAC: &str = "rbac.authorization.k8s.io/v1";
pub const NETWORKING: &str = "networking.istio.io/v1";
pub const SECURITY: &str = "security.istio.io/v1";

pub fn set(case: &mut Case, kind: &str, name: &str, pointer: &str, value: Value) {
    let object = case.world.get(kind, name);
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer has a slash");
    let parent =
        object.pointer_mut(parent).unwrap_or_else(|| panic!("{kind} {name} has no {parent}"));
    match parent {
        Value::Array(list) => list[key.parse::<usize>().expect("an index")] = value,
        other => other[key.replace("~1", "/")] = value,
    }
}

pub fn add(case: &mut Case, object: Value) {
    case.world.objects.push(object);
}

pub fn gateway_secret(case: &mut Case) -> &mut Value {
    case.world.get("Secret", "kubeflow-gateway-gateway-secret")
}

/// Serves another certificate.
pub fn serve(case: &mut Case, made: (String, String)) {
    gateway_secret(case)["data"] = json!({"tls.crt": base64(&made.0), "tls.key": base64(&made.1)});
}

pub fn pair(tls: Tls) -> (String, String) {
    (tls.certificate, tls.key)
}

/// A schedule of Velero for the whole cluster, and its last backup.
pub fn velero() -> [Value; 2] {
    let schedule =
        json!({"spec": {"schedule": "@daily", "template": {"includedNamespaces": ["*"]}}});
    let status = json!({"phase": "Completed", "completionTimestamp": "2026-10-31T00:10:00Z"});
    let backup = json!({"spec": {"includedNamespaces": ["kubeflow"]}, "status": status});
    [
        object("velero.io/v1", "Schedule", "velero", "daily", schedule),
        object("velero.io/v1", "Backup", "velero", "daily-1", backup),
    ]
}

/// What trivy-operator writes of a benchmark that the cluster passes.
pub fn compliance_report() -> Value {
    let results = json!([{"id": "1.2.1", "name": "anonymous-auth", "totalFail": 0},
        {"id": "1.2.14", "name": "the admission plugin NodeRestriction is set", "totalFail": 0},
        {"id": "4.2.1", "name": "--anonymous-auth is false", "totalFail": 0},
        {"id": "4.2.2", "name": "--authorization-mode is not AlwaysAllow", "totalFail": 0},
        {"id": "4.2.4", "name": "--read-only-port is 0", "totalFail": 0},
        {"id": "1.1.1", "name": "permissions", "severity": "HIGH"}]);
    let body = json!({
        "spec": {"compliance": {"id": "k8s-cis-1.23", "title": "CIS", "version": "1.23"}},
        "status": {"summaryReport": {"controlCheck": results}, "updateTimestamp": "2026-10-31T00:00:00Z"},
    });
    object("aquasecurity.github.io/v1alpha1", "ClusterComplianceReport", "", "k8s-cis-1.23", body)
}

/// What trivy-operator writes of an image of the platform.
pub fn vulnerability_report(vulnerabilities: Value) -> Value {
    let report = json!({"report": {
        "artifact": {"repository": "charmedkubeflow/dex", "tag": "2.41.1-1d3fe19"},
        "vulnerabilities": vulnerabilities}});
    object("aquasecurity.github.io/v1alpha1", "VulnerabilityReport", "kubeflow", "pod-dex", report)
}

/// What trivy-operator writes of every image that runs, without a vulnerability.
pub fn reports_of_running_images(objects: &[Value]) -> Vec<Value> {
    let pods = objects.iter().filter(|object| object["kind"] == "Pod");
    let statuses = pods.flat_map(|pod| {
        let lists = ["containerStatuses", "initContainerStatuses"];
        lists.into_iter().flat_map(|list| pod["status"][list].as_array().into_iter().flatten())
    });
    let mut images: Vec<&str> = statuses.filter_map(|status| status["imageID"].as_str()).collect();
    images.sort_unstable();
    images.dedup();
    let report = |(number, image): (usize, &str)| {
        let (repository, digest) = image.split_once('@').expect("it runs by digest");
        let path = repository.split_once('/').map_or(repository, |(_, path)| path);
        let body = json!({"report": {"artifact": {"repository": path, "digest": digest}, "vulnerabilities": []}});
        let version = "aquasecurity.github.io/v1alpha1";
        object(version, "VulnerabilityReport", "kubeflow", &format!("image-{number}"), body)
    };
    images.into_iter().enumerate().map(report).collect()
}

pub fn first_pod(case: &mut Case, namespace: &str, prefix: &str) -> usize {
    case.world
        .objects
        .iter()
        .position(|o| {
            o["kind"] == "Pod"
                && o["metadata"]["namespace"] == namespace
                && o["metadata"]["name"].as_str().is_some_and(|n| n.starts_with(prefix))
        })
        .unwrap_or_else(|| panic!("no pod {namespace}/{prefix}"))
}

/// Changes the image of a container of the charm kfp-ui's pod.
pub fn image(case: &mut Case, image: &str) {
    let index = first_pod(case, "kubeflow", "training-operator");
    case.world.objects[index]["spec"]["containers"][0]["image"] = image.into();
    case.world.objects[index]["status"]["containerStatuses"][0]["image"] = image.into();
}

pub fn bind(
    case: &mut Case,
    kind: &str,
    namespace: &str,
    name: &str,
    role: (&str, &str),
    subject: Value,
) {
    add(
        case,
        object(
            RBAC,
            kind,
            namespace,
            name,
            json!({
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role.0, "name": role.1}, "subjects": [subject]}),
        ),
    );
}

pub fn user(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name})
}

pub fn group(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name})
}

pub fn account(namespace: &str, name: &str) -> Value {
    json!({"kind": "ServiceAccount", "namespace": namespace, "name": name})
}

pub fn login(case: &mut Case) -> &mut Value {
    case.world.get("EnvoyFilter", "istio-pilot-authn-filter")
}

pub fn each_login_patch(case: &mut Case, change: impl Fn(&mut Value)) {
    for patch in login(case)["spec"]["configPatches"].as_array_mut().expect("a list") {
        change(&mut patch["patch"]["value"]["typed_config"]);
    }
}

pub fn server(port: u16, protocol: &str) -> Value {
    json!({"hosts": ["*"], "port": {"name": format!("p{port}"), "number": port, "protocol": protocol}})
}

pub fn gateway(namespace: &str, name: &str, servers: Value) -> Value {
    object(
        NETWORKING,
        "Gateway",
        namespace,
        name,
        json!({"spec": {"selector": {"istio": "ingressgateway"}, "servers": servers}}),
    )
}

/// An EnvoyFilter of one patch, on the pods of these labels.
pub fn istio_filter(namespace: &str, name: &str, labels: Value, patch: Value) -> Value {
    let spec = json!({"workloadSelector": {"labels": labels}, "configPatches": [patch]});
    object("networking.istio.io/v1alpha3", "EnvoyFilter", namespace, name, json!({"spec": spec}))
}

/// The same on the ingress gateway.
pub fn envoy_filter(namespace: &str, name: &str, patch: Value) -> Value {
    istio_filter(namespace, name, json!({"istio": "ingressgateway"}), patch)
}

/// A Gateway `door` of the Gateway API, served by pods of its own as istiod makes them.
pub fn mesh_gateway(case: &mut Case, namespace: &str, listeners: Value) {
    const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
    add(
        case,
        object(
            "gateway.networking.k8s.io/v1",
            "Gateway",
            namespace,
            "door",
            json!({"spec": {"gatewayClassName": "istio", "listeners": listeners}}),
        ),
    );
    let spec = json!({"type": "LoadBalancer", "selector": {GATEWAY_NAME: "door"},
        "ports": [{"port": 80}, {"port": 443}]});
    add(case, object("v1", "Service", namespace, "door-istio", json!({ "spec": spec })));
}

/// A route `door` on that Gateway, to a Service of its namespace.
pub fn route_to(kind: &str, namespace: &str, service: &str, port: u16) -> Value {
    let version = match kind {
        "TCPRoute" | "TLSRoute" => "gateway.networking.k8s.io/v1alpha2",
        _ => "gateway.networking.k8s.io/v1",
    };
    let rules = json!([{"backendRefs": [{"name": service, "port": port}]}]);
    let spec = json!({"parentRefs": [{"name": "door"}], "rules": rules});
    object(version, kind, namespace, "door", json!({ "spec": spec }))
}

pub fn policy(namespace: &str, name: &str, spec: Value) -> Value {
    object(SECURITY, "AuthorizationPolicy", namespace, name, json!({"spec": spec}))
}

/// A VirtualService.
pub fn virtual_service(namespace: &str, name: &str, spec: Value) -> Value {
    object(NETWORKING, "VirtualService", namespace, name, json!({ "spec": spec }))
}

/// A route to a host.
pub fn to(host: &str) -> Value {
    json!([{"destination": {"host": host}}])
}

/// Has a profile take the mesh's requests to a host.
pub fn take(case: &mut Case, host: &str) {
    let route = json!([{"route": to("evil.team-a.svc.cluster.local")}]);
    add(case, virtual_service("team-a", "take", json!({"hosts": [host], "http": route})));
}

pub fn network_policy(namespace: &str, name: &str, spec: Value) -> Value {
    object("networking.k8s.io/v1", "NetworkPolicy", namespace, name, json!({"spec": spec}))
}

/// In an ambient mesh there is neither an Istio Gateway nor its pods.
pub fn without_sidecar_ingress(case: &mut Case) {
    let is_ingress = |o: &Value| {
        o["metadata"]["name"]
            .as_str()
            .is_some_and(|n| n.starts_with("istio-ingressgateway-workload"))
    };
    case.world.objects.retain(|o| {
        !is_ingress(o)
            && (o["kind"] != "Gateway"
                || o["apiVersion"].as_str().is_some_and(|v| v.starts_with("gateway.")))
    });
}

pub fn ambient(case: &mut Case) {
    without_sidecar_ingress(case);
    add(
        case,
        object(
            "gateway.networking.k8s.io/v1",
            "Gateway",
            "kubeflow",
            "istio-ingress-k8s",
            json!({"spec": {
        "gatewayClassName": "istio", "listeners": [
            {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}},
            {"name": "https", "port": 443, "protocol": "HTTPS", "tls": {"mode": "Terminate",
                "certificateRefs": [{"name": "kubeflow-gateway-gateway-secret"}]}}]}}),
        ),
    );
}

pub fn ambient_route(section: &str, filters: Value) -> Value {
    object(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        "kubeflow",
        &format!("route-{section}"),
        json!({"spec": {
        "parentRefs": [{"name": "istio-ingress-k8s", "sectionName": section}], "rules": [{"filters": filters,
            "backendRefs": []}]}}),
    )
}

/// A change that makes a control fail.
pub struct Fault {
    /// The control.
    pub control: &'static str,
    /// What is wrong.
    pub what: &'static str,
    /// Other controls that fail by it.
    pub also: &'static [&'static str],
    /// Makes it so.
    pub change: Change,
}

const fn fault(control: &'static str, what: &'static str, change: Change) -> Fault {
    Fault { control, what, also: &[], change }
}

impl Fault {
    const fn also(self, ids: &'static [&'static str]) -> Self {
        Self { also: ids, ..self }
    }
}

/// The faults of each family.
pub const FAMILIES: &[(Family, &[Fault])] = &[
    (Family::Authentication, authn::FAULTS),
    (Family::Authentication, login::FAULTS),
    (Family::Authentication, login::AMBIENT),
    (Family::Authentication, entrances::LOGIN),
    (Family::Authorisation, authz::FAULTS),
    (Family::Cloud, cloud::FAULTS),
    (Family::Credentials, credentials::FAULTS),
    (Family::Cryptography, cryptography::FAULTS),
    (Family::Images, images::FAULTS),
    (Family::Juju, juju::FAULTS),
    (Family::Kubernetes, kubernetes::FAULTS),
    (Family::Monitoring, monitoring::FAULTS),
    (Family::Network, network::FAULTS),
    (Family::Network, entrances::FAULTS),
    (Family::Network, entrances::MESH),
    (Family::Pods, pods::FAULTS),
    (Family::Policy, policy::FAULTS),
    (Family::Tls, tls::FAULTS),
    (Family::Tls, entrances::CLEAR),
    (Family::Upgrades, upgrades::FAULTS),
    (Family::Cryptography, crypto_keys::CRYPTOGRAPHY),
    (Family::Tls, crypto_keys::TLS),
    (Family::Credentials, juju_grants::CREDENTIALS),
    (Family::Authentication, juju_grants::AUTHENTICATION),
    (Family::Juju, juju_grants::JUJU),
    (Family::Monitoring, juju_grants::MONITORING),
    (Family::Monitoring, juju_grants::LOGS),
    (Family::Upgrades, juju_grants::UPGRADES),
    (Family::Authorisation, further::AUTHORISATION),
    (Family::Authentication, further::AUTHENTICATION),
    (Family::Network, further::NETWORK),
    (Family::Tls, further::TLS),
    (Family::Cryptography, extensions::CRYPTOGRAPHY),
    (Family::Pods, further::PODS),
    (Family::Credentials, further::CREDENTIALS),
    (Family::Juju, further::JUJU),
    (Family::Kubernetes, extensions::KUBERNETES),
];

/// All faults.
pub fn all() -> impl Iterator<Item = &'static Fault> {
    FAMILIES.iter().flat_map(|(_, faults)| *faults)
}
