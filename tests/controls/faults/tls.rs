//! Faults in encryption on the gateway.

use ckf_hardening::facts::handshake::Clear;
use ckf_hardening::policy::Profile;
use ckf_hardening::tls::TlsVersion;
use ckf_worlds::{HOST, base64, object, self_signed, sha1, tls, weak_rsa};
use serde_json::json;

use super::{
    Fault, NETWORKING, add, ambient, ambient_route, fault, gateway, gateway_secret, pair, serve,
    server, set,
};

/// Each on its own makes its control fail.
pub const FAULTS: &[Fault] = &[
    fault("TLS-01", "a gateway in clear text", |c| {
        set(c, "Gateway", "kubeflow-gateway", "/spec/servers", json!([server(8080, "HTTP")]))
    })
    .also(&["TLS-02"]),
    fault("TLS-01", "HTTPS on a gateway that selects nothing", |c| {
        set(c, "Gateway", "kubeflow-gateway", "/spec/selector", json!({"istio": "elsewhere"}))
    }),
    fault("TLS-02", "a second server in clear text", |c| {
        add(c, gateway("team-a", "sneaky", json!([server(8081, "HTTP")])));
        set(c, "Service", "istio-ingressgateway-workload", "/spec/ports/0/targetPort", 8081.into());
    })
    .also(&["AUTHN-01", "AUTHN-02"]),
    fault("TLS-02", "a host of its own beside the redirect, on Knative's Gateway", |c| {
        let route = json!({"hosts": ["models.example.com"],
            "gateways": ["knative-serving/knative-ingress-gateway"], "http": []});
        add(c, object(NETWORKING, "VirtualService", "team-a", "models", json!({"spec": route})));
    }),
    fault("TLS-02", "clear text by the protocol TCP", |c| {
        add(c, gateway("team-a", "sneaky", json!([server(8080, "TCP")])))
    })
    .also(&["AUTHN-02"]),
    fault("TLS-03", "no Secret", |c| {
        c.world.remove("Secret", "kubeflow-gateway-gateway-secret");
    }),
    fault("TLS-03", "no key in it", |c| {
        gateway_secret(c)["data"].as_object_mut().unwrap().remove("tls.key");
    }),
    fault("TLS-03", "not a certificate", |c| {
        gateway_secret(c)["data"]["tls.crt"] = base64("hello").into()
    })
    .also(&["TLS-04", "TLS-05", "TLS-06", "TLS-07", "TLS-08", "TLS-09", "TLS-16"]),
    fault("TLS-03", "the Secret in another namespace", |c| {
        gateway_secret(c)["metadata"]["namespace"] = "team-a".into()
    }),
    fault("TLS-04", "ended", |c| serve(c, pair(tls(HOST, 2025)))).also(&["TLS-16", "TLS-19"]),
    fault("TLS-05", "another's key", |c| {
        gateway_secret(c)["data"]["tls.key"] = base64(&tls("other.example.com", 2035).key).into()
    }),
    fault("TLS-06", "RSA of 1024 bits", |c| serve(c, pair(weak_rsa())))
        .also(&["TLS-04", "TLS-09", "TLS-19"]),
    fault("TLS-07", "signed with SHA-1", |c| serve(c, pair(sha1())))
        .also(&["TLS-04", "TLS-09", "TLS-19"]),
    fault("TLS-08", "another host", |c| serve(c, pair(tls("other.example.com", 2035))))
        .also(&["TLS-19"]),
    fault("TLS-09", "self-signed, by the strict profile", |c| {
        c.policy.profile = Profile::Strict;
        serve(c, pair(self_signed(HOST, 2035)))
    })
    .also(&["AUTHN-08", "JUJU-11", "JUJU-12"]),
    fault("TLS-10", "a floor of TLS 1.0", |c| {
        set(
            c,
            "Gateway",
            "kubeflow-gateway",
            "/spec/servers/0/tls/minProtocolVersion",
            "TLSV1_0".into(),
        )
    }),
    fault("TLS-11", "a suite without forward secrecy", |c| {
        set(
            c,
            "Gateway",
            "kubeflow-gateway",
            "/spec/servers/0/tls/cipherSuites",
            json!(["AES128-SHA"]),
        )
    }),
    fault("TLS-12", "a relation and a secret", |c| {
        c.set_option("istio-pilot", "tls-secret-id", "secret:x")
    }),
    fault("TLS-13", "kubectl changed the servers", |c| {
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
    fault("TLS-14", "the key in a profile", |c| {
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
    fault("TLS-15", "ambient routes on the clear listener", |c| {
        ambient(c);
        add(c, ambient_route("http", json!([])));
    })
    .also(&["AUTHN-01", "AUTHZ-04"]),
    fault("TLS-16", "a few weeks left of three years", |c| serve(c, pair(tls(HOST, 2026)))),
    fault("TLS-17", "the certificate before this one", |c| {
        c.gets = |seen| seen.chain[0].not_after -= 90 * 86_400
    }),
    fault("TLS-18", "TLS 1.1", |c| {
        c.gets = |seen| seen.versions = vec![TlsVersion::V1_1, TlsVersion::V1_2]
    }),
    fault("TLS-18", "TLS 1.2 though the policy is 1.3", |c| {
        c.policy.tls_minimum = TlsVersion::V1_3
    })
    .also(&["TLS-10"]),
    fault("TLS-18", "a suite with CBC", |c| {
        c.gets = |seen| seen.weak = vec!["TLS 1.2 ECDHE-RSA-AES128-SHA".into()]
    }),
    fault("TLS-19", "for another host", |c| {
        c.gets = |seen| seen.chain[0].names = vec!["other.example.com".into()]
    })
    .also(&["TLS-17"]),
    fault("TLS-19", "ended", |c| c.gets = |seen| seen.chain[0].not_after = 1_700_000_000)
        .also(&["TLS-17"]),
    fault("TLS-19", "intermediates in no order", |c| {
        c.gets = |seen| seen.broken_chain = Some("UnknownIssuer".into())
    }),
    fault("TLS-19", "no handshake", |c| {
        c.gets = |seen| {
            seen.agreed = None;
            seen.chain.clear();
        }
    }),
    fault("TLS-20", "an answer in clear", |c| {
        c.gets = |seen| seen.clear = Some(Clear { status: 200, location: None })
    }),
    fault("TLS-20", "a redirect in clear", |c| {
        c.gets = |seen| seen.clear.as_mut().unwrap().location = Some("http://example.com/".into())
    }),
    fault("TLS-21", "no header, by the strict profile", |c| {
        c.policy.profile = Profile::Strict;
        c.gets = |seen| seen.hsts = None
    })
    .also(&["AUTHN-08", "JUJU-11", "JUJU-12"]),
];
