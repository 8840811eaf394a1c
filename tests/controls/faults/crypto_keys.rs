//! Faults in keys and certificates, wherever they are.

use ckf_hardening::facts::certificate::Certificate;
use ckf_hardening::facts::handshake::WebhookServer;
use ckf_worlds::{Authority, HOST, Tls, base64, mesh_ca, object, p521, secp256k1, tls, world_ca};
use serde_json::{Value, json};

use super::{Fault, add, fault, first_pod, gateway_secret, pair, serve, set};
use crate::case::Case;
use crate::platform::set_to;

fn secret(case: &mut Case, namespace: &str, name: &str, data: Value) {
    let body = json!({"type": "Opaque", "data": data});
    add(case, object("v1", "Secret", namespace, name, body));
}

fn config_map(case: &mut Case, name: &str, data: Value) {
    add(case, object("v1", "ConfigMap", "kubeflow", name, json!({"data": data})));
}

fn gateway_key(case: &mut Case) -> String {
    gateway_secret(case)["data"]["tls.key"].as_str().expect("it has a key").to_owned()
}

fn decoded(text: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
    String::from_utf8(bytes).expect("PEM is text")
}

/// A container of the platform, to change it.
fn container(case: &mut Case) -> &mut Value {
    let index = first_pod(case, "kubeflow", "training-operator");
    &mut case.world.objects[index]["spec"]["containers"][0]
}

fn ca_bundle(case: &mut Case, bundle: &str) {
    let pointer = "/webhooks/0/clientConfig/caBundle";
    set(case, "MutatingWebhookConfiguration", "admission-webhook", pointer, base64(bundle).into());
}

/// The server of the first webhook of `admission-webhook`.
fn admission(servers: &mut [WebhookServer]) -> &mut WebhookServer {
    let mut all = servers.iter_mut();
    all.find(|server| server.service.starts_with("admission-webhook")).expect("it has a webhook")
}

fn mesh_secret(case: &mut Case, made: &Tls) {
    let data = json!({"ca-cert.pem": base64(&made.certificate), "ca-key.pem": base64(&made.key)});
    set(case, "Secret", "istio-ca-secret", "/data", data);
}

/// An intermediate of the mesh's root, as an operator plugs it in.
fn plugged_in(case: &mut Case, until: i32, change: fn(&mut Value)) {
    let ca = mesh_ca().intermediate("mesh of the platform", until);
    let chain = format!("{}{}", ca.own.certificate, mesh_ca().own.certificate);
    let mut data = json!({"ca-cert.pem": base64(&ca.own.certificate), "ca-key.pem": base64(&ca.own.key),
        "root-cert.pem": base64(&mesh_ca().own.certificate), "cert-chain.pem": base64(&chain)});
    change(&mut data);
    secret(case, "kubeflow", "cacerts", data);
}

fn chain_of(pem: &str) -> Vec<Certificate> {
    Certificate::from_pem(pem.as_bytes()).expect("the world makes certificates")
}

/// Serves a leaf of an intermediate of the world's CA, with these certificates beside it.
fn serve_below(case: &mut Case, beside: impl Fn(&Authority) -> String) {
    let below = world_ca().intermediate("world intermediate", 2036);
    let Tls { certificate, key } = below.issue(HOST, 2035);
    serve(case, (format!("{certificate}{}", beside(&below)), key));
}

/// Of the family Cryptography.
pub const CRYPTOGRAPHY: &[Fault] = &[
    fault("CRYP-01", "a CA that did not sign what is served", |c| {
        c.webhooks = |servers| {
            let other = tls("admission-webhook.kubeflow.svc", 2035);
            let server = admission(servers);
            server.chain = chain_of(&other.certificate);
            server.chain[0].issuer = "CN=another CA".into();
        }
    }),
    fault("CRYP-01", "a namesake of the CA that signed what is served", |c| {
        ca_bundle(c, &Authority::root("world CA", 2040).own.certificate)
    }),
    fault("CRYP-01", "a leaf for a CA", |c| {
        let leaf = ckf_worlds::self_signed("admission-webhook.kubeflow.svc", 2035).certificate;
        ca_bundle(c, &format!("{leaf}{}", tls("a.example.com", 2035).certificate))
    }),
    fault("CRYP-01", "a CA that ended", |c| {
        ca_bundle(c, &Authority::root("world CA", 2025).own.certificate)
    }),
    fault("CRYP-02", "a certificate that ended", |c| {
        c.webhooks = |servers| admission(servers).chain[0].not_after = 1_700_000_000
    }),
    fault("CRYP-02", "a certificate that ends this week", |c| {
        c.webhooks = |servers| admission(servers).chain[0].not_after = 1_793_800_000
    }),
    fault("CRYP-02", "a certificate for another Service", |c| {
        c.webhooks = |servers| admission(servers).chain[0].names = vec!["other.kubeflow.svc".into()]
    }),
    fault("CRYP-02", "a certificate for clients", |c| {
        c.webhooks = |servers| admission(servers).chain[0].usage = vec!["clientAuth".into()]
    }),
    fault("CRYP-02", "a certificate signed with SHA-1", |c| {
        c.webhooks =
            |servers| admission(servers).chain[0].signature = "sha1WithRSAEncryption".into()
    }),
    fault("CRYP-02", "a server that does not answer", |c| {
        c.webhooks = |servers| {
            let server = admission(servers);
            server.chain.clear();
            server.failure = Some("connection refused".into());
        }
    }),
    fault("CRYP-04", "the CA's own certificate ended, not the published one", |c| {
        mesh_secret(c, &Authority::root("cluster.local", 2025).own)
    }),
    fault("CRYP-04", "a CA of which the published root knows nothing", |c| {
        mesh_secret(c, &Authority::root("other.local", 2036).own)
    }),
    fault("CRYP-04", "a key that is not the CA's", |c| {
        let key = Authority::root("cluster.local", 2036).own.key;
        mesh_secret(c, &Tls { key, ..mesh_ca().own.clone() })
    }),
    fault("CRYP-04", "a root that is no CA", |c| {
        let leaf = ckf_worlds::self_signed("cluster.local", 2036);
        set(
            c,
            "ConfigMap",
            "istio-ca-root-cert",
            "/data/root-cert.pem",
            leaf.certificate.clone().into(),
        );
        mesh_secret(c, &leaf);
    }),
    fault("CRYP-04", "a plugged-in intermediate that ended", |c| plugged_in(c, 2025, |_| {})),
    fault("CRYP-04", "a plugged-in CA with another root", |c| {
        plugged_in(c, 2036, |data| {
            let other = Authority::root("other root", 2036).own.certificate;
            data["root-cert.pem"] = base64(&other).into();
        })
    }),
    fault("CRYP-04", "a plugged-in CA without its key", |c| {
        plugged_in(c, 2036, |data| {
            data.as_object_mut().expect("a map").remove("ca-key.pem");
        })
    }),
    fault("CRYP-07", "a key in a ConfigMap", |c| {
        config_map(c, "proxy", json!({"server.pem": tls("a.example.com", 2035).key}))
    }),
    fault("CRYP-07", "a key within a file of a ConfigMap", |c| {
        let file =
            json!({"type": "service_account", "private_key": tls("a.example.com", 2035).key});
        config_map(c, "cloud", json!({"account.json": file.to_string()}))
    }),
    fault("CRYP-07", "a key in base64 in a ConfigMap's binary data", |c| {
        let key = base64(&tls("a.example.com", 2035).key);
        add(c, object("v1", "ConfigMap", "kubeflow", "binary", json!({"binaryData": {"k": key}})))
    }),
    fault("CRYP-07", "a key in a variable", |c| {
        container(c)["env"] = json!([{"name": "TLS_KEY", "value": tls("a.example.com", 2035).key}])
    }),
    fault("CRYP-07", "a key in base64 in a variable", |c| {
        let key = base64(&tls("a.example.com", 2035).key);
        container(c)["env"] = json!([{"name": "TLS_KEY_B64", "value": key}])
    }),
    fault("CRYP-07", "a key in an argument", |c| {
        let key = tls("a.example.com", 2035).key;
        container(c)["args"] = json!(["--verbose", format!("--tls-key={key}")])
    }),
    fault("CRYP-07", "a key in a script of a command", |c| {
        let script = format!("cat > /k <<E\n{}\nE", tls("a.example.com", 2035).key);
        container(c)["command"] = json!(["sh", "-c", script])
    }),
    fault("CRYP-08", "the mesh's CA under another name", |c| {
        secret(c, "team-a", "backup", json!({"old.pem": base64(&mesh_ca().own.key)}))
    }),
    fault("CRYP-08", "the mesh's CA in a ConfigMap", |c| {
        config_map(c, "backup", json!({"all.pem": mesh_ca().own.key.clone()}))
    })
    .also(&["CRYP-07"]),
    fault("CRYP-08", "a copy beside the namespace, with its certificate", |c| {
        let Tls { certificate, key } = mesh_ca().own.clone();
        let data = json!({"tls.crt": base64(&certificate), "tls.key": base64(&key)});
        add(
            c,
            object(
                "v1",
                "Secret",
                "default",
                "ca",
                json!({"type": "kubernetes.io/tls", "data": data}),
            ),
        );
    }),
];

/// Of the family TLS.
pub const TLS: &[Fault] = &[
    fault("TLS-03", "certificates of two chains", |c| {
        let (certificate, key) = pair(tls(HOST, 2035));
        let other = Authority::root("another CA", 2036).own.certificate;
        serve(c, (format!("{certificate}{other}"), key));
    }),
    fault("TLS-05", "another's key on P-521", |c| {
        let key = decoded(&gateway_key(c));
        serve(c, (p521().certificate, key))
    })
    .also(&["TLS-04", "TLS-09", "TLS-19"]),
    fault("TLS-06", "a curve that no browser takes", |c| serve(c, pair(secp256k1())))
        .also(&["TLS-04", "TLS-09", "TLS-19"]),
    fault("TLS-09", "a private CA that login does not trust", |c| {
        let other = Authority::root("other CA", 2036).own.certificate;
        c.app("oidc-gatekeeper").options.insert("ca-bundle".into(), set_to(&other));
    })
    .also(&["TLS-19"]),
    fault("TLS-09", "a namesake of the CA in login's bundle", |c| {
        let other = Authority::root("world CA", 2036).own.certificate;
        c.app("oidc-gatekeeper").options.insert("ca-bundle".into(), set_to(&other));
    })
    .also(&["TLS-19"]),
    fault("TLS-09", "a private CA, and login trusts none", |c| {
        c.app("oidc-gatekeeper").options.remove("ca-bundle");
    }),
    fault("TLS-14", "the key in another field of an Opaque Secret", |c| {
        let key = gateway_key(c);
        secret(c, "team-a", "notes", json!({"server.pem": key}));
    }),
    fault("TLS-14", "the key behind its certificate in one file", |c| {
        let key = decoded(&gateway_key(c));
        let both = format!("{}{key}", tls("a.example.com", 2035).certificate);
        secret(c, "kubeflow", "haproxy", json!({"site.pem": base64(&both)}));
    }),
    fault("TLS-14", "the key in a ConfigMap", |c| {
        let key = decoded(&gateway_key(c));
        config_map(c, "proxy", json!({"site.pem": key}));
    })
    .also(&["CRYP-07"]),
    fault("TLS-14", "the key in a variable", |c| {
        let key = gateway_key(c);
        container(c)["env"] = json!([{"name": "K", "value": key}]);
    })
    .also(&["CRYP-07"]),
    fault("TLS-19", "a leaf without its intermediate", |c| serve_below(c, |_| String::new()))
        .also(&["TLS-09"]),
    fault("TLS-19", "a leaf with its root and without its intermediate", |c| {
        serve_below(c, |_| world_ca().own.certificate.clone())
    })
    .also(&["TLS-03"]),
    fault("TLS-19", "an intermediate that ended", |c| {
        c.gets = |seen| {
            let below = world_ca().intermediate("world intermediate", 2025).own.certificate;
            seen.chain.extend(chain_of(&below));
        }
    }),
    fault("TLS-19", "a certificate for clients only", |c| {
        c.gets = |seen| seen.chain[0].usage = vec!["clientAuth".into()]
    })
    .also(&["TLS-17"]),
];
