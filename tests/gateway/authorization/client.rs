//! A client of the gateway with any identity, address, token and headers.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ckf_hardening::views::authorization::{Attribute, Request};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Stream};
use serde_json::{Value, json};

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

/// The authority of clients and of the gateway.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub certificate: String,
    tokens: EcdsaKeyPair,
    random: SystemRandom,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = named("oracle-authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let certificate = params.self_signed(&key).unwrap();
        let pem = certificate.pem();
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let tokens = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let tokens = EcdsaKeyPair::from_pkcs8(algorithm, tokens.as_ref(), &random).unwrap();
        Self { issuer: Issuer::new(params, key), certificate: pem, tokens, random }
    }

    fn sign(&self, name: SanType) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = named("oracle-client");
        params.subject_alt_names = vec![name];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// Certificate and key of the gateway, PEM.
    pub fn server(&self, address: Ipv4Addr) -> (String, String) {
        let (certificate, key) = self.sign(SanType::IpAddress(IpAddr::V4(address)));
        (certificate.pem(), key.serialize_pem())
    }

    /// A client's configuration of TLS, with an identity if there is one.
    pub fn client(&self, identity: Option<&str>) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(ckf_hardening::tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Trusting));
        Arc::new(match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (certificate, key) = self.sign(SanType::URI(identity.try_into().unwrap()));
                let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
                builder.with_client_auth_cert(vec![certificate.der().clone()], key).unwrap()
            }
        })
    }

    /// The keys by which tokens are checked.
    pub fn keys(&self) -> String {
        let point = self.tokens.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        json!({"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "k", "x": x, "y": y}]})
            .to_string()
    }

    pub fn token(&self, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(&json!({"alg": "ES256", "kid": "k", "typ": "JWT"}));
        let text = format!("{head}.{}", part(claims));
        let signature = self.tokens.sign(&self.random, text.as_bytes()).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The gateway is on loopback; whose certificate it has is not what is tested.
#[derive(Debug)]
struct Trusting;

impl rustls::client::danger::ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        ckf_hardening::tls::provider().signature_verification_algorithms.supported_schemes()
    }
}

fn is<T: Clone>(attribute: &Attribute<T>) -> Option<T> {
    match attribute {
        Attribute::Is(value) => Some(value.clone()),
        _ => None,
    }
}

/// The status that the gateway answers to a request.
pub fn ask(
    runtime: &tokio::runtime::Runtime,
    tls: Option<&Arc<ClientConfig>>,
    request: &Request,
    more: &[(&str, String)],
) -> u16 {
    let (Some(source), Some(to), Some(port)) =
        (is(&request.source_ip), is(&request.destination_ip), is(&request.destination_port))
    else {
        panic!("addresses are known: {request:?}");
    };
    let mut stream: TcpStream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(source, 0)).unwrap();
        let stream = socket.connect(SocketAddr::new(to, port)).await.unwrap();
        stream.into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut head =
        format!("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.path, request.host);
    for (name, value) in &request.headers {
        head += &format!("{name}: {value}\r\n");
    }
    for (name, value) in more {
        head += &format!("{name}: {value}\r\n");
    }
    head += "Content-Length: 0\r\nConnection: close\r\n\r\n";
    let mut answer = [0; 12];
    match tls {
        None => {
            stream.write_all(head.as_bytes()).unwrap();
            stream.read_exact(&mut answer).unwrap();
        }
        Some(config) => {
            let name = match is(&request.sni) {
                Some(name) => ServerName::try_from(name).unwrap(),
                None => ServerName::from(to),
            };
            let mut connection = ClientConnection::new(config.clone(), name).unwrap();
            let mut stream = Stream::new(&mut connection, &mut stream);
            stream.write_all(head.as_bytes()).unwrap();
            stream.read_exact(&mut answer).unwrap();
        }
    }
    String::from_utf8_lossy(&answer[9..]).parse().unwrap()
}
