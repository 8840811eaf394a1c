//! Faults in the servers that the API server calls, and in the roots that the mesh trusts.

use ckf_hardening::facts::certificate::Certificate;
use ckf_hardening::facts::handshake::WebhookServer;
use ckf_worlds::{base64, object, tls};
use serde_json::{Value, json};

use super::further::mesh_option;
use super::{Fault, add, fault};
use crate::case::Case;

/// A kind of the platform whose objects a webhook converts.
fn converted(c: &mut Case, client: Value) {
    let version = |name: &str, stored: bool| json!({"name": name, "served": true, "storage": stored, "schema": {"openAPIV3Schema": {"type": "object"}}});
    let spec = json!({"group": "operator.knative.dev", "scope": "Namespaced",
        "names": {"kind": "KnativeServing", "listKind": "KnativeServingList", "plural": "knativeservings", "singular": "knativeserving"},
        "versions": [version("v1beta1", true), version("v1alpha1", false)],
        "conversion": {"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": client}}});
    let name = "knativeservings.operator.knative.dev";
    let version = "apiextensions.k8s.io/v1";
    add(c, object(version, "CustomResourceDefinition", "", name, json!({ "spec": spec })));
}

fn by_operator(authority: &str) -> Value {
    json!({"caBundle": base64(authority), "service": {"namespace": "kubeflow", "name": "knative-operator-webhook"}})
}

/// An API group that a Service answers for.
fn aggregated(c: &mut Case, name: &str, spec: Value) {
    let (version, group) = name.split_once('.').expect("a version and a group");
    let mut api = object(
        "apiregistration.k8s.io/v1",
        "APIService",
        "",
        name,
        json!({"spec": {
        "group": group, "version": version, "groupPriorityMinimum": 100, "versionPriority": 100}}),
    );
    ckf_worlds::merge(&mut api, json!({ "spec": spec }));
    add(c, api);
}

/// CAs and certificates.
pub const CRYPTOGRAPHY: &[Fault] = &[
    fault("CRYP-01", "a CA of what converts a kind, ended", |c| {
        converted(c, by_operator(&tls("webhooks", 2025).certificate))
    }),
    fault("CRYP-01", "a server of an API group without verification", |c| {
        let service = json!({"namespace": "kubeflow", "name": "kserve-webhook-server-service"});
        aggregated(
            c,
            "v1.ledger.example.com",
            json!({"insecureSkipTLSVerify": true, "service": service}),
        )
    }),
    fault("CRYP-02", "an ended certificate of what converts a kind", |c| {
        converted(c, by_operator(&ckf_worlds::world_ca().own.certificate));
        c.webhooks = |servers| {
            let made = tls("knative-operator-webhook.kubeflow.svc", 2025);
            let chain = Certificate::from_pem(made.certificate.as_bytes()).expect("it is PEM");
            servers.push(WebhookServer {
                namespace: "kubeflow".into(),
                service: "knative-operator-webhook".into(),
                port: 443,
                chain,
                ..Default::default()
            });
        };
    }),
    fault("CRYP-04", "another root that the mesh trusts, ended", |c| {
        let pem = tls("old", 2025).certificate.replace('\n', "\n    ");
        mesh_option(c, &format!("caCertificates:\n- pem: |\n    {pem}"))
    }),
];

/// Servers that the API server calls.
pub const KUBERNETES: &[Fault] = &[
    fault("K8S-20", "what converts a kind, outside of the cluster", |c| {
        converted(c, json!({"url": "https://webhooks.example.com/convert"}))
    }),
    fault("K8S-20", "an API group that a Service of a profile answers for", |c| {
        aggregated(
            c,
            "v1.ledger.example.com",
            json!({"caBundle": base64(&ckf_worlds::world_ca().own.certificate),
            "service": {"namespace": "team-a", "name": "nb1"}}),
        )
    }),
    fault("K8S-20", "the kinds of Profiles, for which a Service answers", |c| {
        aggregated(
            c,
            "v1.kubeflow.org",
            json!({"caBundle": base64(&ckf_worlds::world_ca().own.certificate),
            "service": {"namespace": "kubeflow", "name": "kserve-webhook-server-service"}}),
        )
    }),
];
