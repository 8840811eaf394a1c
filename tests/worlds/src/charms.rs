//! What charms make beside Juju's own objects, from `data/platform.yaml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::platform::deployment;
use crate::{NAMESPACE, base64, merge, object, pki};

/// Name, number and target.
type Port = (String, u16, Value);
/// Groups, resources and verbs.
type Rule = (Vec<String>, Vec<String>, Vec<String>);
/// Name, failure policy, namespace, Service and path.
type Webhook = (String, String, String, String, String);

/// The file.
#[derive(Deserialize)]
pub(crate) struct Charms {
    /// Of the applications' Services, by application.
    pub(crate) ports: BTreeMap<String, Vec<Port>>,
    services: Vec<Service>,
    workloads: Vec<Workload>,
    webhooks: Vec<Webhooks>,
    aggregated: Vec<Aggregated>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    /// The one release that has it.
    release: Option<String>,
    namespace: String,
    name: String,
    external: Option<String>,
    selector: Option<Value>,
    ports: Vec<Port>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    namespace: String,
    name: String,
    account: String,
    selector: Value,
    labels: Option<Value>,
    container: String,
    image: String,
    ports: Vec<u16>,
    #[serde(default)]
    restricted: bool,
    user: Option<i64>,
}

#[derive(Deserialize)]
struct Webhooks {
    kind: String,
    name: String,
    webhooks: Vec<Webhook>,
}

#[derive(Deserialize)]
struct Aggregated {
    name: String,
    to: String,
    rules: Vec<Rule>,
}

/// What the file holds.
pub(crate) static CHARMS: LazyLock<Charms> = LazyLock::new(|| {
    serde_yaml::from_str(include_str!("../data/platform.yaml")).expect("the data is YAML")
});

/// Ports of a Service.
pub(crate) fn ports(ports: &[Port]) -> Vec<Value> {
    let port =
        |(name, number, target): &Port| json!({"name": name, "port": number, "targetPort": target});
    ports.iter().map(port).collect()
}

/// Deployment of the collector that knative-operator starts.
const COLLECTOR: &str = "otel-collector";

/// Everything, for a release.
pub(crate) fn objects(release: &Value) -> Vec<Value> {
    let charms = &*CHARMS;
    let mut objects: Vec<Value> = Vec::new();
    let is_of =
        |service: &&Service| service.release.as_ref().is_none_or(|of| release["name"] == **of);
    objects.extend(charms.services.iter().filter(is_of).map(Service::object));
    let has_knative = !release["applications"]["knative-serving"].is_null();
    let of_release = |workload: &&Workload| {
        has_knative || !(workload.namespace.starts_with("knative-") || workload.name == COLLECTOR)
    };
    for workload in charms.workloads.iter().filter(of_release) {
        objects.extend(workload.objects(release));
    }
    objects.extend(charms.webhooks.iter().map(Webhooks::object));
    if has_knative {
        objects.extend(knative());
    } else {
        objects.retain(|object| !is_serverless(object));
    }
    objects.extend(charms.aggregated.iter().map(Aggregated::object));
    objects
}

/// Whether Knative's charms make an object, or it leads to what they make.
fn is_serverless(object: &Value) -> bool {
    let of = |value: &Value| {
        value
            .as_str()
            .is_some_and(|name| ["knative-", "otel-"].iter().any(|known| name.starts_with(known)))
    };
    let webhooks = object["webhooks"].as_array().into_iter().flatten();
    of(&object["metadata"]["namespace"])
        || of(&object["metadata"]["name"])
        || webhooks.into_iter().any(|webhook| {
            let service = &webhook["clientConfig"]["service"];
            of(&service["namespace"]) || of(&service["name"])
        })
}

impl Service {
    fn object(&self) -> Value {
        let spec = match &self.external {
            Some(name) => {
                json!({"type": "ExternalName", "externalName": name, "ports": ports(&self.ports)})
            }
            None => {
                json!({"type": "ClusterIP", "selector": self.selector, "ports": ports(&self.ports)})
            }
        };
        object("v1", "Service", &self.namespace, &self.name, json!({"spec": spec}))
    }
}

impl Workload {
    fn objects(&self, release: &Value) -> Vec<Value> {
        let images = release["started-images"].as_array().into_iter().flatten();
        let mut named = images.filter_map(Value::as_str);
        let image = match self.image.starts_with('/') {
            true => named
                .find(|image| image.contains(&self.image))
                .unwrap_or_else(|| panic!("the release names no {}", self.image)),
            false => &self.image,
        };
        let ports: Vec<Value> =
            self.ports.iter().map(|port| json!({"containerPort": port})).collect();
        let mut container = json!({"name": self.container, "image": image,
            "imagePullPolicy": "IfNotPresent", "ports": ports, "securityContext": {}});
        if self.restricted {
            container["securityContext"] = json!({"allowPrivilegeEscalation": false,
                "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]}});
        }
        if let Some(user) = self.user {
            container["securityContext"]["runAsUser"] = user.into();
        }
        let mut labels = self.selector.clone();
        merge(&mut labels, self.labels.clone().unwrap_or_else(|| json!({})));
        let spec = json!({"serviceAccountName": self.account, "nodeName": "node-0",
            "containers": [container]});
        let mut made = deployment(&self.namespace, &self.name, &labels, &spec);
        made[0]["spec"]["selector"]["matchLabels"] = self.selector.clone();
        made
    }
}

impl Webhooks {
    fn object(&self) -> Value {
        let webhook = |(name, failure, namespace, service, path): &Webhook| {
            let mut reference = json!({"namespace": namespace, "name": service});
            if !path.is_empty() {
                reference["path"] = path.as_str().into();
            }
            json!({"name": name, "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": failure,
                // Only objects that no test makes, so that the API server calls no webhook.
                "rules": [{"apiGroups": ["never.kubeflow.org"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["nothing"]}],
                "clientConfig": {"caBundle": base64(&pki::world_ca().own.certificate), "service": reference}})
        };
        let webhooks: Vec<Value> = self.webhooks.iter().map(webhook).collect();
        let version = "admissionregistration.k8s.io/v1";
        object(version, &self.kind, "", &self.name, json!({"webhooks": webhooks}))
    }
}

impl Aggregated {
    fn object(&self) -> Value {
        let label = format!("rbac.authorization.kubeflow.org/aggregate-to-{}", self.to);
        let rule = |(groups, resources, verbs): &Rule| json!({"apiGroups": groups, "resources": resources, "verbs": verbs});
        let rules: Vec<Value> = self.rules.iter().map(rule).collect();
        object(
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            "",
            &self.name,
            json!({"metadata": {"labels": {label: "true"}}, "rules": rules}),
        )
    }
}

/// Knative Serving's Gateways, which net-istio brings, and what its webhooks need in the mesh.
fn knative() -> Vec<Value> {
    let labels = json!({"app.kubernetes.io/component": "net-istio", "app.kubernetes.io/name": "knative-serving",
        "networking.knative.dev/ingress-provider": "istio"});
    let gateway = |name: &str, port: u16| {
        object(
            "networking.istio.io/v1beta1",
            "Gateway",
            "knative-serving",
            name,
            json!({"metadata": {"labels": labels}, "spec": {"selector": {"istio": "ingressgateway"},
                "servers": [{"hosts": ["*"], "port": {"name": "http", "number": port, "protocol": "HTTP"}}]}}),
        )
    };
    let webhook = |name: &str| {
        object(
            "security.istio.io/v1beta1",
            "PeerAuthentication",
            "knative-serving",
            name,
            json!({"metadata": {"labels": labels}, "spec": {"selector": {"matchLabels": {"app": name}},
                "portLevelMtls": {"8443": {"mode": "PERMISSIVE"}}}}),
        )
    };
    vec![
        converted_by_knative(),
        gateway("knative-ingress-gateway", 80),
        gateway("knative-local-gateway", 8081),
        webhook("webhook"),
        webhook("net-istio-webhook"),
        object(
            "v1",
            "Namespace",
            "",
            "istio-system",
            json!({"metadata": {"labels": {
            "kubernetes.io/metadata.name": "istio-system"}}}),
        ),
        object(
            "v1",
            "Service",
            NAMESPACE,
            "istio-ingressgateway-endpoints",
            json!({"spec": {
            "type": "ClusterIP", "clusterIP": "None", "selector": {"app.kubernetes.io/name": "istio-ingressgateway"}}}),
        ),
    ]
}

/// A kind of Knative Eventing, whose objects its webhook converts between versions.
fn converted_by_knative() -> Value {
    let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let version = |name: &str, is_stored: bool| {
        json!({"name": name, "served": true, "storage": is_stored, "schema": {"openAPIV3Schema":
            {"type": "object", "properties": {"spec": open, "status": open}}}})
    };
    let client = json!({"caBundle": base64(&pki::world_ca().own.certificate),
        "service": {"namespace": "knative-eventing", "name": "eventing-webhook"}});
    object(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "",
        "eventtypes.eventing.knative.dev",
        json!({"spec": {
            "group": "eventing.knative.dev", "scope": "Namespaced",
            "names": {"kind": "EventType", "listKind": "EventTypeList", "plural": "eventtypes", "singular": "eventtype"},
            "versions": [version("v1beta2", false), version("v1beta1", true)],
            "conversion": {"strategy": "Webhook", "webhook": {
                "conversionReviewVersions": ["v1", "v1beta1"], "clientConfig": client}}}}),
    )
}
