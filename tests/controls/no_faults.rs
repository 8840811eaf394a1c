//! Changes to the hardened world that make no control fail.

use ckf_hardening::facts::juju::{Setting, Strength};
use ckf_hardening::policy::Profile;
use ckf_worlds::{base64, digest, object};
use serde_json::json;

use crate::faults::{
    Change, NETWORKING, RBAC, account, add, ambient, ambient_route, bind, first_pod, gateway,
    image, server,
};

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
    ("UPG-08", |c| {
        let i = first_pod(c, "kubeflow", "istiod");
        c.world.objects[i]["spec"]["containers"][0]["image"] =
            "docker.io/istio/pilot:1.30.4".into();
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
    ("JUJU-02", "the trust that Terraform gives MinIO", |c| c.app("minio").trusted = true),
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
