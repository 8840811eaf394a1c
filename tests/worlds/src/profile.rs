//! A Profile and what Kubeflow makes for it.

use serde_json::{Value, json};

use crate::platform::{MINIO_KEY, deployment, service};
use crate::{NAMESPACE, base64, object};

const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// A Profile of an owner, with its namespace, bindings, policy and pods.
pub fn profile(name: &str, owner: &str, release: &Value) -> Vec<Value> {
    let image = |wanted: &str| {
        let all = ["started-images", "platform-images"]
            .into_iter()
            .flat_map(|l| release[l].as_array().into_iter().flatten());
        all.filter_map(Value::as_str)
            .find(|i| i.contains(wanted))
            .expect("the release names it")
            .to_owned()
    };
    let binding = |binding: &str, role: &str, subject: Value| {
        object(
            RBAC,
            "RoleBinding",
            name,
            binding,
            json!({
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}, "subjects": [subject]}),
        )
    };
    let account =
        |account: &str| json!({"kind": "ServiceAccount", "namespace": name, "name": account});
    let mut admin = binding(
        "namespaceAdmin",
        "kubeflow-admin",
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": owner}),
    );
    admin["metadata"]["annotations"] = json!({"user": owner, "role": "admin"});
    let mut objects = vec![
        object(
            "kubeflow.org/v1",
            "Profile",
            "",
            name,
            json!({"spec": {"owner": {"kind": "User", "name": owner}}}),
        ),
        object(
            "v1",
            "Namespace",
            "",
            name,
            json!({"metadata": {"annotations": {"owner": owner}, "ownerReferences": [owned_by(name)], "labels": {
            "kubernetes.io/metadata.name": name, "istio-injection": "enabled", "app.kubernetes.io/part-of": "kubeflow-profile",
            "user.kubeflow.org/enabled": "true", "pipelines.kubeflow.org/enabled": "true",
            "katib.kubeflow.org/metrics-collector-injection": "enabled", "katib-metricscollector-injection": "enabled",
            "serving.kubeflow.org/inferenceservice": "enabled", "namespace-node-affinity": "enabled",
            "pod-security.kubernetes.io/enforce": "privileged"}}}),
        ),
        admin,
        binding("default-editor", "kubeflow-edit", account("default-editor")),
        binding("default-viewer", "kubeflow-view", account("default-viewer")),
        object("v1", "ServiceAccount", name, "default-editor", json!({})),
        object("v1", "ServiceAccount", name, "default-viewer", json!({})),
        object(
            "security.istio.io/v1",
            "AuthorizationPolicy",
            name,
            "ns-owner-access-istio",
            json!({"spec": {"action": "ALLOW", "rules": [
            {"from": [{"source": {"principals": [
                format!("cluster.local/ns/{NAMESPACE}/sa/istio-ingressgateway-workload-service-account"),
                format!("cluster.local/ns/{NAMESPACE}/sa/kfp-ui")]}}],
             "when": [{"key": "request.headers[kubeflow-userid]", "values": [owner]}]},
            {"when": [{"key": "source.namespace", "values": [name]}]},
            {"to": [{"operation": {"paths": ["/healthz", "/metrics", "/wait-for-drain"]}}]},
            {"from": [{"source": {"principals": [format!("cluster.local/ns/{NAMESPACE}/sa/jupyter-controller")]}}],
             "to": [{"operation": {"methods": ["GET"], "paths": ["*/api/kernels"]}}]}]}}),
        ),
        charmed_policy(name),
        object(
            "v1",
            "Secret",
            name,
            "mlpipeline-minio-artifact",
            json!({"type": "Opaque",
            "data": {"accesskey": base64("minio"), "secretkey": base64(MINIO_KEY)}}),
        ),
    ];
    for (workload, part, port) in [
        ("ml-pipeline-ui-artifact", "/frontend:", 80),
        ("ml-pipeline-visualizationserver", "/visualization-server:", 8888),
    ] {
        let selector = json!({"app": workload});
        objects.push(service(name, workload, "ClusterIP", selector, &[port]));
        let mut made = deployment(
            name,
            workload,
            &json!({"app": workload}),
            &json!({
            "serviceAccountName": "default-editor", "nodeName": "node-0",
            "containers": [{"name": workload, "image": image(part), "imagePullPolicy": "IfNotPresent"}]}),
        );
        // Istio's webhook adds these to the pod, not to the Deployment.
        let pod = made.last_mut().expect("a deployment has a pod");
        let proxy = image("/proxyv2:");
        let status = |name: &str| json!({"name": name, "image": proxy, "imageID": format!("{proxy}@{}", crate::digest(&proxy)), "ready": true, "restartCount": 0});
        pod["spec"]["initContainers"] = json!([{"name": "istio-init", "image": proxy, "imagePullPolicy": "IfNotPresent",
            "securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}, "runAsUser": 0}}]);
        pod["spec"]["containers"].as_array_mut().expect("a list").push(
            json!({"name": "istio-proxy", "image": proxy, "imagePullPolicy": "IfNotPresent"}),
        );
        pod["status"]["containerStatuses"]
            .as_array_mut()
            .expect("a list")
            .push(status("istio-proxy"));
        pod["status"]["initContainerStatuses"] = json!([status("istio-init")]);
        objects.extend(made);
    }
    objects
}

/// The policy that kfp-profile-controller writes beside the profile controller's own, outside of
/// the ambient mesh: kfp-ui and jupyter-controller have no identity in the mesh.
fn charmed_policy(profile: &str) -> Value {
    object(
        "security.istio.io/v1beta1",
        "AuthorizationPolicy",
        profile,
        "ns-owner-access-istio-charmed",
        json!({"spec": {"rules": [
            {"when": [{"key": "request.headers[kubeflow-userid]", "values": ["*"]}]},
            {"to": [{"operation": {"methods": ["GET"], "paths": ["*/api/kernels"]}}]}]}}),
    )
}

/// A contributor of a profile, as KFAM adds one: binding and policy of the same name.
pub fn contributor(profile: &str, user: &str, role: &str) -> Vec<Value> {
    let part = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name = format!("user-{}-clusterrole-{role}", user.chars().map(part).collect::<String>());
    let annotations = json!({"annotations": {"user": user, "role": role}});
    let principals = ["istio-ingressgateway-workload-service-account", "kfp-ui"]
        .map(|account| format!("cluster.local/ns/{NAMESPACE}/sa/{account}"));
    vec![
        object(
            RBAC,
            "RoleBinding",
            profile,
            &name,
            json!({"metadata": annotations,
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": format!("kubeflow-{role}")},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]}),
        ),
        object(
            "security.istio.io/v1beta1",
            "AuthorizationPolicy",
            profile,
            &name,
            json!({"metadata": annotations, "spec": {"rules": [
                {"from": [{"source": {"principals": principals}}],
                 "when": [{"key": "request.headers[kubeflow-userid]", "values": [user]}]}]}}),
        ),
    ]
}

/// The reference by which the profile controller marks what it makes for a Profile. The UID is
/// invented; an API server gives the Profile one of its own.
pub fn owned_by(profile: &str) -> Value {
    json!({"apiVersion": "kubeflow.org/v1", "kind": "Profile", "name": profile,
        "uid": "00000000-0000-0000-0000-000000000002", "controller": true, "blockOwnerDeletion": true})
}

/// The definition of the kind Profile, as far as the API server needs it.
pub fn definition() -> Value {
    let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    object(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "",
        "profiles.kubeflow.org",
        json!({"spec": {
        "group": "kubeflow.org", "scope": "Cluster",
        "names": {"kind": "Profile", "listKind": "ProfileList", "plural": "profiles", "singular": "profile"},
        "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": open, "status": open}}}}]}}),
    )
}
