//! A Profile in the ambient mesh, and what people make in it.

use serde_json::{Value, json};

use super::{GATEWAY_API, INGRESS, gateway, identity, policy, waypoint};
use crate::platform::{deployment, service};
use crate::{NAMESPACE, merge, object, profile, tenant};

/// Gateway before the Services of a profile, which the profile controller makes.
const WAYPOINT: &str = "waypoint";

/// A Profile of an owner, as kubeflow-profiles with `service-mesh-mode=istio-ambient` and
/// kfp-profile-controller in the mesh make it.
pub fn ambient_profile(name: &str, owner: &str, release: &Value) -> Vec<Value> {
    let mut objects = profile::profile(name, owner, release);
    objects.retain(|o| o["metadata"]["name"] != "ns-owner-access-istio-charmed");
    for object in &mut objects {
        leave_sidecar(object);
        match (object["kind"].as_str(), object["metadata"]["name"].as_str()) {
            (Some("Namespace"), _) => merge(
                &mut object["metadata"]["labels"],
                json!({"istio-injection": "disabled", "istio.io/dataplane-mode": "ambient",
                    "istio.io/use-waypoint": WAYPOINT, "istio.io/use-waypoint-namespace": name,
                    "istio.io/ingress-use-waypoint": "true"}),
            ),
            (Some("AuthorizationPolicy"), Some("ns-owner-access-istio")) => {
                object["spec"] = owner_policy(name, owner);
            }
            _ => {}
        }
    }
    objects.extend(waypoint(name, WAYPOINT, release));
    let allow = |principal: String| json!([{"from": [{"source": {"principals": [principal]}}]}]);
    let through = format!("cluster.local/ns/{name}/sa/{WAYPOINT}");
    objects.push(policy(
        name,
        "waypoint-l4-access",
        json!({"action": "ALLOW", "rules": allow(through)}),
    ));
    objects.push(policy(
        name,
        "ml-pipeline-visualizationserver",
        json!({"selector": {"matchLabels": {"app": "ml-pipeline-visualizationserver"}},
            "rules": allow(identity("kfp-api"))}),
    ));
    objects
}

fn owner_policy(name: &str, owner: &str) -> Value {
    let from = |apps: &[&str]| {
        let all: Vec<String> = apps.iter().map(|app| identity(app)).collect();
        json!([{"source": {"principals": all}}])
    };
    let ingress = format!("{INGRESS}-istio");
    json!({"action": "ALLOW", "targetRefs": [gateway(WAYPOINT)], "rules": [
        {"from": from(&[&ingress, "kfp-ui"]),
         "when": [{"key": "request.headers[kubeflow-userid]", "values": [owner]}]},
        {"when": [{"key": "source.namespace", "values": [name]}]},
        {"to": [{"operation": {"paths": ["/healthz", "/metrics", "/wait-for-drain"]}}]},
        {"from": from(&["katib-controller"])},
        {"from": from(&["jupyter-controller"]),
         "to": [{"operation": {"methods": ["GET"], "paths": ["*/api/kernels"]}}]}]})
}

/// What `tenant` makes, in the ambient mesh: routes on the ingress, and a model as a plain
/// Deployment.
pub fn ambient_tenant(profile: &str, release: &Value) -> Vec<Value> {
    let mut objects = tenant::without_model(profile, release);
    for object in &mut objects {
        leave_sidecar(object);
        if object["kind"] == "VirtualService" {
            *object = as_route(object);
        }
    }
    objects.extend(model(profile, release));
    objects
}

/// The same way by the Gateway API.
fn as_route(virtual_service: &Value) -> Value {
    let metadata = &virtual_service["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let http = &virtual_service["spec"]["http"][0];
    let host = text(&http["route"][0]["destination"]["host"]);
    let service = host.split('.').next().unwrap_or_default();
    let rule = json!({
        "matches": [{"path": {"type": "PathPrefix", "value": http["match"][0]["uri"]["prefix"]}}],
        "backendRefs": [{"name": service, "namespace": metadata["namespace"], "port": 80}]});
    route(&text(&metadata["namespace"]), &text(&metadata["name"]), json!({"rules": [rule]}))
}

fn route(profile: &str, name: &str, mut spec: Value) -> Value {
    spec["parentRefs"] = json!([{"name": INGRESS, "namespace": NAMESPACE}]);
    object(GATEWAY_API, "HTTPRoute", profile, name, json!({ "spec": spec }))
}

/// A model as KServe deploys it without Knative.
fn model(profile: &str, release: &Value) -> Vec<Value> {
    let images = release["started-images"].as_array().into_iter().flatten();
    let mut images = images.filter_map(Value::as_str);
    let image = images.find(|image| image.contains("/sklearnserver:")).expect("it is named");
    let name = "iris-predictor";
    let labels = json!({"app": format!("isvc.{name}"), "component": "predictor",
        "serving.kserve.io/inferenceservice": "iris"});
    let mut objects = deployment(
        profile,
        name,
        &labels,
        &json!({"serviceAccountName": "default",
        "nodeName": "node-0", "containers": [{"name": "kserve-container", "image": image,
            "imagePullPolicy": "IfNotPresent", "ports": [{"containerPort": 8080}]}]}),
    );
    let selector = json!({"app": format!("isvc.{name}")});
    let mut reached = service(profile, name, "ClusterIP", selector, &[]);
    reached["spec"]["ports"] = json!([{"name": name, "port": 80, "targetPort": 8080}]);
    objects.push(reached);
    objects.push(route(
        profile,
        "iris",
        json!({"hostnames": [format!("iris-{profile}.example.com")], "rules": [{
            "matches": [{"path": {"type": "RegularExpression", "value": "^/.*$"}}],
            "backendRefs": [{"name": name, "namespace": profile, "port": 80}]}]}),
    ));
    objects
}

/// Takes the sidecar off a pod.
fn leave_sidecar(object: &mut Value) {
    if object["kind"] != "Pod" {
        return;
    }
    for (of, list) in [("spec", "containers"), ("status", "containerStatuses")] {
        if let Some(all) = object[of][list].as_array_mut() {
            all.retain(|container| container["name"] != "istio-proxy");
        }
    }
    for (of, list) in [("spec", "initContainers"), ("status", "initContainerStatuses")] {
        if let Some(of) = object[of].as_object_mut() {
            of.remove(list);
        }
    }
    if let Some(labels) = object["metadata"]["labels"].as_object_mut() {
        labels.remove("security.istio.io/tlsMode");
    }
}
