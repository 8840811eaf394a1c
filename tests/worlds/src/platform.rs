//! The platform's namespace: Juju's applications and what their charms make.

use serde_json::{Value, json};

use crate::charms::{self, CHARMS, ports};
use crate::{NAMESPACE, base64, digest, object};

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
    let serverless = ["knative-serving", "knative-eventing"];
    for name in serverless.into_iter().filter(|app| !release["applications"][*app].is_null()) {
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
    objects.extend(charms::objects(release));
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
    let roles = kubeflow_roles(&objects);
    objects.extend(roles);
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
pub(crate) fn application(app: &str, data: &Value) -> Vec<Value> {
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
    let mut service = object(
        "v1",
        "Service",
        NAMESPACE,
        app,
        json!({"metadata": {"labels": labels},
        "spec": {"type": "ClusterIP", "selector": {"app.kubernetes.io/name": app}}}),
    );
    // Juju gives an application without ports one that leads nowhere.
    let nowhere = vec![("placeholder".into(), 65535, json!(65535))];
    service["spec"]["ports"] = ports(CHARMS.ports.get(app).unwrap_or(&nowhere)).into();
    objects.push(service);
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

/// A DaemonSet and its pod.
pub fn daemon_set(namespace: &str, name: &str, labels: &Value, spec: &Value) -> Vec<Value> {
    let owner = Some(("DaemonSet", name));
    vec![
        workload("DaemonSet", namespace, name, labels, spec),
        pod(namespace, &format!("{name}-8xk2p"), labels, spec, owner),
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

/// The roles to which those of the charms are added, the lower to the higher too, with the rules
/// that Kubernetes' controller puts into them.
fn kubeflow_roles(others: &[Value]) -> Vec<Value> {
    let label =
        |level: &str| format!("rbac.authorization.kubeflow.org/aggregate-to-kubeflow-{level}");
    let mut rules: Vec<Value> = Vec::new();
    let mut roles = Vec::new();
    for (level, above) in [("view", Some("edit")), ("edit", Some("admin")), ("admin", None)] {
        let of_level = others.iter().filter(|o| o["metadata"]["labels"][label(level)] == "true");
        rules.extend(
            of_level.flat_map(|role| role["rules"].as_array().cloned().unwrap_or_default()),
        );
        let labels = above.map_or_else(|| json!({}), |above| json!({label(above): "true"}));
        roles.push(object(
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            "",
            &format!("kubeflow-{level}"),
            json!({"metadata": {"labels": labels},
                "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {label(level): "true"}}]},
                "rules": rules}),
        ));
    }
    roles
}
