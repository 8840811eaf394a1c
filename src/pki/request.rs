//! Certificate signing requests, and whether to sign them.

use rcgen::{CertificateSigningRequestParams, SanType};
use rustls::pki_types::{CertificateSigningRequestDer, pem::PemObject};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use super::Name;
use crate::facts::certificate::public_key_hash;

const ED25519: &str = "1.3.101.112";

/// A request with a valid signature, which proves possession of the key.
#[derive(Debug)]
pub struct Request {
    /// PEM text, verbatim: the requirer looks up its certificate by it.
    pub pem: String,
    /// Subject alternative names.
    pub names: Vec<Name>,
    /// SHA-256 of the public key, in hex.
    pub public_key: String,
    pub(super) params: CertificateSigningRequestParams,
}

/// Reasons to reject a request, with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestProblem {
    /// Not a PEM request, or its signature is invalid.
    #[error("invalid certificate signing request: {0}")]
    Malformed(String),
    /// It requests a CA certificate.
    #[error("it requests a CA certificate, which a gateway does not need")]
    Authority,
    /// Its key is too weak.
    #[error("its key is {0}; expected at least RSA of 2048 bits or ECDSA on P-256")]
    WeakKey(String),
    /// It has no name.
    #[error("it has no host in its subject alternative names")]
    NoName,
    /// A name is not a host name.
    #[error(
        "it is for {0:?}, which is not a host name; the gateway has no address yet, or csr-domain-name of istio-pilot is wrong"
    )]
    NotAName(String),
    /// A name is not permitted by the policy.
    #[error(
        "it is for {0}, which is not an address of the gateway; set external-hostname, or add it to certificates: names in the policy"
    )]
    ForeignName(Name),
}

impl Request {
    /// Parses a PEM request, and verifies its signature.
    pub fn parse(pem: &str) -> Result<Self, RequestProblem> {
        let malformed = |why: String| RequestProblem::Malformed(why);
        let der = CertificateSigningRequestDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| malformed(error.to_string()))?;
        let (_, request) = X509CertificationRequest::from_der(&der)
            .map_err(|_| malformed("not PKCS#10".into()))?;
        let key = &request.certification_request_info.subject_pki;
        // Checked before the signature, which cannot be verified with such a key.
        match key.parsed() {
            Ok(PublicKey::RSA(rsa)) if rsa.key_size() < 2048 => {
                return Err(RequestProblem::WeakKey(format!("RSA of {} bits", rsa.key_size())));
            }
            Ok(PublicKey::RSA(_) | PublicKey::EC(_)) => {}
            _ => match key.algorithm.algorithm.to_id_string().as_str() {
                ED25519 => {}
                other => return Err(RequestProblem::WeakKey(format!("of type {other}"))),
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
                    .map_err(|_| RequestProblem::NotAName(name.as_str().to_owned()))?,
                SanType::IpAddress(address) => Name::Ip(*address),
                other => return Err(RequestProblem::NotAName(format!("{other:?}"))),
            });
        }
        Ok(Self { pem: pem.to_owned(), names, public_key, params })
    }

    /// Validates the request against the permitted names.
    pub fn check_permitted(&self, permitted: &[Name]) -> Result<(), RequestProblem> {
        if !matches!(self.params.params.is_ca, rcgen::IsCa::NoCa | rcgen::IsCa::ExplicitNoCa) {
            return Err(RequestProblem::Authority);
        }
        if self.names.is_empty() {
            return Err(RequestProblem::NoName);
        }
        let foreign = |name: &&Name| !permitted.iter().any(|one| one.permits(name));
        match self.names.iter().find(foreign) {
            Some(name) => Err(RequestProblem::ForeignName(name.clone())),
            None => Ok(()),
        }
    }
}
