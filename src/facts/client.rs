//! The client of an API server.
//!
//! kube's own, but for client certificates of X.509 version 1, as MicroK8s issues: its TLS parses
//! the certificate that it presents and rejects these, though only the server has to accept them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::rt::TokioExecutor;
use kube::Client;
use kube::client::retry::RetryPolicy;
use kube::client::{Body, ConfigExt as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use secrecy::ExposeSecret as _;
use tower::{Service, ServiceBuilder, ServiceExt as _};
use zeroize::Zeroizing;

/// Creates a client.
pub(super) fn create(config: kube::Config) -> Result<Client, kube::Error> {
    match version_1(&config) {
        Some(identity) => of_identity(config, identity),
        None => Client::try_from(config),
    }
}

/// The client certificate with its key, if it is of version 1.
fn version_1(config: &kube::Config) -> Option<CertifiedKey> {
    let user = &config.auth_info;
    let pem = |data: Option<&str>, file: Option<&String>| -> Option<Zeroizing<Vec<u8>>> {
        let read = match data.filter(|data| !data.is_empty()) {
            Some(data) => STANDARD.decode(data.trim()).ok()?,
            None => std::fs::read(file?).ok()?,
        };
        Some(Zeroizing::new(read))
    };
    let chain = pem(user.client_certificate_data.as_deref(), user.client_certificate.as_ref())?;
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&chain).collect::<Result<_, _>>().ok()?;
    let (_, leaf) = x509_parser::parse_x509_certificate(chain.first()?).ok()?;
    if leaf.version() != x509_parser::x509::X509Version::V1 {
        return None;
    }
    let key = user.client_key_data.as_ref().map(|key| key.expose_secret());
    let key = pem(key, user.client_key.as_ref())?;
    let key = PrivateKeyDer::from_pem_slice(&key).ok()?;
    let provider = rustls::crypto::CryptoProvider::get_default()?;
    let key = provider.key_provider.load_private_key(key).ok()?;
    Some(CertifiedKey::new(chain, key))
}

/// A client that presents this certificate.
fn of_identity(mut config: kube::Config, identity: CertifiedKey) -> Result<Client, kube::Error> {
    let user = &mut config.auth_info;
    user.client_certificate = None;
    user.client_certificate_data = None;
    user.client_key = None;
    user.client_key_data = None;
    let mut tls = config.rustls_client_config()?;
    tls.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(identity));
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    let proxy = config.proxy_url.clone();
    match proxy.as_ref().map(|url| (url, url.scheme_str())) {
        None => stack(&config, tls, connector),
        Some((url, Some("socks5"))) => stack(&config, tls, SocksV5::new(url.clone(), connector)),
        Some((url, Some("https"))) => {
            let connector = config.rustls_https_connector_with_connector(connector)?;
            stack(&config, tls, tunnel(url, connector))
        }
        Some((url, _)) => stack(&config, tls, tunnel(url, connector)),
    }
}

/// A tunnel through a proxy, with the login of its URL.
fn tunnel<C>(proxy: &Uri, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.clone(), connector);
    let login = proxy.authority().and_then(|authority| authority.as_str().rsplit_once('@'));
    let header = login.map(|(login, _)| format!("Basic {}", STANDARD.encode(login)));
    match header.and_then(|header| header.parse().ok()) {
        Some(header) => tunnel.with_auth(header),
        None => tunnel,
    }
}

fn stack<C>(
    config: &kube::Config,
    tls: rustls::ClientConfig,
    connector: C,
) -> Result<Client, kube::Error>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: hyper::rt::Read + hyper::rt::Write + Connection + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: std::error::Error + Send + Sync + 'static,
{
    let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    let builder = match &config.tls_server_name {
        None => builder,
        Some(name) => {
            let name = name.clone().try_into();
            let name = name.map_err(kube::client::RustlsTlsError::InvalidServerName);
            let name = name.map_err(kube::Error::RustlsTls)?;
            builder.with_server_name_resolver(hyper_rustls::FixedServerNameResolver::new(name))
        }
    };
    let connector = builder.enable_http1().wrap_connector(connector);
    let mut connector = hyper_timeout::TimeoutConnector::new(connector);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    let client: hyper_util::client::legacy::Client<_, Body> =
        hyper_util::client::legacy::Builder::new(TokioExecutor::new()).build(connector);
    let retry = tower::retry::RetryLayer::new(RetryPolicy::server_retry());
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.default_retry.then_some(retry))
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(tower::BoxError::from)
        .service(client);
    Ok(Client::new(service.boxed(), config.default_namespace.clone()))
}
