//! The answer to a request, and whether clients would take it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};

use super::{Authority, AuthorityError, Name, Request};
use crate::facts::certificate::Certificate;

/// A certificate with what is needed to trust it. All are PEM without a line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Who signed it, or the root.
    pub ca: String,
    /// From the certificate to the root, each signed by the next.
    pub chain: Vec<String>,
}

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerProblem {
    /// A part of it is no certificate.
    #[error("it holds what is no certificate: {0}")]
    Malformed(String),
    /// It is for another key.
    #[error("its certificate is for another key than the gateway's")]
    OtherKey,
    /// It would make the gateway an authority.
    #[error("its certificate is that of an authority")]
    Authority,
    /// A name is missing.
    #[error("its certificate is not for {0}")]
    NotFor(Name),
    /// It holds no longer.
    #[error("its certificate ended on {0}")]
    Expired(String),
    /// Clients that trust the authority would refuse it.
    #[error("clients would refuse its certificate for {name}: {why}")]
    Untrusted {
        /// The name they would come by.
        name: Name,
        /// Why.
        why: String,
    },
}

impl Issued {
    /// The answer of our own authority.
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

    /// The certificate, if clients that trust the authority of the answer would take it
    /// for each name of the request now.
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
            let end = end.map_or_else(|_| "a day long ago".into(), |end| end.to_string());
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
            // A client never comes by the wildcard itself.
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

    /// Whom to trust for it: who signed, and the root if that is another. PEM.
    pub fn anchors(&self) -> Vec<String> {
        let is_root = |pem: &&String| {
            let parsed = Certificate::from_pem(pem.as_bytes());
            parsed.is_ok_and(|found| found[0].self_signed && found[0].is_authority)
        };
        let mut anchors = vec![self.ca.clone()];
        let root = self.chain.last().filter(is_root);
        anchors.extend(root.filter(|root| **root != self.ca).cloned());
        anchors
    }

    /// The same for a gateway that serves nothing but the certificate itself, as
    /// istio-pilot has it: whatever stands between it and the root goes with it.
    pub fn with_intermediates(mut self) -> Self {
        let is_root = |pem: &String| {
            *pem == self.ca
                || Certificate::from_pem(pem.as_bytes()).is_ok_and(|found| found[0].self_signed)
        };
        let leaf = self.certificate.clone();
        let between = self.chain.iter().filter(|pem| **pem != leaf && !is_root(pem));
        let served: Vec<&str> =
            std::iter::once(leaf.as_str()).chain(between.map(String::as_str)).collect();
        self.certificate = served.join("\n");
        self
    }
}
