//! TLS handshakes with the servers of webhooks, from inside of the cluster.

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
use crate::facts::core::{Service, Webhook};
use crate::facts::known::{Known, Unknown};
use crate::facts::{Facts, digest};
use crate::tls;

/// Deadline of all handshakes together.
const DEADLINE: Duration = Duration::from_secs(20);
/// Port of a webhook's Service that names none.
const PORT: u16 = 443;

/// Asks the server of each webhook of the platform's namespaces for its certificate. Blocks.
pub fn read(facts: &Facts, vantage: Vantage) -> Known<Vec<WebhookServer>> {
    if vantage == Vantage::Outside {
        return Known::Unknown(Unknown::NotCollected);
    }
    let (mutating, validating) = (&facts.mutating_webhooks, &facts.validating_webhooks);
    let (Known::Known(mutating), Known::Known(validating), Known::Known(services)) =
        (mutating, validating, &facts.services)
    else {
        return Known::Unknown(Unknown::Failed("webhooks and Services were not read".into()));
    };
    let webhooks = mutating.items.iter().flat_map(|of| &of.webhooks);
    let webhooks = webhooks.chain(validating.items.iter().flat_map(|of| &of.webhooks));
    let platform = facts.about.platform_namespaces();
    let mut bundles: BTreeMap<(&str, &str, u16), BTreeSet<&str>> = BTreeMap::new();
    for Webhook { client_config, .. } in webhooks {
        let Some(of) = &client_config.service else { continue };
        if platform.contains(&&*of.namespace) {
            let server = (&*of.namespace, &*of.name, of.port.unwrap_or(PORT));
            bundles.entry(server).or_default().insert(&client_config.ca_bundle);
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

    fn read_from(port: u16, bundles: &[&str]) -> WebhookServer {
        let webhook = |bundle: &&str| {
            json!({"name": "a.example.com", "clientConfig": {"caBundle": bundle,
                "service": {"namespace": "kubeflow", "name": "hook", "port": port}}})
        };
        let webhooks: Value = bundles.iter().map(webhook).collect();
        let objects = [
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "hook", "namespace": "kubeflow"},
                "spec": {"type": "ClusterIP", "clusterIPs": ["127.0.0.1"], "ports": [{"port": port}]}}),
            json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
                "metadata": {"name": "hooks"}, "webhooks": webhooks}),
        ];
        let facts = Facts::from_objects(About::default(), &objects);
        match read(&facts, Vantage::Inside) {
            Known::Known(mut servers) => servers.remove(0),
            Known::Unknown(why) => panic!("{why}"),
        }
    }

    #[test]
    fn served_chain_is_compared_with_each_bundle() {
        let (own, config) = authority("hooks");
        let (namesake, _) = authority("hooks");
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
        let seen = read_from(port, &[&own, &namesake]);
        server.join().unwrap();
        assert_eq!((seen.chain.len(), &seen.failure), (1, &None), "{seen:?}");
        assert!(seen.chain[0].covers("hook.kubeflow.svc"));
        let refused: Vec<_> = seen.refused.keys().collect();
        assert_eq!(refused, [&digest(&namesake)]);
        let silent = read_from(port, &[&own]);
        assert!(silent.chain.is_empty() && silent.failure.is_some(), "{silent:?}");
    }

    #[test]
    fn webhooks_are_not_asked_from_outside() {
        let facts = Facts::from_objects(About::default(), &[]);
        assert_eq!(read(&facts, Vantage::Outside), Known::Unknown(Unknown::NotCollected));
    }
}
