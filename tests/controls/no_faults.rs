//! Changes to the hardened world that make no control fail.

use ckf_hardening::facts::juju::{Setting, Strength};
use ckf_hardening::policy::Profile;
use ckf_worlds::{base64, digest, object};
use serde_json::json;

use crate::case::Case;
use crate::faults::juju::{all_rights, role_of_juju};
use crate::faults::kubernetes::kube_bench;
use crate::faults::login::ambient_login;
use crate::faults::{
    Change, NETWORKING, RBAC, account, add, advisory, ambient, ambient_route, bind,
    compliance_report, each_login_patch, first_pod, gateway, group, image, login, second_node,
    server, set, table,
};

/// istio-pilot's filter in the other JSON spelling of protobuf.
fn camel_case(c: &mut Case) {
    ckf_worlds::istio_pilot::in_camel_case(login(c));
}

/// Changes that make those controls pass that cannot pass in the hardened world.
pub const REMEDIED: &[(&str, Change)] = &[
    ("AUTHN-08", |c| {
        c.policy.profile = Profile::Strict;
        c.set_option("dex-auth", "enable-password-db", "false");
        c.set_option("dex-auth", "connectors", "- type: oidc");
    }),
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
    ("IMG-14", |c| {
        let image = format!("- docker.io/charmedkubeflow/jupyter@{}", digest("jupyter"));
        c.set_option("jupyter-ui", "jupyter-images", &image)
    }),
    ("JUJU-11", |c| c.controller().identity_provider = Some("idp.example.com".into())),
    ("JUJU-12", |c| c.settings().secret_backend = "vault".into()),
    ("UPG-08", |c| {
        let i = first_pod(c, "kubeflow", "istiod");
        c.world.objects[i]["spec"]["containers"][0]["image"] =
            "docker.io/istio/pilot:1.30.4".into();
    }),
    ("UPG-09", |c| c.policy.tables = table(advisory("istio/proxyv2", "LOW"), "2027-12-31")),
    ("UPG-10", |c| c.policy.tables = table(advisory("istio/proxyv2", "HIGH"), "2027-12-31")),
    ("UPG-13", |c| {
        second_node(c, "v1.32.4");
        let i = first_pod(c, "kubeflow", "istio-ingressgateway-workload");
        let mut other = c.world.objects[i].clone();
        other["metadata"]["name"] = "istio-ingressgateway-workload-2".into();
        other["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}]);
        c.world.objects[i] = other.clone();
        other["metadata"]["name"] = "istio-ingressgateway-workload-3".into();
        add(c, other);
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
    ("K8S-01", "failures of pods, which other controls assess", |c| {
        let mut pods = compliance_report();
        pods["metadata"]["name"] = "k8s-pss-baseline-0.1".into();
        pods["spec"]["compliance"]["id"] = "k8s-pss-baseline-0.1".into();
        pods["status"]["summaryReport"]["controlCheck"][0]["totalFail"] = 7.into();
        add(c, pods);
    }),
    ("K8S-04", "nodes that renew their own certificates, as kubeadm lets them", |c| {
        let requests = "certificatesigningrequests/selfnodeclient";
        let rule = json!({"apiGroups": ["certificates.k8s.io"], "resources": [requests], "verbs": ["create"]});
        add(c, object(RBAC, "ClusterRole", "", "selfnodeclient", json!({"rules": [rule]})));
        let role = ("ClusterRole", "selfnodeclient");
        bind(c, "ClusterRoleBinding", "", "rotation", role, group("system:nodes"))
    }),
    ("K8S-20", "a webhook of a managed cluster, beside the API server", |c| {
        c.world.get("MutatingWebhookConfiguration", "admission-webhook")["webhooks"][0]["clientConfig"] =
            json!({"url": "https://127.0.0.1:21443/mutate"});
    }),
    ("NET-05", "a sidecar that sees every port", |c| {
        set(
            c,
            "Pod",
            "nb1-0",
            "/metadata/annotations",
            json!({"traffic.sidecar.istio.io/includeInboundPorts": "*"}),
        )
    }),
    ("TLS-03", "an Opaque Secret, which Istio takes", |c| {
        c.world.get("Secret", "kubeflow-gateway-gateway-secret")["type"] = "Opaque".into();
    }),
    ("TLS-03", "a generic Secret of Istio's", |c| {
        let secret = c.world.get("Secret", "kubeflow-gateway-gateway-secret");
        secret["type"] = "Opaque".into();
        let (certificate, key) =
            (secret["data"]["tls.crt"].take(), secret["data"]["tls.key"].take());
        secret["data"] = json!({"cert": certificate, "key": key});
    }),
    ("CRYP-07", "a certificate alone in a ConfigMap", |c| {
        let pem = ckf_worlds::world_ca().own.certificate.clone();
        add(c, object("v1", "ConfigMap", "kubeflow", "roots", json!({"data": {"ca.pem": pem}})));
    }),
    ("CRYP-02", "a certificate with its intermediate and root", |c| {
        c.webhooks = |servers| {
            let below = ckf_worlds::world_ca().intermediate("webhooks", 2036);
            let leaf = below.issue("admission-webhook.kubeflow.svc", 2035);
            let pem = format!("{}{}", leaf.certificate, below.own.certificate);
            let chain = ckf_hardening::facts::certificate::Certificate::from_pem(pem.as_bytes());
            let server = servers.iter_mut().find(|of| of.service == "admission-webhook");
            server.unwrap().chain = chain.unwrap();
        }
    }),
    ("CRED-14", "a key that this charm's rotation set", |c| {
        let password = Some(Strength { length: 30, well_known: false });
        let setting = Setting { set: true, password, ..Setting::default() };
        c.app("minio").options.insert("secret-key".into(), setting);
    }),
    ("CRED-15", "the token that Juju makes for itself", |c| {
        add(
            c,
            object(
                "v1",
                "Secret",
                "kubeflow",
                "model-exec",
                json!({"type": "kubernetes.io/service-account-token",
        "metadata": {"annotations": {"kubernetes.io/service-account.name": "model-exec"}}, "data": {"token": base64("invented")}}),
            ),
        )
    }),
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
    ("K8S-01", "a ConfigMap of kube-bench whose requirements hold", |c| {
        kube_bench(c, "PASS", "2026-10-20T06:00:00Z");
    }),
    ("JUJU-02", "no trust for a charm that sets the ports of its Service only", |c| {
        c.app("envoy").trusted = false;
    }),
    ("JUJU-02", "the trust that Terraform gives MinIO", |c| c.app("minio").trusted = true),
    ("JUJU-02", "roles that have what Juju's trust says", |c| {
        role_of_juju(c, "dex-auth", all_rights());
        let rule =
            json!({"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list"]});
        role_of_juju(c, "minio", json!([rule]));
    }),
    ("JUJU-02", "a role of the same name that is not of Juju", |c| {
        let body = json!({"rules": []});
        add(c, object(RBAC, "ClusterRole", "", "kubeflow-dex-auth", body));
    }),
    ("JUJU-02", "trust of the Trainer, beside the release", |c| {
        let trainer = c.app("minio");
        (trainer.charm, trainer.trusted) = ("kubeflow-trainer".into(), true);
    }),
    ("AUTHZ-08", "the roles of the Trainer", |c| {
        let label = "rbac.authorization.kubeflow.org/aggregate-to-kubeflow-edit";
        let rule = json!({"apiGroups": ["trainer.kubeflow.org"], "resources": ["trainjobs"], "verbs": ["*"]});
        let body = json!({"metadata": {"labels": {label: "true"}}, "rules": [rule]});
        add(c, object(RBAC, "ClusterRole", "", "kubeflow-trainer-edit", body));
    }),
    ("IMG-08", "every container of the cluster is pulled at its start", |c| {
        for pod in c.world.objects.iter_mut().filter(|o| o["kind"] == "Pod") {
            for list in ["containers", "initContainers"] {
                for container in pod["spec"][list].as_array_mut().into_iter().flatten() {
                    container["imagePullPolicy"] = "Always".into();
                }
            }
        }
    }),
    ("IMG-01", "Juju's images from its third home", |c| {
        let home = |o: &str| o.replace("docker.io/jujusolutions/", "public.ecr.aws/juju/");
        for pod in c.world.objects.iter_mut().filter(|o| o["kind"] == "Pod") {
            *pod = serde_json::from_str(&home(&pod.to_string())).unwrap();
        }
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
    ("AUTHN-01", "an ambient mesh behind login", ambient_login),
    ("AUTHN-03", "an ambient mesh behind login", ambient_login),
    ("AUTHN-04", "an ambient mesh behind login", ambient_login),
    ("AUTHN-05", "an ambient mesh behind login", ambient_login),
    ("AUTHN-07", "an ambient mesh behind login", ambient_login),
    ("TLS-15", "an ambient mesh behind login", ambient_login),
    ("AUTHN-01", "istio-pilot's filter in camelCase", camel_case),
    ("AUTHN-03", "istio-pilot's filter in camelCase", camel_case),
    ("AUTHN-05", "istio-pilot's filter in camelCase", camel_case),
    ("AUTHN-07", "istio-pilot's filter in camelCase", camel_case),
    ("AUTHN-07", "a default that is written out", |c| {
        each_login_patch(c, |t| t["failure_mode_allow"] = false.into())
    }),
    ("TLS-01", "clients that may have certificates", |c| {
        set(c, "Gateway", "kubeflow-gateway", "/spec/servers/0/tls/mode", "OPTIONAL_MUTUAL".into())
    }),
    ("AUTHN-15", "a header of a notebook's own", |c| {
        let headers = json!({"request": {"set": {"kubeflow-userid": "ada"}}});
        set(c, "VirtualService", "notebook-team-a-nb1", "/spec/http/0/headers", headers)
    }),
    ("NET-06", "a port at the node's own address", |c| {
        let i = first_pod(c, "kubeflow", "kfp-api-0");
        c.world.objects[i]["spec"]["containers"][0]["ports"] =
            json!([{"containerPort": 8888, "hostPort": 8888, "hostIP": "127.0.0.1"}]);
    }),
    ("NET-06", "an Ingress of another application", |c| {
        add(
            c,
            object(
                "networking.k8s.io/v1",
                "Ingress",
                "shop",
                "shop",
                json!({"spec": {"defaultBackend": {"service": {"name": "shop", "port": {"number": 80}}}}}),
            ),
        )
    }),
    ("NET-08", "a VirtualService for the mesh of a profile's own hosts", |c| {
        let to = json!([{"destination": {"host": "nb1"}}]);
        let spec = json!({"hosts": ["nb1.team-a.svc.cluster.local"], "http": [{"route": to}]});
        add(c, object(NETWORKING, "VirtualService", "team-a", "own", json!({ "spec": spec })))
    }),
    ("NET-08", "a ServiceEntry for a host elsewhere", |c| {
        let spec = json!({"hosts": ["models.example.org"], "resolution": "DNS",
            "ports": [{"number": 443, "name": "tls", "protocol": "TLS"}]});
        add(c, object(NETWORKING, "ServiceEntry", "team-a", "hub", json!({ "spec": spec })))
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
