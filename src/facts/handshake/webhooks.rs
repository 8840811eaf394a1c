//! TLS handshakes with the servers that the API server calls, webhooks and those of API groups, from
//! inside of the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, Error, RootCertStore};

use ckf_model::handshake::WebhookServer;

use super::client::Client;
use super::target::{Target, Vantage};
use crate::facts::certificate::{Certificate, ders};
use crate::facts::core::Service;
use crate::facts::known::{Known, Unknown};
use crate::facts::{Facts, digest};
use crate::tls;

/// Deadline of all handshakes together.
const DEADLINE: Duration = Duration::from_secs(20);
/// Port of a Service that is called without a port.
const PORT: u16 = 443;

/// Asks each server of the platform's namespaces that the API server calls for its certificate.
/// Blocks.
pub fn read(facts: &Facts, vantage: Vantage) -> Known<Vec<WebhookServer>> {
    if vantage == Vantage::Outside {
        return Known::Unknown(Unknown::NotCollected);
    }
    let (Some(extensions), Known::Known(services)) = (facts.extensions(), &facts.services) else {
        let unread = "webhooks, definitions, APIServices and Services were not all read";
        return Known::Unknown(Unknown::Failed(unread.into()));
    };
    let platform = facts.about.platform_namespaces();
    let mut bundles: BTreeMap<(&str, &str, u16), BTreeSet<&str>> = BTreeMap::new();
    for extension in &extensions {
        let Some(of) = extension.service else { continue };
        if platform.contains(&&*of.namespace) {
            let server = (&*of.namespace, &*of.name, of.port.unwrap_or(PORT));
            bundles.entry(server).or_default().insert(extension.ca_bundle);
        }
    }
    let deadline = Instant::now() + DEADLINE;
    // Side by side: one that drops packets must not take the time of the others.
    let servers = std::thread::scope(|scope| {
        let asked: Vec<_> = bundles
            .into_iter()
            .map(|(server, bundles)| {
                scope.spawn(move || ask(&services.items, server, &bundles, deadline))
            })
            .collect();
        asked.into_iter().filter_map(|asked| asked.join().ok()).collect()
    });
    Known::Known(servers)
}

fn ask(
    services: &[Service],
    (namespace, name, port): (&str, &str, u16),
    bundles: &BTreeSet<&str>,
    deadline: Instant,
) -> WebhookServer {
    let mut server = WebhookServer {
        namespace: namespace.into(),
        service: name.into(),
        port,
        ..WebhookServer::default()
    };
    let mut all = services.iter();
    let service = all.find(|of| *of.metadata.namespace == *namespace && of.metadata.name == *name);
    let address = service.and_then(|service| service.addresses(true).into_iter().next());
    let Some(address) = address else {
        server.failure = Some("the Service has no address".into());
        return server;
    };
    let host = format!("{name}.{namespace}.svc");
    let target = Target { address, https: port, http: None };
    let chain = match Client::new(&target, Some(&host), deadline).chain() {
        Ok(chain) => chain,
        Err(why) => {
            server.failure = Some(why.to_string());
            return server;
        }
    };
    for bundle in bundles {
        if let Some(why) = refused(&chain, bundle, &host) {
            server.refused.insert(digest(bundle), why);
        }
    }
    match chain.iter().map(|der| Certificate::from_der(der)).collect() {
        Ok(chain) => server.chain = chain,
        Err(why) => server.failure = Some(format!("{why}")),
    }
    server
}

/// Why the CAs of a caBundle have not signed a chain; dates and names are assessed apart.
fn refused(chain: &[CertificateDer<'static>], bundle: &str, host: &str) -> Option<String> {
    let pem = BASE64.decode(bundle.trim()).unwrap_or_default();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(ders(&pem));
    let (leaf, rest) = chain.split_first()?;
    let name = ServerName::try_from(host.to_owned()).ok()?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), tls::provider());
    // Without a CA in it the bundle is assessed by itself.
    let verifier = verifier.build().ok()?;
    let verified = verifier.verify_server_cert(leaf, rest, &name, &[], UnixTime::now());
    match verified.err()? {
        Error::InvalidCertificate(
            why @ (CertificateError::UnknownIssuer | CertificateError::BadSignature),
        ) => Some(why.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
    use serde_json::{Value, json};

    use super::*;
    use crate::facts::About;

    /// A CA of this name, and a server's certificate for the webhook by it.
    fn authority(name: &str) -> (String, rustls::ServerConfig) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["hook.kubeflow.svc".into()]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key.into())
            .unwrap();
        (BASE64.encode(root), config)
    }

    fn service(port: u16) -> Value {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "hook", "namespace": "kubeflow"},
            "spec": {"type": "ClusterIP", "clusterIPs": ["127.0.0.1"], "ports": [{"port": port}]}})
    }

    fn read_from(port: u16, objects: &[Value]) -> WebhookServer {
        let facts = Facts::from_objects(About::default(), &[&[service(port)], objects].concat());
        match read(&facts, Vantage::Inside) {
            Known::Known(mut servers) => servers.remove(0),
            Known::Unknown(why) => panic!("{why}"),
        }
    }

    fn client(bundle: &str, port: u16) -> Value {
        json!({"caBundle": bundle, "service": {"namespace": "kubeflow", "name": "hook", "port": port}})
    }

    /// An object of each kind that names a server, the last with another CA.
    fn callers(port: u16, own: &str, other: &str) -> [Value; 3] {
        let conversion = json!({"strategy": "Webhook",
            "webhook": {"clientConfig": client(own, port), "conversionReviewVersions": ["v1"]}});
        let mut spec = client(other, port);
        spec["group"] = "example.com".into();
        [
            json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
                "metadata": {"name": "hooks"},
                "webhooks": [{"name": "a.example.com", "clientConfig": client(own, port)}]}),
            json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": "rockets.example.com"}, "spec": {"conversion": conversion}}),
            json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
                "metadata": {"name": "v1.example.com"}, "spec": spec}),
        ]
    }

    /// Answers one handshake.
    fn serve(config: rustls::ServerConfig) -> (u16, std::thread::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = Arc::new(config);
        let server = std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut connection = rustls::ServerConnection::new(config).unwrap();
            while connection.is_handshaking() {
                if connection.complete_io(&mut socket).is_err() {
                    break;
                }
            }
        });
        (port, server)
    }

    #[test]
    fn served_chain_is_compared_with_each_bundle() {
        let (own, config) = authority("hooks");
        let (namesake, _) = authority("hooks");
        let (port, server) = serve(config);
        let seen = read_from(port, &callers(port, &own, &namesake));
        server.join().unwrap();
        assert_eq!((seen.chain.len(), &seen.failure), (1, &None), "{seen:?}");
        assert!(seen.chain[0].covers("hook.kubeflow.svc"));
        let refused: Vec<_> = seen.refused.keys().collect();
        assert_eq!(refused, [&digest(&namesake)]);
        let silent = read_from(port, &callers(port, &own, &own));
        assert!(silent.chain.is_empty() && silent.failure.is_some(), "{silent:?}");
    }

    #[test]
    fn server_of_any_caller_alone_is_asked() {
        let [.., conversion, group] = callers(1, "QQ==", "QQ==");
        for caller in [conversion, group] {
            let seen = read_from(1, &[caller]);
            assert_eq!((&*seen.service, seen.port), ("hook", 1));
        }
    }

    #[test]
    fn webhooks_are_not_asked_from_outside() {
        let facts = Facts::from_objects(About::default(), &[]);
        assert_eq!(read(&facts, Vantage::Outside), Known::Unknown(Unknown::NotCollected));
    }
}
