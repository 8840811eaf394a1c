//! Issued certificates, and whether clients accept them.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};

use super::chain::{self, ChainProblem};
use super::{Authority, AuthorityError, Name, Request, renewal_time};
use crate::facts::certificate::Certificate;

/// A certificate with its chain. All are PEM without a trailing newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// End-entity certificate.
    pub certificate: String,
    /// Certificate that clients trust: the root, or the last of the chain without one.
    pub ca: String,
    /// Chain from the certificate to the root, each signed by the next.
    pub chain: Vec<String>,
}

/// Reasons for which clients would reject an issued certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerProblem {
    /// A part is not a certificate.
    #[error("invalid certificate: {0}")]
    Malformed(String),
    /// A private key is among the certificates.
    #[error("a private key is among its certificates")]
    PrivateKey,
    /// The certificate is for another key.
    #[error("the certificate is for another key than the gateway's")]
    OtherKey,
    /// The certificate would make the gateway an authority.
    #[error("the certificate is a CA certificate")]
    Authority,
    /// A requested name is missing.
    #[error("the certificate is not for {0}")]
    NotFor(Name),
    /// The certificate has expired.
    #[error("the certificate expired on {0}")]
    Expired(String),
    /// Clients that trust the authority would reject the certificate.
    #[error("clients would reject the certificate for {name}: {why}")]
    Untrusted {
        /// Name that clients connect to.
        name: Name,
        /// Verification error.
        why: String,
    },
}

impl Issued {
    /// Issues a certificate by the charm's own authority.
    pub fn by(
        authority: &Authority,
        request: &Request,
        life: SignedDuration,
        now: Timestamp,
    ) -> Result<Self, AuthorityError> {
        let certificate = authority.sign(request, life, now)?;
        let ca = authority.certificate().to_owned();
        Ok(Self { chain: vec![certificate.clone(), ca.clone()], certificate, ca })
    }

    /// Puts what a provider answered into order: `ca` may be the root or the issuer, the
    /// intermediates may be in `certificate` or in `chain`, in any order and more than once.
    pub fn of_provider(
        certificate: &str,
        ca: &str,
        chain: &[String],
    ) -> Result<Self, AnswerProblem> {
        let parse = |text: &str| {
            chain::certificates(text.as_bytes()).map_err(|problem| match problem {
                ChainProblem::PrivateKey => AnswerProblem::PrivateKey,
                other => AnswerProblem::Malformed(other.to_string()),
            })
        };
        let mut links = parse(certificate)?;
        links.extend(parse(ca)?);
        for text in chain {
            links.extend(parse(text)?);
        }
        let trusted = parse(ca)?.swap_remove(0);
        let arranged = chain::arrange(links);
        let served = arranged.iter().filter(|link| !link.is_root).map(|link| link.pem.as_str());
        let certificate = match served.collect::<Vec<_>>().join("\n") {
            served if served.is_empty() => arranged[0].pem.clone(),
            served => served,
        };
        // A chain that does not lead to `ca` is rejected by the verification.
        let ca = match arranged.iter().any(|link| link.pem == trusted.pem) {
            true => arranged.last().map_or(trusted.pem.clone(), |last| last.pem.clone()),
            false => trusted.pem,
        };
        let chain = arranged.into_iter().map(|link| link.pem).collect();
        Ok(Self { certificate, ca, chain })
    }

    /// Whether this certificate of this authority meets the policy and needs no renewal yet.
    pub fn is_fresh(
        &self,
        authority: &Authority,
        request: &Request,
        life: SignedDuration,
        now: Timestamp,
    ) -> bool {
        let Ok(leaf) = self.check(request, now) else {
            return false;
        };
        // Certificates are backdated.
        let longest = life.as_secs() + 3600;
        self.ca == authority.certificate()
            && now.as_second() < renewal_time(leaf.not_before, leaf.not_after)
            && leaf.not_after - leaf.not_before <= longest
    }

    /// Returns the certificate if clients that trust `ca` accept it now for each name of the
    /// request.
    pub fn check(&self, request: &Request, now: Timestamp) -> Result<Certificate, AnswerProblem> {
        let malformed = |why: String| AnswerProblem::Malformed(why);
        let leaf = Certificate::from_pem(self.certificate.as_bytes())
            .map_err(|error| malformed(error.to_string()))?
            .swap_remove(0);
        if leaf.public_key != request.public_key {
            return Err(AnswerProblem::OtherKey);
        }
        if leaf.is_authority {
            return Err(AnswerProblem::Authority);
        }
        if now.as_second() >= leaf.not_after {
            let end = Timestamp::from_second(leaf.not_after);
            let end = end.map_or_else(|_| "an unknown date".into(), |end| end.to_string());
            return Err(AnswerProblem::Expired(end));
        }
        let has = |name: &Name| leaf.names.contains(&name.to_string());
        if let Some(name) = request.names.iter().find(|name| !has(name)) {
            return Err(AnswerProblem::NotFor(name.clone()));
        }
        self.verify(&request.names, now)?;
        Ok(leaf)
    }

    fn verify(&self, names: &[Name], now: Timestamp) -> Result<(), AnswerProblem> {
        let malformed = |error: &dyn std::fmt::Display| AnswerProblem::Malformed(error.to_string());
        let parse = |pem: &String| {
            CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| malformed(&error))
        };
        let leaf = parse(&self.certificate)?;
        let chain = self.chain.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let mut roots = rustls::RootCertStore::empty();
        let root = roots.add(parse(&self.ca)?);
        root.map_err(|error| malformed(&error))?;
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), crate::tls::provider())
                .build()
                .map_err(|error| malformed(&error))?;
        let at = UnixTime::since_unix_epoch(Duration::from_secs(now.as_second().max(0) as u64));
        for name in names {
            // Clients never connect to the wildcard itself.
            let host = match name {
                Name::Wildcard(parent) => format!("any.{parent}"),
                other => other.to_string(),
            };
            let server = ServerName::try_from(host).map_err(|error| malformed(&error))?;
            verifier.verify_server_cert(&leaf, &chain, &server, &[], at).map_err(|error| {
                AnswerProblem::Untrusted { name: name.clone(), why: error.to_string() }
            })?;
        }
        Ok(())
    }

    /// Trust anchors, PEM: the root, or the issuer if the root is not known.
    pub fn anchors(&self) -> Vec<String> {
        vec![self.ca.clone()]
    }
}
