//! X.509 certificates, as far as controls assess them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde::{Deserialize, Serialize};
use x509_parser::asn1_rs::FromDer;
use x509_parser::prelude::{
    ExtendedKeyUsage, GeneralName, ParsedExtension, X509Certificate, X509Error,
};
use x509_parser::public_key::PublicKey;

use crate::private_key;
pub use crate::private_key::{public_key_hash, public_key_of_private};
use crate::public_roots;

/// Errors of parsing a certificate.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CertificateError {
    /// Not PEM, or without a certificate.
    #[error("expected a PEM certificate: {0}")]
    Pem(String),
    /// Not X.509.
    #[error("expected an X.509 certificate: {0}")]
    X509(String),
    /// Not base64.
    #[error("expected base64: {0}")]
    Base64(String),
}

/// The assessed fields of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// Subject.
    pub subject: String,
    /// Issuer.
    pub issuer: String,
    /// Start of validity, seconds since 1970.
    pub not_before: i64,
    /// End of validity (NotAfter), seconds since 1970.
    pub not_after: i64,
    /// Subject alternative names: DNS names and IP addresses.
    pub names: Vec<String>,
    /// `RSA`, `EC`, `Ed25519` or an object identifier.
    pub key_type: String,
    /// Size of the key in bits.
    pub key_bits: usize,
    /// Signature algorithm, for example `sha256WithRSAEncryption`.
    pub signature: String,
    /// Whether issuer and subject are equal.
    pub self_signed: bool,
    /// SHA-256 of the public key (SubjectPublicKeyInfo), in hex.
    pub public_key: String,
    /// Whether it is a CA certificate.
    #[serde(default)]
    pub is_authority: bool,
    /// Curve of an elliptic key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve: Option<String>,
    /// Extended key usage, for example `serverAuth`; any if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub usage: Vec<String>,
    /// Subject alternative names of other kinds, with the kind: `URI:spiffe://…`, `email:…`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_names: Vec<String>,
    /// Identifier of its key, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// Identifier of the issuer's key, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_key_id: Option<String>,
    /// Whether a CA that browsers trust has signed it, or is it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_public_root: bool,
}

/// The day of a time in seconds since 1970, in UTC.
pub fn date(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.to_zoned(jiff::tz::TimeZone::UTC).date().to_string(),
        Err(_) => format!("second {seconds}"),
    }
}

impl Certificate {
    /// Parses all certificates of a PEM text, leaf first.
    pub fn from_pem(pem: &[u8]) -> Result<Vec<Self>, CertificateError> {
        let ders = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| CertificateError::Pem(e.to_string()))?;
        if ders.is_empty() {
            return Err(CertificateError::Pem("no certificate".into()));
        }
        ders.iter().map(|der| Self::from_der(der)).collect()
    }

    /// Parses all certificates of a base64-encoded PEM text, such as a webhook's caBundle.
    pub fn from_base64_pem(text: &str) -> Result<Vec<Self>, CertificateError> {
        let pem =
            BASE64.decode(text.trim()).map_err(|e| CertificateError::Base64(e.to_string()))?;
        Self::from_pem(&pem)
    }

    /// Parses a DER certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let (_, cert) =
            X509Certificate::from_der(der).map_err(|e| CertificateError::X509(e.to_string()))?;
        let (key_type, key_bits) = key_of(&cert);
        let names = cert
            .subject_alternative_name()
            .ok()
            .flatten()
            .map(|san| {
                san.value
                    .general_names
                    .iter()
                    .filter_map(|name| match name {
                        GeneralName::DNSName(dns) => Some(dns.to_ascii_lowercase()),
                        GeneralName::IPAddress(bytes) => ip(bytes),
                        _ => None,
                    })
                    .collect()
            })
            .unwrap_or_default();
        let (mut usage, mut key_id, mut issuer_key_id) = (Vec::new(), None, None);
        for extension in cert.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::ExtendedKeyUsage(extended) => usage = usages(extended),
                ParsedExtension::SubjectKeyIdentifier(id) => key_id = Some(hex(id.0)),
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    issuer_key_id = id.key_identifier.as_ref().map(|id| hex(id.0));
                }
                _ => {}
            }
        }
        Ok(Self {
            curve: curve_name(&cert),
            usage,
            other_names: other_names(&cert),
            key_id,
            issuer_key_id,
            of_public_root: public_roots::is_signed_by_one(&cert),
            subject: cert.subject().to_string(),
            issuer: cert.issuer().to_string(),
            not_before: cert.validity().not_before.timestamp(),
            not_after: cert.validity().not_after.timestamp(),
            names,
            key_type,
            key_bits,
            signature: signature_name(&cert.signature_algorithm.algorithm.to_id_string()),
            self_signed: cert.subject() == cert.issuer(),
            public_key: public_key_hash(cert.public_key().raw),
            is_authority: cert.is_ca(),
        })
    }

    /// Whether a name of the certificate matches this host; `*` matches one label.
    pub fn covers(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(parent) => host
                .split_once('.')
                .is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
            None => *name == host,
        })
    }

    /// Whether it may be the issuer of another: by name, by identifier of the key, and because it
    /// is a CA.
    pub fn may_issue(&self, other: &Self) -> bool {
        let is_same_key = match (&self.key_id, &other.issuer_key_id) {
            (Some(own), Some(named)) => own == named,
            _ => true,
        };
        self.is_authority && self.subject == other.issuer && is_same_key
    }

    /// Whether servers may use it, by its extended key usage.
    pub fn is_for_servers(&self) -> bool {
        self.usage.is_empty()
            || self.usage.iter().any(|usage| usage == "serverAuth" || usage == "any")
    }

    /// Kind and size of its key, with the curve.
    pub fn key(&self) -> String {
        match &self.curve {
            Some(curve) => format!("{} {curve}", self.key_type),
            None => format!("{} {}", self.key_type, self.key_bits),
        }
    }

    /// Whether its signature uses MD2, MD5 or SHA-1.
    pub fn is_weakly_signed(&self) -> bool {
        let name = self.signature.to_ascii_lowercase();
        name.contains("md5") || name.contains("sha1") || name.contains("md2")
    }
}

/// The certificates of a PEM text in DER, as far as they are read.
pub fn ders(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).map_while(Result::ok).collect()
}

/// First fault of a chain, by names and signatures: each certificate must be signed by the next.
pub fn chain_fault(ders: &[impl AsRef<[u8]>]) -> Option<String> {
    ders.windows(2).enumerate().find_map(|(index, pair)| {
        let (_, one) = X509Certificate::from_der(pair[0].as_ref()).ok()?;
        let (_, next) = X509Certificate::from_der(pair[1].as_ref()).ok()?;
        let (number, after) = (index + 1, index + 2);
        let is_signed = one.verify_signature(Some(next.public_key()));
        match (one.issuer() == next.subject(), is_signed) {
            (false, _) => {
                Some(format!("certificate {after} is not the issuer of certificate {number}"))
            }
            (true, Err(X509Error::SignatureVerificationError)) => Some(format!(
                "certificate {number} is not signed with the key of certificate {after}"
            )),
            // What this library cannot verify is not wrong for that.
            (true, _) if next.is_ca() => None,
            (true, _) => Some(format!("certificate {after} is no CA")),
        }
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn usages(usage: &ExtendedKeyUsage<'_>) -> Vec<String> {
    let known = [
        (usage.any, "any"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ];
    let known = known.into_iter().filter(|(is, _)| *is).map(|(_, name)| name.to_owned());
    known.chain(usage.other.iter().map(|other| other.to_id_string())).collect()
}

/// Names of kinds that no client of HTTPS compares.
fn other_names(cert: &X509Certificate<'_>) -> Vec<String> {
    let names = cert.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|extension| &extension.value.general_names);
    let other = names.filter_map(|name| match name {
        GeneralName::DNSName(_) | GeneralName::IPAddress(_) => None,
        GeneralName::URI(uri) => Some(format!("URI:{uri}")),
        GeneralName::RFC822Name(address) => Some(format!("email:{address}")),
        GeneralName::DirectoryName(name) => Some(format!("directory:{name}")),
        _ => Some("other".to_owned()),
    });
    other.collect()
}

/// Type and size in bits of a certificate's key; size 0 if the type is unknown.
fn key_of(cert: &X509Certificate<'_>) -> (String, usize) {
    match cert.public_key().parsed() {
        Ok(PublicKey::RSA(rsa)) => ("RSA".to_owned(), rsa.key_size()),
        Ok(PublicKey::EC(point)) => ("EC".to_owned(), curve_bits(cert).unwrap_or(point.key_size())),
        _ => match cert.public_key().algorithm.algorithm.to_id_string() {
            id if id == "1.3.101.112" => ("Ed25519".to_owned(), 256),
            id => (id, 0),
        },
    }
}

fn curve_of(cert: &X509Certificate<'_>) -> Option<(&'static str, usize)> {
    let curve = cert.public_key().algorithm.parameters.as_ref()?.as_oid().ok()?;
    private_key::curve(curve.as_bytes())
}

fn curve_bits(cert: &X509Certificate<'_>) -> Option<usize> {
    curve_of(cert).map(|(_, bits)| bits)
}

fn curve_name(cert: &X509Certificate<'_>) -> Option<String> {
    curve_of(cert).map(|(name, _)| name.to_owned())
}

fn signature_name(oid: &str) -> String {
    match oid {
        "1.2.840.113549.1.1.2" => "md2WithRSAEncryption",
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "rsassaPss",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.3.101.112" => "Ed25519",
        other => other,
    }
    .to_owned()
}

fn ip(bytes: &[u8]) -> Option<String> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(|b| std::net::Ipv4Addr::from(b).to_string()),
        16 => <[u8; 16]>::try_from(bytes).ok().map(|b| std::net::Ipv6Addr::from(b).to_string()),
        _ => None,
    }
}

/// Time at which to renew a certificate: after two thirds of its lifetime. All in seconds since
/// 1970.
pub fn renewal_time(not_before: i64, not_after: i64) -> i64 {
    not_before + (not_after - not_before) / 3 * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcard_matches_one_label() {
        let mut key =
            rcgen::generate_simple_self_signed(vec!["*.example.com".into(), "one.test".into()])
                .unwrap();
        let cert = Certificate::from_pem(key.cert.pem().as_bytes()).unwrap().remove(0);
        assert!(cert.covers("a.example.com") && cert.covers("ONE.test"));
        assert!(!cert.covers("a.b.example.com") && !cert.covers("example.com"));
        assert_eq!(cert.key_type, "EC");
        assert_eq!(cert.key_bits, 256);
        assert_eq!(
            public_key_of_private(key.signing_key.serialize_pem().as_bytes()).as_deref(),
            Some(cert.public_key.as_str())
        );
        key.signing_key = rcgen::KeyPair::generate().unwrap();
        assert_ne!(
            public_key_of_private(key.signing_key.serialize_pem().as_bytes()),
            Some(cert.public_key)
        );
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes: Vec<u8>) {
            let _ = Certificate::from_pem(&bytes);
            let _ = Certificate::from_der(&bytes);
            let _ = public_key_of_private(&bytes);
        }
    }
}
