//! A certificate with its key, as an operator gives them, and whether a gateway should
//! serve them.

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::facts::certificate::date;
use crate::facts::certificate::{Certificate, public_key_of_private};

/// What is wrong with a certificate or its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PairProblem {
    /// No certificate.
    #[error("tls-crt is no certificate: {0}")]
    Certificate(String),
    /// No key that is known here.
    #[error("tls-key is no private key in PEM that a gateway reads")]
    Key,
    /// It belongs to another certificate.
    #[error("tls-key is not the key of tls-crt")]
    OtherKey,
    /// It holds no longer, or not yet.
    #[error("tls-crt holds from {0} to {1}")]
    Dates(String, String),
    /// It is for other hosts.
    #[error("tls-crt is for {names}, not for {host}")]
    OtherHost {
        /// What it is for.
        names: String,
        /// The external hostname.
        host: String,
    },
    /// Its key or a signature is too weak.
    #[error("tls-crt is weak: {0}")]
    Weak(String),
}

/// Checks a certificate, leaf first, and its key, both PEM; returns what stands for them.
pub fn judge(
    certificate: &str,
    key: &str,
    host: Option<&str>,
    now: Timestamp,
) -> Result<Fingerprint, PairProblem> {
    let chain = Certificate::from_pem(certificate.as_bytes())
        .map_err(|why| PairProblem::Certificate(why.to_string()))?;
    let leaf = &chain[0];
    match public_key_of_private(key.as_bytes()) {
        None => return Err(PairProblem::Key),
        Some(public) if public != leaf.public_key => return Err(PairProblem::OtherKey),
        Some(_) => {}
    }
    let now = now.as_second();
    let holds = |found: &&Certificate| found.not_before <= now && now < found.not_after;
    if let Some(other) = chain.iter().find(|found| !holds(found)) {
        let dates = (date(other.not_before), date(other.not_after));
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
    // Nobody checks the signature of a root by itself.
    let weak = signatures
        .find(|(index, found)| found.is_weakly_signed() && (*index == 0 || !found.self_signed));
    if let Some((_, found)) = weak {
        return Err(PairProblem::Weak(format!("signed by {}", found.signature)));
    }
    Ok(Fingerprint(Sha256::digest(certificate.trim()).into()))
}

/// Stands for a certificate; its key follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
