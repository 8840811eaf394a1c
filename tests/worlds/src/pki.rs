//! Certificates for worlds.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

/// A certificate and its key, PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

/// A certificate for a host, signed by a CA of its own, ECDSA P-256, valid from
/// 2024 until the end of a year.
pub fn tls(host: &str, until: i32) -> Tls {
    let (ca, ca_key) = authority();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().expect("ring makes keys");
    let certificate = leaf(host, until).signed_by(&key, &issuer).expect("the CA can sign");
    Tls { certificate: certificate.pem(), key: key.serialize_pem() }
}

/// The same, self-signed.
pub fn self_signed(host: &str, until: i32) -> Tls {
    let key = KeyPair::generate().expect("ring makes keys");
    let certificate = leaf(host, until).self_signed(&key).expect("it can sign");
    Tls { certificate: certificate.pem(), key: key.serialize_pem() }
}

fn leaf(host: &str, until: i32) -> CertificateParams {
    let mut params = CertificateParams::new(vec![host.to_owned()]).expect("a host is a name");
    params.distinguished_name.push(DnType::CommonName, host);
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(until, 12, 31);
    params
}

/// RSA of 1024 bits, made by `openssl req -x509 -newkey rsa:1024`: ring makes none.
pub fn weak_rsa() -> Tls {
    Tls {
        certificate: include_str!("../certificates/weak-rsa.crt").into(),
        key: include_str!("../certificates/weak-rsa.key").into(),
    }
}

/// Signed with SHA-1, made by `openssl req -x509 -sha1`: ring makes none.
pub fn sha1() -> Tls {
    Tls {
        certificate: include_str!("../certificates/sha1.crt").into(),
        key: include_str!("../certificates/sha1.key").into(),
    }
}

/// A CA certificate, PEM, valid until the end of 2040.
pub fn root() -> String {
    let (params, key) = authority();
    params.self_signed(&key).expect("the CA can sign").pem()
}

fn authority() -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(Vec::new()).expect("no name is a fault");
    params.distinguished_name.push(DnType::CommonName, "world CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2040, 12, 31);
    (params, KeyPair::generate().expect("ring makes keys"))
}
