//! The answer to a certificate request: the certificate that a gateway has, if it still holds, or
//! a new one.

use jiff::{SignedDuration, Timestamp};
use log::info;

use super::authority::Own;
use super::problem::CertificateProblem;
use super::requests::{Gateway, GatewayRequest};
use super::upstream::Upstream;
use crate::facts::certificate::date;
use crate::pki::{Issued, Request};
use crate::relations::tls_certificates::AnswerEntry;
use crate::relations::tls_request_errors::{Capabilities, RequestError};

/// How long before the end of a former authority's certificate the charm's own signs; for a short
/// certificate a tenth of its life.
const SWITCH_BEFORE: SignedDuration = SignedDuration::from_hours(24);

/// The authority that issues certificates.
pub enum Issuer {
    /// The charm's own.
    Own(Box<Own>),
    /// A related one.
    Upstream(Upstream),
}

/// The answer to a request.
#[derive(Default)]
pub struct Answer {
    /// The certificate, if there is one.
    pub entry: Option<AnswerEntry>,
    /// Why there is none, for the gateway.
    pub error: Option<RequestError>,
    /// Why there is none, or a former one, for the operator.
    pub problem: Option<CertificateProblem>,
}

impl Answer {
    /// The certificate that the gateway has already, if any: better than none.
    fn unchanged(before: Option<&AnswerEntry>, problem: CertificateProblem) -> Self {
        Self { entry: before.cloned(), problem: Some(problem), error: None }
    }
}

impl Issuer {
    /// Whether the hook that created the authority may still be rolled back.
    pub fn is_new(&self) -> bool {
        matches!(self, Self::Own(own) if own.is_new)
    }

    /// Authorities to trust before any certificate is issued, PEM.
    pub fn trusted(&self) -> Vec<String> {
        match self {
            Self::Own(own) => own.trusted(),
            Self::Upstream(_) => Vec::new(),
        }
    }

    /// What gateways may request; `None` if an upstream authority does not say.
    pub fn capabilities(&self) -> Option<Capabilities> {
        match self {
            Self::Own(_) => Some(Capabilities::own()),
            Self::Upstream(upstream) => upstream.capabilities.clone().map(Capabilities::passed_on),
        }
    }

    /// Answers a request of a gateway.
    pub fn answer(
        &self,
        gateway: &Gateway,
        asked: &GatewayRequest,
        life: SignedDuration,
        now: Timestamp,
    ) -> Answer {
        let before = gateway.answer_to(&asked.request);
        match self {
            Self::Own(own) => issue(own, before, asked, life, now),
            Self::Upstream(upstream) => pass_on(upstream, before, asked, now),
        }
    }
}

/// Issues a certificate by the charm's own authority, unless an earlier one still holds.
fn issue(
    own: &Own,
    before: Option<&AnswerEntry>,
    asked: &GatewayRequest,
    life: SignedDuration,
    now: Timestamp,
) -> Answer {
    let request = &asked.request;
    let is_fresh = |entry: &&AnswerEntry| entry.issued().is_fresh(own.signer(), request, life, now);
    if let Some(entry) = before.filter(is_fresh) {
        return Answer { entry: Some(entry.clone()), ..Answer::default() };
    }
    if let Some(until) = before.and_then(|entry| former_until(own, entry, request, now)) {
        let (by, until) = (asked.by.clone(), date(until));
        return Answer::unchanged(before, CertificateProblem::FormerAuthority { by, until });
    }
    match Issued::by(own.signer(), request, life, now) {
        Ok(issued) => issued_answer(before, asked, issued),
        Err(problem) => {
            let by = asked.by.clone();
            Answer::unchanged(before, CertificateProblem::Sign { by, problem })
        }
    }
}

/// Passes on the certificate of an upstream authority, or its error if the gateway has none.
fn pass_on(
    upstream: &Upstream,
    before: Option<&AnswerEntry>,
    asked: &GatewayRequest,
    now: Timestamp,
) -> Answer {
    let request = &asked.request;
    let problem = match upstream.answer(&asked.by, request, now) {
        Ok(issued) => return issued_answer(before, asked, issued),
        Err(problem) => problem,
    };
    let problem = match before.and_then(|entry| end_of(entry, request, now)) {
        Some(end) => CertificateProblem::NotRenewed { problem, end: date(end) },
        None => CertificateProblem::Upstream(problem),
    };
    let error = upstream.error(request).filter(|_| before.is_none());
    let error = error
        .map(|error| RequestError { request: request.pem.trim().to_owned(), error: error.clone() });
    Answer { error, ..Answer::unchanged(before, problem) }
}

fn issued_answer(before: Option<&AnswerEntry>, asked: &GatewayRequest, issued: Issued) -> Answer {
    let entry = AnswerEntry::new(&asked.request.pem, issued);
    if before.is_none_or(|before| before.certificate != entry.certificate) {
        info!("a new certificate for {}", asked.by);
    }
    Answer { entry: Some(entry), ..Answer::default() }
}

/// When the certificate that a gateway has ends, if clients accept it now.
fn end_of(entry: &AnswerEntry, request: &Request, now: Timestamp) -> Option<i64> {
    entry.issued().check(request, now).ok().map(|leaf| leaf.not_after)
}

/// Until when the certificate of an authority that is no longer related is used, if it is: until it
/// is about to end, or another authority is related, clients need not trust another one.
fn former_until(own: &Own, entry: &AnswerEntry, request: &Request, now: Timestamp) -> Option<i64> {
    let issued = entry.issued();
    if own.has_issued(&issued) {
        return None;
    }
    let leaf = issued.check(request, now).ok()?;
    let overlap = ((leaf.not_after - leaf.not_before) / 10).min(SWITCH_BEFORE.as_secs());
    let until = leaf.not_after - overlap;
    (now.as_second() < until).then_some(until)
}
