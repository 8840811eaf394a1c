//! A certificate signing request, and whether it may be answered.

use rcgen::{CertificateSigningRequestParams, SanType};
use rustls::pki_types::{CertificateSigningRequestDer, pem::PemObject};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use super::Name;
use crate::facts::certificate::public_key_hash;

const ED25519: &str = "1.3.101.112";

/// A request whose signature shows that who asks has the key.
#[derive(Debug)]
pub struct Request {
    /// Its PEM text as it came, for that is by what the asker finds its answer.
    pub pem: String,
    /// Names that it is for.
    pub names: Vec<Name>,
    /// Hash of its public key.
    pub public_key: String,
    pub(super) params: CertificateSigningRequestParams,
}

/// Why a request is not answered, in words that say what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No PEM, no request in it, or its signature is not right.
    #[error("it is no certificate signing request that can be read: {0}")]
    Malformed(String),
    /// It asks to be an authority.
    #[error("it asks for a certificate authority, and the gateway needs none")]
    Authority,
    /// Its key is too small.
    #[error("its key is {0}; RSA of 2048 bits or ECDSA on P-256 is the least")]
    WeakKey(String),
    /// It names no host.
    #[error("it names no host in its subject alternative names")]
    NoName,
    /// It is for what is no host.
    #[error(
        "it is for {0:?}, which is no host; the gateway has no address yet, or csr-domain-name of istio-pilot is wrong"
    )]
    NotAName(String),
    /// It is for a host that the policy does not name.
    #[error(
        "it is for {0}, which is no address of the gateway; set external-hostname, or name it in the policy under certificates: names"
    )]
    ForeignName(Name),
}

impl Request {
    /// Parses one from PEM.
    pub fn parse(pem: &str) -> Result<Self, Refusal> {
        let malformed = |why: String| Refusal::Malformed(why);
        let der = CertificateSigningRequestDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| malformed(error.to_string()))?;
        let (_, request) = X509CertificationRequest::from_der(&der)
            .map_err(|_| malformed("it is not PKCS#10".into()))?;
        let key = &request.certification_request_info.subject_pki;
        // Told before the signature is checked, for such a key is too weak to check it.
        match key.parsed() {
            Ok(PublicKey::RSA(rsa)) if rsa.key_size() < 2048 => {
                return Err(Refusal::WeakKey(format!("RSA of {} bits", rsa.key_size())));
            }
            Ok(PublicKey::RSA(_) | PublicKey::EC(_)) => {}
            _ => match key.algorithm.algorithm.to_id_string().as_str() {
                ED25519 => {}
                other => return Err(Refusal::WeakKey(format!("of the kind {other}"))),
            },
        }
        let public_key = public_key_hash(key.raw);
        let params = CertificateSigningRequestParams::from_der(&der)
            .map_err(|error| malformed(error.to_string().to_lowercase()))?;
        let mut names = Vec::new();
        for name in &params.params.subject_alt_names {
            names.push(match name {
                SanType::DnsName(name) => name
                    .as_str()
                    .parse()
                    .map_err(|_| Refusal::NotAName(name.as_str().to_owned()))?,
                SanType::IpAddress(address) => Name::Ip(*address),
                other => return Err(Refusal::NotAName(format!("{other:?}"))),
            });
        }
        Ok(Self { pem: pem.to_owned(), names, public_key, params })
    }

    /// Whether it may be answered, when these names may be asked for.
    pub fn judge(&self, permitted: &[Name]) -> Result<(), Refusal> {
        if !matches!(self.params.params.is_ca, rcgen::IsCa::NoCa | rcgen::IsCa::ExplicitNoCa) {
            return Err(Refusal::Authority);
        }
        if self.names.is_empty() {
            return Err(Refusal::NoName);
        }
        let foreign = |name: &&Name| !permitted.iter().any(|own| own.permits(name));
        match self.names.iter().find(foreign) {
            Some(name) => Err(Refusal::ForeignName(name.clone())),
            None => Ok(()),
        }
    }
}
