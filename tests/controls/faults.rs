//! One fault each, on the hardened world.

use ckf_hardening::facts::handshake::Clear;
use ckf_hardening::policy::Profile;
use ckf_worlds::{
    HOST, Tls, base64, digest, object, profile, release, self_signed, sha1, tls, weak_rsa,
};
use serde_json::{Value, json};

use crate::Case;

/// A change to a cluster.
pub type Change = fn(&mut Case);

const RBAC: &str = "rbac.authorization.k8s.io/v1";
const NETWORKING: &str = "networking.istio.io/v1";
const SECURITY: &str = "security.istio.io/v1";

fn set(case: &mut Case, kind: &str, name: &str, pointer: &str, value: Value) {
    let object = case.world.get(kind, name);
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer has a slash");
    let parent =
        object.pointer_mut(parent).unwrap_or_else(|| panic!("{kind} {name} has no {parent}"));
    match parent {
        Value::Array(list) => list[key.parse::<usize>().expect("an index")] = value,
        other => other[key.replace("~1", "/")] = value,
    }
}

fn add(case: &mut Case, object: Value) {
    case.world.objects.push(object);
}

pub fn gateway_secret(case: &mut Case) -> &mut Value {
    case.world.get("Secret", "kubeflow-gateway-gateway-secret")
}

/// Serves another certificate.
fn serve(case: &mut Case, made: (String, String)) {
    gateway_secret(case)["data"] = json!({"tls.crt": base64(&made.0), "tls.key": base64(&made.1)});
}

fn pair(tls: Tls) -> (String, String) {
    (tls.certificate, tls.key)
}

/// What trivy-operator writes of an image of the platform.
pub fn vulnerability_report(vulnerabilities: Value) -> Value {
    let report = json!({"report": {
        "artifact": {"repository": "charmedkubeflow/dex", "tag": "2.41.1-1d3fe19"},
        "vulnerabilities": vulnerabilities}});
    object("aquasecurity.github.io/v1alpha1", "VulnerabilityReport", "kubeflow", "pod-dex", report)
}

fn first_pod(case: &mut Case, namespace: &str, prefix: &str) -> usize {
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
fn image(case: &mut Case, image: &str) {
    let index = first_pod(case, "kubeflow", "training-operator");
    case.world.objects[index]["spec"]["containers"][0]["image"] = image.into();
    case.world.objects[index]["status"]["containerStatuses"][0]["image"] = image.into();
}

fn bind(
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

fn user(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name})
}

fn group(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name})
}

fn account(namespace: &str, name: &str) -> Value {
    json!({"kind": "ServiceAccount", "namespace": namespace, "name": name})
}

fn login(case: &mut Case) -> &mut Value {
    case.world.get("EnvoyFilter", "istio-pilot-authn-filter")
}

fn each_login_patch(case: &mut Case, change: impl Fn(&mut Value)) {
    for patch in login(case)["spec"]["configPatches"].as_array_mut().expect("a list") {
        change(&mut patch["patch"]["value"]["typed_config"]);
    }
}

fn server(port: u16, protocol: &str) -> Value {
    json!({"hosts": ["*"], "port": {"name": format!("p{port}"), "number": port, "protocol": protocol}})
}

fn gateway(namespace: &str, name: &str, servers: Value) -> Value {
    object(
        NETWORKING,
        "Gateway",
        namespace,
        name,
        json!({"spec": {"selector": {"istio": "ingressgateway"}, "servers": servers}}),
    )
}

fn policy(namespace: &str, name: &str, spec: Value) -> Value {
    object(SECURITY, "AuthorizationPolicy", namespace, name, json!({"spec": spec}))
}

fn network_policy(namespace: &str, name: &str, spec: Value) -> Value {
    object("networking.k8s.io/v1", "NetworkPolicy", namespace, name, json!({"spec": spec}))
}

/// In an ambient mesh there is neither an Istio Gateway nor its pods.
fn without_sidecar_ingress(case: &mut Case) {
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

fn ambient(case: &mut Case) {
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

fn ambient_route(section: &str, filters: Value) -> Value {
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

/// What makes those pass that the hardened world cannot.
pub const PUT_RIGHT: &[(&str, Change)] = &[
    ("CRED-11", |c| {
        c.world.remove("Secret", "mlpipeline-minio-artifact");
        let i = c
            .world
            .objects
            .iter()
            .position(|o| o["kind"] == "Secret" && o["metadata"]["namespace"] == "team-a");
        if let Some(i) = i {
            c.world.objects.remove(i);
        }
    }),
    ("IMG-05", |c| {
        c.world
            .objects
            .retain(|o| o["kind"] != "Pod" || !o.to_string().contains("docker.io/istio/"))
    }),
    ("TLS-15", |c| {
        ambient(c);
        add(
            c,
            ambient_route(
                "http",
                json!([{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}]),
            ),
        );
        add(c, ambient_route("https", json!([])));
    }),
];

/// Changes that look like a fault of a control and are none.
pub const NO_FAULTS: &[(&str, &str, Change)] = &[
    ("TLS-02", "clear text of another gateway's pods", |c| {
        add(
            c,
            object(
                NETWORKING,
                "Gateway",
                "team-a",
                "own",
                json!({
        "spec": {"selector": {"istio": "own"}, "servers": [server(8080, "HTTP")]}}),
            ),
        )
    }),
    ("IMG-02", "a digest behind a mutable tag", |c| {
        image(c, &format!("docker.io/charmedkubeflow/training-operator:latest@{}", digest("x")))
    }),
    ("AUTHN-02", "another server on a port that login covers", |c| {
        add(
            c,
            gateway(
                "kubeflow",
                "more",
                json!([
        {"hosts": ["more.example.com"], "port": {"name": "https-more", "number": 8443, "protocol": "HTTPS"},
         "tls": {"mode": "SIMPLE", "credentialName": "kubeflow-gateway-gateway-secret"}}]),
            ),
        )
    }),
    ("NET-06", "a ClusterIP Service", |c| {
        add(
            c,
            object(
                "v1",
                "Service",
                "team-a",
                "model",
                json!({
        "spec": {"type": "ClusterIP", "ports": [{"port": 80}]}}),
            ),
        )
    }),
    ("AUTHZ-06", "a binding that lets a user read pods' names", |c| {
        add(
            c,
            object(
                RBAC,
                "Role",
                "team-a",
                "watcher",
                json!({"rules": [{"apiGroups": [""], "resources": ["events"], "verbs": ["list"]}]}),
            ),
        );
        bind(
            c,
            "RoleBinding",
            "team-a",
            "watcher",
            ("Role", "watcher"),
            account("team-a", "watcher"),
        );
    }),
];

/// Faults: a control, what is wrong, and the change that makes it so.
pub const FAULTS: &[(&str, &str, Change)] = &[
    ("TLS-01", "a gateway in clear text", |c| {
        set(c, "Gateway", "kubeflow-gateway", "/spec/servers", json!([server(8080, "HTTP")]))
    }),
    ("TLS-01", "HTTPS on a gateway that selects nothing", |c| {
        set(c, "Gateway", "kubeflow-gateway", "/spec/selector", json!({"istio": "elsewhere"}))
    }),
    ("TLS-02", "a second server in clear text", |c| {
        add(c, gateway("team-a", "sneaky", json!([server(8080, "HTTP")])))
    }),
    ("TLS-02", "clear text by the protocol TCP", |c| {
        add(c, gateway("team-a", "sneaky", json!([server(8080, "TCP")])))
    }),
    ("TLS-03", "no Secret", |c| {
        c.world.remove("Secret", "kubeflow-gateway-gateway-secret");
    }),
    ("TLS-03", "no key in it", |c| {
        gateway_secret(c)["data"].as_object_mut().unwrap().remove("tls.key");
    }),
    ("TLS-03", "not a certificate", |c| {
        gateway_secret(c)["data"]["tls.crt"] = base64("hello").into()
    }),
    ("TLS-03", "the Secret in another namespace", |c| {
        gateway_secret(c)["metadata"]["namespace"] = "team-a".into()
    }),
    ("TLS-04", "ended", |c| serve(c, pair(tls(HOST, 2025)))),
    ("TLS-05", "another's key", |c| {
        gateway_secret(c)["data"]["tls.key"] = base64(&tls("other.example.com", 2035).key).into()
    }),
    ("TLS-06", "RSA of 1024 bits", |c| serve(c, pair(weak_rsa()))),
    ("TLS-07", "signed with SHA-1", |c| serve(c, pair(sha1()))),
    ("TLS-08", "another host", |c| serve(c, pair(tls("other.example.com", 2035)))),
    ("TLS-09", "self-signed, by the strict profile", |c| {
        c.policy.profile = Profile::Strict;
        serve(c, pair(self_signed(HOST, 2035)))
    }),
    ("TLS-10", "a floor of TLS 1.0", |c| {
        set(
            c,
            "Gateway",
            "kubeflow-gateway",
            "/spec/servers/0/tls/minProtocolVersion",
            "TLSV1_0".into(),
        )
    }),
    ("TLS-11", "a suite without forward secrecy", |c| {
        set(
            c,
            "Gateway",
            "kubeflow-gateway",
            "/spec/servers/0/tls/cipherSuites",
            json!(["AES128-SHA"]),
        )
    }),
    ("TLS-13", "kubectl changed the servers", |c| {
        set(
            c,
            "Gateway",
            "kubeflow-gateway",
            "/metadata/managedFields",
            json!([
        {"manager": "lightkube", "operation": "Apply", "fieldsV1": {"f:spec": {"f:servers": {}}}},
        {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {"f:servers": {}}}}]),
        )
    }),
    ("TLS-14", "the key in a profile", |c| {
        let data = gateway_secret(c)["data"].clone();
        add(
            c,
            object(
                "v1",
                "Secret",
                "team-a",
                "copy",
                json!({"type": "kubernetes.io/tls", "data": data}),
            ),
        );
    }),
    ("TLS-15", "ambient routes on the clear listener", |c| {
        ambient(c);
        add(c, ambient_route("http", json!([])));
    }),
    ("TLS-16", "a few weeks left of three years", |c| serve(c, pair(tls(HOST, 2026)))),
    ("TLS-17", "the certificate before this one", |c| {
        c.gets = |seen| seen.chain[0].not_after -= 90 * 86_400
    }),
    ("TLS-18", "TLS 1.1", |c| c.gets = |seen| seen.versions = vec![1, 2]),
    ("TLS-18", "TLS 1.2 though the policy is 1.3", |c| c.policy.tls_minimum = 3),
    ("TLS-18", "a suite with CBC", |c| {
        c.gets = |seen| seen.weak = vec!["TLS 1.2 ECDHE-RSA-AES128-SHA".into()]
    }),
    ("TLS-19", "for another host", |c| {
        c.gets = |seen| seen.chain[0].names = vec!["other.example.com".into()]
    }),
    ("TLS-19", "ended", |c| c.gets = |seen| seen.chain[0].not_after = 1_700_000_000),
    ("TLS-19", "intermediates in no order", |c| {
        c.gets = |seen| seen.broken_chain = Some("UnknownIssuer".into())
    }),
    ("TLS-19", "no handshake", |c| {
        c.gets = |seen| {
            seen.agreed = None;
            seen.chain.clear();
        }
    }),
    ("TLS-20", "an answer in clear", |c| {
        c.gets = |seen| seen.clear = Some(Clear { status: 200, location: None })
    }),
    ("TLS-20", "a redirect in clear", |c| {
        c.gets = |seen| seen.clear.as_mut().unwrap().location = Some("http://example.com/".into())
    }),
    ("TLS-21", "no header, by the strict profile", |c| {
        c.policy.profile = Profile::Strict;
        c.gets = |seen| seen.hsts = None
    }),
    ("AUTHN-01", "no filter", |c| {
        c.world.remove("EnvoyFilter", "istio-pilot-authn-filter");
    }),
    ("AUTHN-01", "a filter on other pods", |c| {
        login(c)["spec"]["workloadSelector"]["labels"] = json!({"istio": "elsewhere"})
    }),
    ("AUTHN-01", "a filter in another namespace", |c| {
        login(c)["metadata"]["namespace"] = "team-a".into()
    }),
    ("AUTHN-02", "one port without", |c| {
        login(c)["spec"]["configPatches"].as_array_mut().unwrap().pop();
    }),
    ("AUTHN-03", "open when login is down", |c| {
        each_login_patch(c, |t| t["failure_mode_allow"] = true.into())
    }),
    ("AUTHN-04", "asks somebody else", |c| {
        each_login_patch(c, |t| {
            t["http_service"]["server_uri"]["cluster"] =
                "outbound|8080||evil.team-a.svc.cluster.local".into()
        })
    }),
    ("AUTHN-05", "another header goes upstream", |c| {
        each_login_patch(c, |t| {
            t["http_service"]["authorization_response"]["allowed_upstream_headers"]["patterns"] =
                json!([{"prefix": ""}])
        })
    }),
    ("AUTHN-07", "a filter of a stranger", |c| {
        add(
            c,
            object(
                "networking.istio.io/v1alpha3",
                "EnvoyFilter",
                "kubeflow",
                "lua",
                json!({"spec": {
        "workloadSelector": {"labels": {"istio": "ingressgateway"}}, "configPatches": [{"applyTo": "HTTP_FILTER", "match": {"context": "GATEWAY"},
            "patch": {"operation": "INSERT_FIRST", "value": {"name": "envoy.filters.http.lua"}}}]}}),
            ),
        )
    }),
    ("AUTHZ-01", "no Namespace", |c| {
        c.world.remove("Namespace", "team-a");
    }),
    ("AUTHZ-01", "another owner", |c| {
        set(c, "Namespace", "team-a", "/metadata/annotations/owner", "eve@example.com".into())
    }),
    ("AUTHZ-02", "another admin", |c| {
        c.world.get("RoleBinding", "namespaceAdmin")["subjects"]
            .as_array_mut()
            .unwrap()
            .push(user("eve@example.com"))
    }),
    ("AUTHZ-03", "default-editor is admin", |c| {
        bind(
            c,
            "RoleBinding",
            "team-a",
            "more",
            ("ClusterRole", "kubeflow-kubernetes-edit"),
            account("team-a", "default-editor"),
        )
    }),
    ("AUTHZ-04", "another user", |c| {
        set(
            c,
            "AuthorizationPolicy",
            "ns-owner-access-istio",
            "/spec/rules/0/when/0/values",
            json!(["ada@example.com", "eve@example.com"]),
        )
    }),
    ("AUTHZ-04", "no policy", |c| {
        c.world.remove("AuthorizationPolicy", "ns-owner-access-istio");
    }),
    ("AUTHZ-05", "a contributor without policy", |c| {
        bind(
            c,
            "RoleBinding",
            "team-a",
            "user-eve-example-com-clusterrole-edit",
            ("ClusterRole", "kubeflow-edit"),
            user("eve@example.com"),
        );
        c.world.objects.last_mut().unwrap()["metadata"]["annotations"] =
            json!({"user": "eve@example.com", "role": "edit"});
    }),
    ("AUTHZ-06", "a stranger may edit", |c| {
        bind(
            c,
            "RoleBinding",
            "team-a",
            "back-door",
            ("ClusterRole", "edit"),
            user("eve@example.com"),
        )
    }),
    ("AUTHZ-06", "a stranger may read secrets by an own role", |c| {
        add(
            c,
            object(
                RBAC,
                "Role",
                "team-a",
                "reader",
                json!({"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]}),
            ),
        );
        bind(c, "RoleBinding", "team-a", "reader", ("Role", "reader"), user("eve@example.com"));
    }),
    ("AUTHZ-07", "an empty rule", |c| {
        add(c, policy("team-a", "all", json!({"action": "ALLOW", "rules": [{}]})))
    }),
    ("AUTHZ-07", "any principal", |c| {
        add(
            c,
            policy(
                "team-a",
                "all",
                json!({"rules": [{"from": [{"source": {"principals": ["*"]}}]}]}),
            ),
        )
    }),
    ("AUTHZ-08", "a role that adds to kubeflow-edit", |c| {
        add(
            c,
            object(
                RBAC,
                "ClusterRole",
                "",
                "extra",
                json!({
        "metadata": {"labels": {"rbac.authorization.kubeflow.org/aggregate-to-kubeflow-edit": "true"}},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}),
            ),
        )
    }),
    ("AUTHZ-09", "a profile's account", |c| {
        bind(
            c,
            "ClusterRoleBinding",
            "",
            "tenant",
            ("ClusterRole", "kubeflow-kubernetes-edit"),
            account("team-a", "default-editor"),
        )
    }),
    ("AUTHZ-09", "every service account", |c| {
        bind(
            c,
            "ClusterRoleBinding",
            "",
            "tenant",
            ("ClusterRole", "kubeflow-kubernetes-edit"),
            group("system:serviceaccounts"),
        )
    }),
    ("AUTHZ-10", "a gateway that is gone", |c| {
        set(
            c,
            "AuthorizationPolicy",
            "ns-owner-access-istio",
            "/spec/rules/0/from/0/source/principals",
            json!(["cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account"]),
        )
    }),
    ("AUTHZ-11", "the administrator's profile", |c| {
        c.world.objects.extend(profile("admin", "admin", &release("1.11")))
    }),
    ("AUTHZ-12", "a namespace that ends", |c| {
        set(c, "Namespace", "team-a", "/metadata/deletionTimestamp", "2026-01-01T00:00:00Z".into());
        set(c, "Namespace", "team-a", "/status", json!({"phase": "Terminating"}));
    }),
    ("CLOUD-01", "pods may not be deleted", |c| c.access.answers[1].allowed = false),
    ("CLOUD-02", "owns the cluster", |c| c.access.answers[4].allowed = true),
    ("CRED-07", "minio", |c| {
        set(c, "Secret", "mlpipeline-minio-artifact", "/data/accesskey", base64("minio").into())
    }),
    ("CRED-08", "minio123", |c| {
        for secret in c.world.objects.iter_mut().filter(|o| o["kind"] == "Secret") {
            for field in ["secretkey", "MINIO_SECRET_KEY"] {
                if secret["data"][field].is_string() {
                    secret["data"][field] = base64("minio123").into();
                }
            }
        }
    }),
    ("CRED-10", "a copy that is old", |c| {
        set(
            c,
            "Secret",
            "kfp-profile-controller-minio-credentials",
            "/data/MINIO_SECRET_KEY",
            base64("aN0therOldKeyThatIsLongEnough12").into(),
        )
    }),
    ("CRED-11", "as CKF makes it", |_| {}),
    ("CRED-15", "a token Secret", |c| {
        add(
            c,
            object(
                "v1",
                "Secret",
                "team-a",
                "editor-token",
                json!({"type": "kubernetes.io/service-account-token",
        "metadata": {"annotations": {"kubernetes.io/service-account.name": "default-editor"}}, "data": {"token": base64("invented")}}),
            ),
        )
    }),
    ("CRYP-01", "not a CA", |c| {
        set(
            c,
            "MutatingWebhookConfiguration",
            "admission-webhook",
            "/webhooks/0/clientConfig/caBundle",
            base64("none").into(),
        )
    }),
    ("CRYP-03", "ignores failures", |c| {
        set(
            c,
            "MutatingWebhookConfiguration",
            "admission-webhook",
            "/webhooks/0/failurePolicy",
            "Ignore".into(),
        )
    }),
    ("CRYP-04", "ended", |c| {
        set(
            c,
            "ConfigMap",
            "istio-ca-root-cert",
            "/data/root-cert.pem",
            tls("root", 2025).certificate.into(),
        )
    }),
    ("IMG-01", "a tag that pins no revision", |c| {
        image(c, "docker.io/charmedkubeflow/training-operator:v1.9.0-stranger")
    }),
    ("IMG-02", "latest", |c| image(c, "docker.io/charmedkubeflow/training-operator:latest")),
    ("IMG-02", "no tag", |c| image(c, "docker.io/charmedkubeflow/training-operator")),
    ("IMG-04", "a registry of a stranger", |c| {
        image(c, "registry.example.com/charmedkubeflow/training-operator:1.9.0-abc1234")
    }),
    ("IMG-05", "as CKF makes it", |_| {}),
    ("IMG-07", "another digest runs", |c| {
        let i = first_pod(c, "kubeflow", "kfp-api-0");
        c.world.objects[i]["status"]["containerStatuses"][1]["imageID"] =
            format!("registry.jujucharms.com/charm/x/y@{}", digest("other")).into();
    }),
    ("IMG-08", "pulls always", |c| {
        let i = first_pod(c, "kubeflow", "training-operator");
        c.world.objects[i]["spec"]["containers"][0]["imagePullPolicy"] = "Always".into();
    }),
    ("IMG-09", "not its template's", |c| {
        image(c, "docker.io/charmedkubeflow/training-operator:1.8.0-0d1e2f3")
    }),
    ("IMG-13", "a fix is out", |c| {
        let fixed = json!([{"vulnerabilityID": "CVE-2026-1", "resource": "libssl3", "severity": "CRITICAL",
            "installedVersion": "3.0.2-0ubuntu1.9", "fixedVersion": "3.0.2-0ubuntu1.19"}]);
        c.world.remove("VulnerabilityReport", "pod-dex");
        add(c, vulnerability_report(fixed));
    }),
    ("K8S-02", "too new", |c| c.version = "v1.99.0".into()),
    ("K8S-03", "anonymous", |c| {
        bind(c, "ClusterRoleBinding", "", "open", ("ClusterRole", "view"), user("system:anonymous"))
    }),
    ("K8S-03", "everybody who has not logged in", |c| {
        bind(
            c,
            "ClusterRoleBinding",
            "",
            "open",
            ("ClusterRole", "cluster-admin"),
            group("system:unauthenticated"),
        )
    }),
    ("NET-01", "no policy", |c| {
        c.world.remove("NetworkPolicy", "default-deny");
    }),
    ("NET-01", "a policy that selects nothing", |c| {
        set(
            c,
            "NetworkPolicy",
            "default-deny",
            "/spec/podSelector",
            json!({"matchLabels": {"never": "there"}}),
        )
    }),
    ("NET-01", "a policy that admits all", |c| {
        set(c, "NetworkPolicy", "default-deny", "/spec/ingress", json!([{}]))
    }),
    ("NET-02", "one app open", |c| {
        set(
            c,
            "NetworkPolicy",
            "web-apps",
            "/spec/podSelector/matchExpressions/0/values",
            json!(["katib-ui"]),
        )
    }),
    ("NET-02", "a second policy that opens all", |c| {
        add(
            c,
            network_policy(
                "kubeflow",
                "open",
                json!({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {}}]}]}),
            ),
        )
    }),
    ("NET-03", "permissive", |c| {
        set(c, "PeerAuthentication", "default", "/spec/mtls/mode", "PERMISSIVE".into())
    }),
    ("NET-03", "strict for some pods only", |c| {
        set(
            c,
            "PeerAuthentication",
            "default",
            "/spec/selector",
            json!({"matchLabels": {"app": "x"}}),
        )
    }),
    ("NET-04", "switched off for the mesh", |c| {
        add(
            c,
            object(
                SECURITY,
                "PeerAuthentication",
                "kubeflow",
                "mesh",
                json!({"spec": {"mtls": {"mode": "DISABLE"}}}),
            ),
        )
    }),
    ("NET-05", "a pod without proxy", |c| {
        let i = first_pod(c, "team-a", "ml-pipeline-ui-artifact");
        c.world.objects[i]["spec"]["containers"]
            .as_array_mut()
            .unwrap()
            .retain(|x| x["name"] != "istio-proxy");
    }),
    ("NET-06", "a NodePort", |c| set(c, "Service", "minio", "/spec/type", "NodePort".into())),
    ("NET-06", "an external address", |c| {
        set(c, "Service", "minio", "/spec/externalIPs", json!(["192.0.2.7"]))
    }),
    ("NET-07", "from everywhere", |c| {
        set(
            c,
            "Service",
            "istio-ingressgateway-workload",
            "/spec/loadBalancerSourceRanges",
            json!(["0.0.0.0/0"]),
        )
    }),
    ("NET-08", "a route of a stranger", |c| {
        add(
            c,
            object(
                NETWORKING,
                "VirtualService",
                "team-a",
                "mine",
                json!({"spec": {
        "gateways": ["kubeflow/kubeflow-gateway"], "hosts": ["*"], "http": [{"match": [{"uri": {"prefix": "/mine"}}],
            "route": [{"destination": {"host": "mine.team-a.svc.cluster.local"}}]}]}}),
            ),
        )
    }),
    ("OBS-04", "Prometheus in the model", |c| {
        let mut set = c.world.get("Pod", "minio-0").clone();
        set["metadata"]["name"] = "prometheus-k8s-0".into();
        set["metadata"]["labels"]["app.kubernetes.io/name"] = "prometheus-k8s".into();
        add(c, set);
    }),
    ("OBS-05", "not ready", |c| {
        let i = first_pod(c, "kubeflow", "grafana-agent-k8s-0");
        c.world.objects[i]["status"]["conditions"] = json!([{"type": "Ready", "status": "False"}]);
    }),
    ("OBS-06", "no access log", |c| {
        set(c, "ConfigMap", "istio", "/data/mesh", "rootNamespace: kubeflow\n".into())
    }),
    ("PSS-01", "privileged", |c| {
        set(
            c,
            "Namespace",
            "team-a",
            "/metadata/labels/pod-security.kubernetes.io~1enforce",
            "privileged".into(),
        )
    }),
    ("PSS-01", "only a version is pinned", |c| {
        let labels =
            c.world.get("Namespace", "team-a")["metadata"]["labels"].as_object_mut().unwrap();
        labels.remove("pod-security.kubernetes.io/enforce");
        labels.insert("pod-security.kubernetes.io/enforce-version".into(), "v1.32".into());
    }),
    ("PSS-03", "no CNI", |c| {
        c.world.objects.retain(|o| {
            !o["metadata"]["name"].as_str().unwrap_or_default().starts_with("istio-cni-node")
        })
    }),
    ("PSS-04", "no warning", |c| {
        c.world.get("Namespace", "team-a")["metadata"]["labels"]
            .as_object_mut()
            .unwrap()
            .remove("pod-security.kubernetes.io/warn");
    }),
    ("PSS-05", "no audit", |c| {
        c.world.get("Namespace", "kubeflow")["metadata"]["labels"]
            .as_object_mut()
            .unwrap()
            .remove("pod-security.kubernetes.io/audit");
    }),
    ("PSS-06", "root", |c| {
        let i = first_pod(c, "kubeflow", "minio-0");
        c.world.objects[i]["spec"]["containers"][0]["securityContext"] = json!({"runAsUser": 0});
    }),
    ("PSS-07", "privileged", |c| {
        let i = first_pod(c, "kubeflow", "minio-0");
        c.world.objects[i]["spec"]["containers"][1]["securityContext"] =
            json!({"privileged": true});
    }),
    ("PSS-07", "the host's network", |c| {
        let i = first_pod(c, "kubeflow", "minio-0");
        c.world.objects[i]["spec"]["hostNetwork"] = true.into();
    }),
    ("PSS-07", "a privileged ephemeral container", |c| {
        let i = first_pod(c, "team-a", "ml-pipeline-ui-artifact");
        c.world.objects[i]["spec"]["ephemeralContainers"] = json!([{"name": "debugger", "image": "busybox:1.37", "securityContext": {"privileged": true}}]);
    }),
    ("UPG-02", "a release that is not numbered", |c| c.release = Some("latest")),
    ("UPG-04", "an old gateway", |c| {
        let i = first_pod(c, "kubeflow", "istio-ingressgateway-workload");
        c.world.objects[i]["spec"]["containers"][0]["image"] =
            "docker.io/istio/proxyv2:1.20.0".into();
    }),
    ("UPG-04", "a gateway ahead of istiod", |c| {
        let i = first_pod(c, "kubeflow", "istio-ingressgateway-workload");
        c.world.objects[i]["spec"]["containers"][0]["image"] =
            "docker.io/istio/proxyv2:1.25.0".into();
    }),
    ("UPG-05", "too old", |c| c.version = "v1.20.0".into()),
];
