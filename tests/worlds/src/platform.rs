//! The platform's namespace: Juju's applications and what their charms make.

use serde_json::{Value, json};

use crate::{NAMESPACE, base64, digest, object, pki};

/// Ports of the Services by which applications are reached.
const PORTS: &[(&str, &[u16])] = &[
    ("dex-auth", &[5556, 5558]),
    ("oidc-gatekeeper", &[8080]),
    ("jupyter-ui", &[5000]),
    ("katib-ui", &[8080]),
    ("kfp-ui", &[3000]),
    ("kfp-api", &[8888, 8887]),
    ("kubeflow-dashboard", &[8082]),
    ("kubeflow-profiles", &[8080, 8081]),
    ("kubeflow-volumes", &[5000]),
    ("tensorboards-web-app", &[5000]),
    ("envoy", &[9090, 9901]),
    ("minio", &[9000, 9001]),
    ("mlmd", &[8080]),
    ("katib-controller", &[443]),
    ("admission-webhook", &[443]),
    ("kserve-controller", &[443]),
];

/// Everything in the platform's namespace but Istio.
pub fn objects(release: &Value) -> Vec<Value> {
    let mut objects = vec![
        object(
            "v1",
            "Namespace",
            "",
            NAMESPACE,
            json!({"metadata": {"labels": {
            "app.kubernetes.io/managed-by": "juju", "model.juju.is/name": NAMESPACE,
            "kubernetes.io/metadata.name": NAMESPACE}}}),
        ),
        node(),
        object("v1", "ServiceAccount", "kube-system", "juju-credential-0a1b2c3d", json!({})),
        object(
            "rbac.authorization.k8s.io/v1",
            "ClusterRoleBinding",
            "",
            "juju-credential-0a1b2c3d",
            json!({
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "namespace": "kube-system", "name": "juju-credential-0a1b2c3d"}]}),
        ),
    ];
    for name in ["knative-serving", "knative-eventing"] {
        objects.push(object(
            "v1",
            "Namespace",
            "",
            name,
            json!({"metadata": {"labels": {"kubernetes.io/metadata.name": name}}}),
        ));
    }
    for (app, data) in release["applications"].as_object().into_iter().flatten() {
        objects.extend(application(app, data));
    }
    objects.extend(charm_workloads(release));
    for (name, user, key) in [
        ("mlpipeline-minio-artifact", "accesskey", "secretkey"),
        ("kfp-profile-controller-minio-credentials", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"),
    ] {
        objects.push(object(
            "v1",
            "Secret",
            NAMESPACE,
            name,
            json!({"type": "Opaque",
            "data": {user: base64("minio"), key: base64(MINIO_KEY)}}),
        ));
    }
    objects.extend(kubeflow_roles());
    objects.extend(webhooks());
    objects
}

/// MinIO's root key in every world.
pub const MINIO_KEY: &str = "Zq8rT2mWx5vB1nKcYp4sLd7hGf3jQa";

/// A kubelet version that is in every release's support table.
fn node() -> Value {
    object(
        "v1",
        "Node",
        "",
        "node-0",
        json!({
        "metadata": {"labels": {"k8sd.io/role": "control-plane", "kubernetes.io/hostname": "node-0"}},
        "spec": {"providerID": "k8s://node-0"},
        "status": {"nodeInfo": {"kubeletVersion": "v1.32.4", "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "containerd://1.7.27",
            "kernelVersion": "6.8.0", "kubeProxyVersion": "", "machineID": "", "operatingSystem": "linux", "osImage": "Ubuntu 24.04", "systemUUID": ""},
            "conditions": [{"type": "Ready", "status": "True"}]}}),
    )
}

/// The StatefulSet, pod and Service of a Juju application.
fn application(app: &str, data: &Value) -> Vec<Value> {
    let user = if data["charm-user"] == "non-root" { 170 } else { 0 };
    let mut containers = vec![
        json!({"name": "charm", "image": "docker.io/jujusolutions/charm-base:ubuntu-24.04",
        "imagePullPolicy": "IfNotPresent", "securityContext": {"runAsUser": user, "runAsGroup": user}}),
    ];
    for (name, workload) in data["containers"].as_object().into_iter().flatten() {
        let resource = workload["resource"].as_str().unwrap_or(name);
        let package = &digest(data["charm"].as_str().unwrap_or(app))[7..39];
        let image = format!(
            "registry.jujucharms.com/charm/{package}/{resource}@{}",
            digest(workload["image"].as_str().unwrap_or(app))
        );
        containers.push(json!({"name": name, "image": image, "imagePullPolicy": "IfNotPresent",
            "securityContext": {"runAsUser": workload["uid"].as_i64().unwrap_or(0)}}));
    }
    let spec = json!({
        "serviceAccountName": app, "nodeName": "node-0",
        "initContainers": [{"name": "charm-init", "image": "docker.io/jujusolutions/jujud-operator:3.6.9", "imagePullPolicy": "IfNotPresent"}],
        "containers": containers});
    let labels = json!({"app.kubernetes.io/name": app, "app.kubernetes.io/managed-by": "juju"});
    let mut objects = vec![
        object("v1", "ServiceAccount", NAMESPACE, app, json!({"metadata": {"labels": labels}})),
        workload("StatefulSet", NAMESPACE, app, &labels, &spec),
        pod(NAMESPACE, &format!("{app}-0"), &labels, &spec, Some(("StatefulSet", app))),
        object(
            "v1",
            "Secret",
            NAMESPACE,
            &format!("{app}-application-config"),
            json!({"type": "Opaque",
            "data": {"JUJU_K8S_APPLICATION": base64(app), "JUJU_K8S_APPLICATION_PASSWORD": base64("an-invented-password")}}),
        ),
    ];
    if let Some((_, ports)) = PORTS.iter().find(|(name, _)| *name == app) {
        objects.push(service(
            NAMESPACE,
            app,
            "ClusterIP",
            json!({"app.kubernetes.io/name": app}),
            ports,
        ));
    }
    objects
}

/// Workloads that charms make by themselves.
fn charm_workloads(release: &Value) -> Vec<Value> {
    let image = |part: &str| {
        let images = release["started-images"].as_array().into_iter().flatten();
        images
            .filter_map(Value::as_str)
            .find(|i| i.contains(part))
            .expect("the release names it")
            .to_owned()
    };
    let mut objects = Vec::new();
    for (namespace, name, part) in [
        (NAMESPACE, "training-operator", "/training-operator:"),
        ("knative-serving", "activator", "/knative-serving-activator:"),
        ("knative-serving", "controller", "/knative-serving-controller:"),
        ("knative-eventing", "eventing-controller", "/knative-eventing-controller:"),
    ] {
        let spec = json!({"serviceAccountName": "default", "nodeName": "node-0",
            "containers": [{"name": name, "image": image(part), "imagePullPolicy": "IfNotPresent"}]});
        objects.extend(deployment(namespace, name, &json!({"app": name}), &spec));
    }
    objects
}

/// A Deployment and one pod of it.
pub fn deployment(namespace: &str, name: &str, labels: &Value, spec: &Value) -> Vec<Value> {
    let set = format!("{name}-6d4cf56db6");
    vec![
        workload("Deployment", namespace, name, labels, spec),
        pod(namespace, &format!("{set}-x2x9z"), labels, spec, Some(("ReplicaSet", &set))),
    ]
}

/// A workload of one pod.
pub fn workload(
    kind: &str,
    namespace: &str,
    name: &str,
    labels: &Value,
    pod_spec: &Value,
) -> Value {
    let mut template = pod_spec.clone();
    template.as_object_mut().expect("a spec is a map").remove("nodeName");
    let mut spec = json!({"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": template}});
    if kind == "StatefulSet" {
        spec["serviceName"] = name.into();
    }
    let status = if kind == "DaemonSet" {
        json!({"currentNumberScheduled": 1, "numberMisscheduled": 0, "desiredNumberScheduled": 1, "numberReady": 1})
    } else {
        json!({"replicas": 1, "readyReplicas": 1})
    };
    object(
        "apps/v1",
        kind,
        namespace,
        name,
        json!({"metadata": {"labels": labels}, "spec": spec, "status": status}),
    )
}

/// A pod that runs, each image by the digest that it asks for or an invented one.
pub fn pod(
    namespace: &str,
    name: &str,
    labels: &Value,
    spec: &Value,
    owner: Option<(&str, &str)>,
) -> Value {
    let statuses = |field: &str| -> Vec<Value> {
        let containers = spec[field].as_array().into_iter().flatten();
        containers
            .map(|c| {
                let image = c["image"].as_str().unwrap_or_default();
                let id = if image.contains('@') { image.to_owned() } else { format!("{}@{}", image.rsplit_once(':').map_or(image, |(r, _)| r), digest(image)) };
                json!({"name": c["name"], "image": image, "imageID": id, "ready": true, "restartCount": 0, "state": {"running": {}}})
            })
            .collect()
    };
    let mut pod = object(
        "v1",
        "Pod",
        namespace,
        name,
        json!({"metadata": {"labels": labels}, "spec": spec, "status": {
        "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": statuses("containers"), "initContainerStatuses": statuses("initContainers")}}),
    );
    if let Some((kind, owner)) = owner {
        pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": kind, "name": owner, "controller": true,
            "uid": "00000000-0000-0000-0000-000000000001"}]);
    }
    pod
}

/// A Service.
pub fn service(namespace: &str, name: &str, kind: &str, selector: Value, ports: &[u16]) -> Value {
    let ports: Vec<Value> = ports
        .iter()
        .map(|p| json!({"name": format!("p{p}"), "port": p, "targetPort": p}))
        .collect();
    object(
        "v1",
        "Service",
        namespace,
        name,
        json!({"spec": {"type": kind, "selector": selector, "ports": ports}}),
    )
}

/// The roles that kubeflow-roles ships.
fn kubeflow_roles() -> Vec<Value> {
    let role = |name: &str, body: Value| {
        object("rbac.authorization.k8s.io/v1", "ClusterRole", "", name, body)
    };
    let mut roles = Vec::new();
    for level in ["admin", "edit", "view"] {
        let label = format!("rbac.authorization.kubeflow.org/aggregate-to-kubeflow-{level}");
        roles.push(role(&format!("kubeflow-{level}"), json!({
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {label.clone(): "true"}}]}, "rules": []})));
        let verbs = if level == "view" {
            json!(["get", "list", "watch"])
        } else {
            json!(["create", "delete", "get", "list", "patch", "update", "watch"])
        };
        let resources = if level == "view" {
            json!(["pods", "services", "configmaps"])
        } else {
            json!(["pods", "pods/exec", "services", "secrets", "configmaps"])
        };
        roles.push(role(
            &format!("kubeflow-kubernetes-{level}"),
            json!({"metadata": {"labels": {label: "true"}},
            "rules": [{"apiGroups": [""], "resources": resources, "verbs": verbs}]}),
        ));
    }
    roles
}

/// Admission webhooks of the platform, with CAs that are valid.
fn webhooks() -> Vec<Value> {
    let webhook = |kind: &str, name: &str, service: &str| {
        object(
            "admissionregistration.k8s.io/v1",
            kind,
            "",
            name,
            json!({"webhooks": [{
            "name": format!("{name}.kubeflow.org"), "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail",
            // Only objects that nobody makes here, so that the API server asks nobody.
            "rules": [{"apiGroups": ["never.kubeflow.org"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["nothing"]}],
            "clientConfig": {"caBundle": base64(&pki::root()), "service": {"namespace": NAMESPACE, "name": service, "path": "/apply"}}}]}),
        )
    };
    vec![
        webhook("MutatingWebhookConfiguration", "admission-webhook", "admission-webhook"),
        webhook("MutatingWebhookConfiguration", "katib", "katib-controller"),
        webhook("ValidatingWebhookConfiguration", "inferenceservice", "kserve-controller"),
    ]
}
