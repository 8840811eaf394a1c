//! A world in which everything is fixed that an operator can fix.

use serde_json::{Value, json};

use crate::mesh::V1ALPHA3;
use crate::platform::{MINIO_KEY, pod, workload};
use crate::{NAMESPACE, World, base64, object, profile, release, tenant, tls};

/// Host by which the hardened world is reached.
pub const HOST: &str = "kubeflow.example.com";

/// The stock world, hardened, with the profile `team-a` of `ada@example.com`.
pub fn harden(name: &str) -> World {
    let release = release(name);
    let mut world = World::stock(name);
    // KFAM's administrator has no profile of its own.
    world
        .objects
        .retain(|o| o["metadata"]["namespace"] != "admin" && o["metadata"]["name"] != "admin");
    world.objects.extend(profile("team-a", "ada@example.com", &release));
    world.objects.extend(tenant("team-a", &release));
    serve_tls(&mut world);
    change_minio_user(&mut world);
    refresh_juju(&mut world);
    pin_collector(&mut world);
    secure_pods(&mut world, &release);
    close_network(&mut world);
    juju_by_the_guide(&mut world);
    world
}

fn serve_tls(world: &mut World) {
    let tls = tls(HOST, 2035);
    world.get("Service", "istio-ingressgateway-workload")["spec"]["loadBalancerSourceRanges"] =
        json!([SOURCE_RANGE]);
    world.get("Gateway", "kubeflow-gateway")["spec"]["servers"] = json!([{"hosts": ["*"],
        "port": {"name": "https", "number": 8443, "protocol": "HTTPS"},
        "tls": {"mode": "SIMPLE", "credentialName": "kubeflow-gateway-gateway-secret"}}]);
    world.objects.push(object(
        "v1",
        "Secret",
        NAMESPACE,
        "kubeflow-gateway-gateway-secret",
        json!({"type": "kubernetes.io/tls",
        "data": {"tls.crt": base64(&tls.certificate), "tls.key": base64(&tls.key)}}),
    ));
    world.objects.push(object(V1ALPHA3, "Gateway", NAMESPACE, "ckf-hardening-https-redirect", json!({
        "metadata": {"labels": {"app.kubernetes.io/managed-by": "ckf-hardening"}},
        "spec": {"selector": {"istio": "ingressgateway"}, "servers": [
            {"hosts": ["*"], "port": {"name": "http", "number": 8080, "protocol": "HTTP"}, "tls": {"httpsRedirect": true}}]}})));
}

/// Addresses from which the hardened world's gateway may be reached.
pub const SOURCE_RANGE: &str = "10.0.0.0/8";

fn change_minio_user(world: &mut World) {
    for secret in world.objects.iter_mut().filter(|o| o["kind"] == "Secret") {
        for (user, key) in [("accesskey", "secretkey"), ("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY")] {
            if secret["data"][user].is_string() {
                secret["data"][user] = base64("artifacts").into();
                secret["data"][key] = base64(MINIO_KEY).into();
            }
        }
    }
}

/// A patch release of Juju that has the fixes of those before it.
pub const JUJU: &str = "3.6.28";

fn refresh_juju(world: &mut World) {
    let agents =
        |object: &str| object.replace("/jujud-operator:3.6.9", &format!("/jujud-operator:{JUJU}"));
    for object in world.objects.iter_mut() {
        if matches!(object["kind"].as_str(), Some("Pod" | "StatefulSet" | "Deployment")) {
            *object = serde_json::from_str(&agents(&object.to_string())).expect("it is JSON");
        }
    }
}

/// knative-operator names a rock's moving tag for its collector.
fn pin_collector(world: &mut World) {
    let image = format!("docker.io/ubuntu/opentelemetry-collector@{}", crate::digest("otel"));
    let made = ["otel-collector", "otel-collector-6d4cf56db6-x2x9z"];
    for object in
        world.objects.iter_mut().filter(|o| made.iter().any(|n| o["metadata"]["name"] == *n))
    {
        let spec = match object["kind"].as_str() {
            Some("Deployment") => &mut object["spec"]["template"]["spec"],
            Some("Pod") => {
                let status = &mut object["status"]["containerStatuses"][0];
                (status["image"], status["imageID"]) = (image.clone().into(), image.clone().into());
                &mut object["spec"]
            }
            _ => continue,
        };
        spec["containers"][0]["image"] = image.clone().into();
    }
}

fn secure_pods(world: &mut World, release: &Value) {
    let labels = world.get("Namespace", "team-a");
    labels["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "baseline".into();
    labels["metadata"]["labels"]["pod-security.kubernetes.io/audit"] = "restricted".into();
    labels["metadata"]["labels"]["pod-security.kubernetes.io/warn"] = "restricted".into();
    world.get("Namespace", NAMESPACE)["metadata"]["labels"]["pod-security.kubernetes.io/audit"] =
        "baseline".into();
    let image = release["platform-images"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find(|i| i.contains("install-cni"));
    let spec = json!({"serviceAccountName": "istio-cni", "nodeName": "node-0", "hostNetwork": true,
        "volumes": [{"name": "cni-bin-dir", "hostPath": {"path": "/opt/cni/bin"}}],
        "containers": [{"name": "install-cni", "image": image.expect("the release names it"), "imagePullPolicy": "IfNotPresent",
            "securityContext": {"capabilities": {"add": ["NET_ADMIN", "SYS_ADMIN"]}}}]});
    let labels = json!({"k8s-app": "istio-cni-node"});
    world.objects.push(workload("DaemonSet", NAMESPACE, "istio-cni-node", &labels, &spec));
    world.objects.push(pod(
        NAMESPACE,
        "istio-cni-node-abcde",
        &labels,
        &spec,
        Some(("DaemonSet", "istio-cni-node")),
    ));
    for object in world.objects.iter_mut().filter(|o| o["kind"] == "Pod") {
        // Charms of 1.11 and later have a user of their own, and Istio CNI does istio-init's work.
        if let Some(containers) = object["spec"]["containers"].as_array_mut() {
            for container in containers.iter_mut().filter(|c| c["name"] == "charm") {
                container["securityContext"] = json!({"runAsUser": 170, "runAsGroup": 170});
            }
        }
        if object["metadata"]["namespace"] == "team-a" {
            object["spec"].as_object_mut().expect("a spec is a map").remove("initContainers");
            object["status"]
                .as_object_mut()
                .expect("a status is a map")
                .remove("initContainerStatuses");
        }
    }
    // The telemetry agent.
    let agent = json!({"serviceAccountName": "opentelemetry-collector-k8s", "nodeName": "node-0", "containers": [
        {"name": "charm", "image": "docker.io/jujusolutions/charm-base:ubuntu-24.04", "imagePullPolicy": "IfNotPresent", "securityContext": {"runAsUser": 170}},
        {"name": "otelcol", "image": format!("registry.jujucharms.com/charm/agentpackage/opentelemetry-collector-image@{}", crate::digest("agent")), "imagePullPolicy": "IfNotPresent"}]});
    let labels = json!({"app.kubernetes.io/name": "opentelemetry-collector-k8s"});
    world.objects.push(pod(NAMESPACE, "opentelemetry-collector-k8s-0", &labels, &agent, None));
}

fn close_network(world: &mut World) {
    let policy = |namespace: &str, name: &str, spec: Value| {
        object("networking.k8s.io/v1", "NetworkPolicy", namespace, name, json!({"spec": spec}))
    };
    world.objects.push(policy("team-a", "default-deny", json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [
        {"from": [{"podSelector": {}}, {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}}}]}]})));
    let other_addresses = json!({"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32", "100.100.100.200/32", "168.63.129.16/32"]});
    world.objects.push(policy(
        "team-a",
        "no-metadata",
        json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [
        {"to": [{"namespaceSelector": {}}, {"ipBlock": other_addresses}]}]}),
    ));
    world.objects.push(policy(NAMESPACE, "web-apps", json!({"podSelector": {"matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In",
        "values": ["jupyter-ui", "katib-ui", "kfp-ui", "kubeflow-dashboard", "kubeflow-profiles", "kubeflow-volumes", "tensorboards-web-app"]}]},
        "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}]}]})));
    let others = json!([{"key": "request.headers[kubeflow-userid]", "values": ["*"],
        "notValues": ["ada@example.com", "system:serviceaccount:team-a:*"]}]);
    let gateway = "cluster.local/ns/kubeflow/sa/istio-ingressgateway-workload-service-account";
    world.objects.push(object("security.istio.io/v1beta1", "AuthorizationPolicy", "team-a", "ckf-hardening-users", json!({
        "metadata": {"labels": {"app.kubernetes.io/managed-by": "ckf-hardening"}},
        "spec": {"action": "DENY", "rules": [{"from": [{"source": {"principals": [gateway]}}], "when": others}]}})));
    world.objects.push(object(
        "security.istio.io/v1",
        "PeerAuthentication",
        "team-a",
        "default",
        json!({"spec": {"mtls": {"mode": "STRICT"}}}),
    ));
}

fn juju_by_the_guide(world: &mut World) {
    let verbs = json!(["create", "delete", "get", "list", "patch", "update", "watch"]);
    world.objects.push(object("rbac.authorization.k8s.io/v1", "ClusterRole", "", "juju-credential", json!({"rules": [
        {"apiGroups": [""], "resources": ["namespaces", "services", "pods", "persistentvolumeclaims"], "verbs": verbs},
        {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": verbs}]})));
    // A binding's role cannot be changed, so it is another binding.
    let mut binding = world.remove("ClusterRoleBinding", "juju-credential-0a1b2c3d");
    binding["metadata"]["name"] = "juju-credential-guide".into();
    binding["roleRef"]["name"] = "juju-credential".into();
    world.objects.push(binding);
}
