//! What people make in a profile: a notebook, a TensorBoard, a volume viewer, a model, a pipeline's
//! run and a training job, with the routes and owners that the platform's controllers give them.

use serde_json::{Value, json};

use crate::platform::{deployment, pod, workload};
use crate::{NAMESPACE, digest, object};

const ISTIO: &str = "networking.istio.io/v1beta1";
/// By which the main Gateway is named in routes.
const GATEWAY: &str = "kubeflow/kubeflow-gateway";

/// All of it, in the profile of this name.
pub fn tenant(profile: &str, release: &Value) -> Vec<Value> {
    let mut objects = without_model(profile, release);
    objects.extend(model(profile, release));
    objects
}

/// The same without the model.
pub(crate) fn without_model(profile: &str, release: &Value) -> Vec<Value> {
    let mut objects = notebook(profile, release);
    objects.extend(viewer(profile, "tb1", "tensorboard", "/tensorboard/"));
    objects.extend(viewer(profile, "pvcviewer-vol1", "pvcviewer", "/pvcviewers/"));
    objects.extend(jobs(profile));
    objects
}

/// An image that a user chose, by digest.
fn image(name: &str) -> String {
    format!("docker.io/library/{name}@{}", digest(name))
}

/// The sidecar that Istio's webhook adds.
fn sidecar(pod: &mut Value, release: &Value) {
    let images = release["platform-images"].as_array().into_iter().flatten();
    let mut proxies = images.filter_map(Value::as_str).filter(|image| image.contains("/proxyv2:"));
    let proxy = proxies.next().expect("the release names it");
    pod["metadata"]["labels"]["security.istio.io/tlsMode"] = "istio".into();
    pod["spec"]["containers"].as_array_mut().expect("a list").push(json!({
        "name": "istio-proxy", "image": proxy, "imagePullPolicy": "IfNotPresent",
        "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": true, "runAsUser": 1337}}));
    pod["status"]["containerStatuses"].as_array_mut().expect("a list").push(json!({
        "name": "istio-proxy", "image": proxy, "imageID": format!("{proxy}@{}", digest(proxy)),
        "ready": true, "restartCount": 0}));
}

fn service(profile: &str, name: &str, port: Value, selector: Value) -> Value {
    object(
        "v1",
        "Service",
        profile,
        name,
        json!({"spec": {"type": "ClusterIP", "selector": selector, "ports": [port]}}),
    )
}

/// A route of the profile's own.
fn route(profile: &str, name: &str, prefix: &str, service: &str) -> Value {
    let host = format!("{service}.{profile}.svc.cluster.local");
    object(
        ISTIO,
        "VirtualService",
        profile,
        name,
        json!({"spec": {"gateways": [GATEWAY], "hosts": ["*"],
        "http": [{"match": [{"uri": {"prefix": prefix}}], "rewrite": {"uri": prefix},
            "route": [{"destination": {"host": host, "port": {"number": 80}}}]}]}}),
    )
}

fn notebook(profile: &str, release: &Value) -> Vec<Value> {
    let labels =
        json!({"statefulset": "nb1", "notebook-name": "nb1", "access-ml-pipeline": "true"});
    let spec = json!({"serviceAccountName": "default-editor", "nodeName": "node-0",
        "containers": [{"name": "nb1", "image": image("jupyter-scipy"), "imagePullPolicy": "IfNotPresent",
            "ports": [{"name": "notebook-port", "containerPort": 8888}]}]});
    let mut notebook = pod(profile, "nb1-0", &labels, &spec, Some(("StatefulSet", "nb1")));
    sidecar(&mut notebook, release);
    vec![
        workload("StatefulSet", profile, "nb1", &labels, &spec),
        notebook,
        service(
            profile,
            "nb1",
            json!({"name": "http-nb1", "port": 80, "targetPort": 8888}),
            json!({"statefulset": "nb1"}),
        ),
        route(
            profile,
            &format!("notebook-{profile}-nb1"),
            &format!("/notebook/{profile}/nb1/"),
            "nb1",
        ),
    ]
}

/// The route and Service of a TensorBoard or of a volume's viewer.
fn viewer(profile: &str, name: &str, kind: &str, prefix: &str) -> Vec<Value> {
    let short = name.trim_start_matches("pvcviewer-");
    let route_name =
        if kind == "tensorboard" { format!("{profile}-{name}") } else { name.to_owned() };
    vec![
        service(
            profile,
            name,
            json!({"name": "http", "port": 80, "targetPort": 6006}),
            json!({"app": name}),
        ),
        route(profile, &route_name, &format!("{prefix}{profile}/{short}/"), name),
    ]
}

/// A model, as KServe, Knative and net-istio route to it.
fn model(profile: &str, release: &Value) -> Vec<Value> {
    let inner = format!("knative-local-gateway.{NAMESPACE}.svc.cluster.local");
    let of_model = json!({"labels": {"serving.kserve.io/inferenceservice": "iris"}});
    let of_route = json!({"labels": {"networking.internal.knative.dev/ingress": "iris-predictor",
        "serving.knative.dev/route": "iris-predictor"}});
    let revision = format!("iris-predictor-00001.{profile}.svc.cluster.local");
    let to = |host: &str| json!([{"destination": {"host": host, "port": {"number": 80}}, "weight": 100}]);
    let outside = |name: &str| format!("{name}-{profile}.10.64.140.43.nip.io");
    let within = |name: &str| format!("{name}.{profile}.svc.cluster.local");
    let local = "knative-serving/knative-local-gateway";
    let labels = json!({"app": "iris-predictor-00001", "component": "predictor",
        "serving.knative.dev/revision": "iris-predictor-00001", "serving.kserve.io/inferenceservice": "iris"});
    let named = |part: &str| {
        let mut images =
            release["started-images"].as_array().into_iter().flatten().filter_map(Value::as_str);
        images.find(|image| image.contains(part)).expect("the release names it").to_owned()
    };
    let spec = json!({"serviceAccountName": "default", "nodeName": "node-0", "containers": [
        {"name": "kserve-container", "image": named("/sklearnserver:"), "imagePullPolicy": "IfNotPresent", "ports": [{"containerPort": 8080}]},
        {"name": "queue-proxy", "image": named("/knative-serving-queue:"), "imagePullPolicy": "IfNotPresent",
            "ports": [{"containerPort": 8012}, {"containerPort": 8022}],
            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": true}}]});
    let mut made = deployment(profile, "iris-predictor-00001-deployment", &labels, &spec);
    sidecar(&mut made[1], release);
    made.extend([
        object("v1", "Service", profile, "iris", json!({"spec": {"type": "ExternalName", "externalName": inner}})),
        object("v1", "Service", profile, "iris-predictor", json!({"spec": {"type": "ExternalName", "externalName": inner,
            "ports": [{"name": "http2", "port": 80, "targetPort": 80}]}})),
        object(ISTIO, "VirtualService", profile, "iris", json!({"metadata": of_model, "spec": {
            "gateways": [local, "mesh", GATEWAY], "hosts": [within("iris"), outside("iris")],
            "http": [{"headers": {"request": {"set": {"Host": within("iris-predictor")}}}, "route": to(&inner)}]}})),
        object(ISTIO, "VirtualService", profile, "iris-predictor-ingress", json!({"metadata": of_route, "spec": {
            "gateways": [local, GATEWAY], "hosts": [within("iris-predictor"), outside("iris-predictor")],
            "http": [{"match": [{"gateways": [GATEWAY]}], "route": to(&revision)}]}})),
        object(ISTIO, "VirtualService", profile, "iris-predictor-mesh", json!({"metadata": of_route, "spec": {
            "gateways": ["mesh"], "hosts": [within("iris-predictor")], "http": [{"route": to(&revision)}]}})),
    ]);
    made
}

/// Pods of a pipeline's run and of a training job, which Kubeflow keeps out of the mesh.
fn jobs(profile: &str) -> Vec<Value> {
    let job = |name: &str, labels: Value, owner: (&str, &str, &str), main: &str, account: &str| {
        let spec = json!({"serviceAccountName": account, "nodeName": "node-0", "restartPolicy": "Never",
            "containers": [{"name": main, "image": image("python"), "imagePullPolicy": "IfNotPresent"}]});
        let mut made = pod(profile, name, &labels, &spec, Some((owner.1, owner.2)));
        made["metadata"]["annotations"] = json!({"sidecar.istio.io/inject": "false"});
        made["metadata"]["ownerReferences"][0]["apiVersion"] = owner.0.into();
        made
    };
    vec![
        job(
            "train-x1-system-container-impl-2047361",
            json!({"pipeline/runid": "r1", "pipelines.kubeflow.org/v2_component": "true",
                "workflows.argoproj.io/completed": "false", "workflows.argoproj.io/workflow": "train-x1"}),
            ("argoproj.io/v1alpha1", "Workflow", "train-x1"),
            "main",
            "default-editor",
        ),
        job(
            "mnist-master-0",
            json!({"training.kubeflow.org/job-name": "mnist"}),
            ("kubeflow.org/v1", "PyTorchJob", "mnist"),
            "pytorch",
            "default-editor",
        ),
    ]
}
