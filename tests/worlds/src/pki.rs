//! Certificates for worlds.

use std::sync::LazyLock;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

/// A certificate and its key, PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

/// A certificate authority.
#[derive(Debug)]
pub struct Authority {
    /// Its certificate and key.
    pub own: Tls,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A root, valid until the end of a year.
    pub fn root(name: &str, until: i32) -> Self {
        let (params, key) = authority(name, until);
        let certificate = params.self_signed(&key).expect("the CA can sign").pem();
        let own = Tls { certificate, key: key.serialize_pem() };
        Self { own, issuer: Issuer::new(params, key) }
    }

    /// An intermediate of this one.
    pub fn intermediate(&self, name: &str, until: i32) -> Self {
        let (params, key) = authority(name, until);
        let certificate = params.signed_by(&key, &self.issuer).expect("the CA can sign").pem();
        let own = Tls { certificate, key: key.serialize_pem() };
        Self { own, issuer: Issuer::new(params, key) }
    }

    /// A certificate for a host, ECDSA P-256, valid from 2024 until the end of a year.
    pub fn issue(&self, host: &str, until: i32) -> Tls {
        let key = KeyPair::generate().expect("ring makes keys");
        let certificate = leaf(host, until).signed_by(&key, &self.issuer);
        let certificate = certificate.expect("the CA can sign").pem();
        Tls { certificate, key: key.serialize_pem() }
    }
}

/// The CA of all certificates that nothing else is said of, valid until the end of 2040.
pub fn world_ca() -> &'static Authority {
    static CA: LazyLock<Authority> = LazyLock::new(|| Authority::root("world CA", 2040));
    &CA
}

/// The CA of the mesh, as istiod makes it.
pub fn mesh_ca() -> &'static Authority {
    static CA: LazyLock<Authority> = LazyLock::new(|| Authority::root("cluster.local", 2036));
    &CA
}

/// A certificate for a host, signed by the world's CA.
pub fn tls(host: &str, until: i32) -> Tls {
    world_ca().issue(host, until)
}

/// ECDSA on P-521, self-signed, made by `openssl ecparam -name secp521r1`: ring makes none.
pub fn p521() -> Tls {
    Tls {
        certificate: include_str!("../certificates/p521.crt").into(),
        key: include_str!("../certificates/p521.key").into(),
    }
}

/// ECDSA on secp256k1, which no browser takes, made by `openssl ecparam -name secp256k1`.
pub fn secp256k1() -> Tls {
    Tls {
        certificate: include_str!("../certificates/secp256k1.crt").into(),
        key: include_str!("../certificates/secp256k1.key").into(),
    }
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
    params.use_authority_key_identifier_extension = true;
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

fn authority(name: &str, until: i32) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(Vec::new()).expect("no name is a fault");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.use_authority_key_identifier_extension = true;
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(until, 12, 31);
    (params, KeyPair::generate().expect("ring makes keys"))
}
