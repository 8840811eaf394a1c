//! Validation of a certificate and key provided by an operator.

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::chain::{self, ChainProblem};
use crate::facts::certificate::date;
use crate::facts::certificate::{Certificate, public_key_of_private};

/// Reasons to reject a certificate or its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PairProblem {
    /// Not a certificate.
    #[error("tls-crt is not a certificate: {0}")]
    Certificate(String),
    /// A private key is among the certificates: it would be served to no one, but stored with them.
    #[error("tls-crt contains a private key; it belongs in tls-key only")]
    KeyInCertificate,
    /// Not a private key, or of an unsupported type.
    #[error("tls-key is not a PEM private key of a supported type")]
    Key,
    /// The key belongs to another certificate.
    #[error("tls-key does not match tls-crt")]
    OtherKey,
    /// The certificate has expired, or is not yet valid.
    #[error("tls-crt is valid from {0} to {1}")]
    Dates(String, String),
    /// The certificate is for other hosts.
    #[error("tls-crt is for {names}, not for {host}")]
    OtherHost {
        /// Names of the certificate, comma-separated.
        names: String,
        /// The external hostname.
        host: String,
    },
    /// The key or a signature is too weak.
    #[error("tls-crt is weak: {0}")]
    Weak(String),
}

/// Validates a certificate chain, leaf first, and its key, both PEM; returns a fingerprint.
pub fn check(
    certificate: &str,
    key: &str,
    host: Option<&str>,
    now: Timestamp,
) -> Result<Fingerprint, PairProblem> {
    let chain = Certificate::from_pem(certificate.as_bytes())
        .map_err(|why| PairProblem::Certificate(why.to_string()))?;
    if chain::certificates(certificate.as_bytes()) == Err(ChainProblem::PrivateKey) {
        return Err(PairProblem::KeyInCertificate);
    }
    let leaf = &chain[0];
    match public_key_of_private(key.as_bytes()) {
        None => return Err(PairProblem::Key),
        Some(public) if public != leaf.public_key => return Err(PairProblem::OtherKey),
        Some(_) => {}
    }
    let now = now.as_second();
    let is_valid = |one: &&Certificate| one.not_before <= now && now < one.not_after;
    if let Some(invalid) = chain.iter().find(|one| !is_valid(one)) {
        let dates = (date(invalid.not_before), date(invalid.not_after));
        return Err(PairProblem::Dates(dates.0, dates.1));
    }
    if let Some(host) = host.filter(|host| !leaf.covers(host)) {
        return Err(PairProblem::OtherHost { names: leaf.names.join(", "), host: host.to_owned() });
    }
    let is_weak = match leaf.key_type.as_str() {
        "RSA" => leaf.key_bits < 2048,
        "EC" => leaf.key_bits < 256,
        _ => false,
    };
    if is_weak {
        let key = format!("{} of {} bits", leaf.key_type, leaf.key_bits);
        return Err(PairProblem::Weak(key));
    }
    let mut signatures = chain.iter().enumerate();
    // Clients do not verify the signature of a root.
    let weak =
        signatures.find(|(index, one)| one.is_weakly_signed() && (*index == 0 || !one.self_signed));
    if let Some((_, one)) = weak {
        return Err(PairProblem::Weak(format!("signed with {}", one.signature)));
    }
    Ok(Fingerprint(Sha256::digest(certificate.trim()).into()))
}

/// SHA-256 of a certificate's PEM text, which identifies the key as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
