//! Issued certificates, and whether clients accept them.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};

use super::{Authority, AuthorityError, Name, Request};
use crate::facts::certificate::Certificate;

/// A certificate with its chain. All are PEM without a trailing newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// End-entity certificate.
    pub certificate: String,
    /// Certificate of the issuer or the root.
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

    /// Returns the certificate if clients that trust `ca` accept it now for each name of the
    /// request.
    pub fn judge(&self, request: &Request, now: Timestamp) -> Result<Certificate, AnswerProblem> {
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

    /// Trust anchors, PEM: the issuer, and the root if it differs.
    pub fn anchors(&self) -> Vec<String> {
        let is_root = |pem: &&String| {
            let parsed = Certificate::from_pem(pem.as_bytes());
            parsed.is_ok_and(|all| all[0].self_signed && all[0].is_authority)
        };
        let mut anchors = vec![self.ca.clone()];
        let root = self.chain.last().filter(is_root);
        anchors.extend(root.filter(|root| **root != self.ca).cloned());
        anchors
    }

    /// Appends the intermediates to the certificate, for gateways that serve only the certificate,
    /// as istio-pilot's does.
    pub fn with_intermediates(mut self) -> Self {
        let is_root = |pem: &String| {
            *pem == self.ca
                || Certificate::from_pem(pem.as_bytes()).is_ok_and(|all| all[0].self_signed)
        };
        let leaf = self.certificate.clone();
        let intermediates = self.chain.iter().filter(|pem| **pem != leaf && !is_root(pem));
        let served: Vec<&str> =
            std::iter::once(leaf.as_str()).chain(intermediates.map(String::as_str)).collect();
        self.certificate = served.join("\n");
        self
    }
}
