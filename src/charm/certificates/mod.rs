//! Answers the gateway's requests for certificates, by the charm's own authority or, if one is
//! related, by an upstream one; and publishes the authorities to trust.
//!
//! What was issued is in the databag and nowhere else: each hook compares it with the policy and
//! replaces what is due.

mod answer;
mod authority;
mod oidc_gatekeeper;
mod problem;
mod provided;
mod requests;
mod trust;
mod upstream;

use jiff::Timestamp;
use juju_charm::relation::{self, Relation};
use juju_charm::{Status, Unit};
use log::warn;

use self::answer::Issuer;
pub use self::authority::LABEL as AUTHORITY;
use self::authority::Own;
pub use self::oidc_gatekeeper::{TrustProblem, trust as trust_at_login};
pub use self::problem::CertificateProblem;
pub use self::provided::{ProvidedCertificate, ProvidedProblem};
use self::requests::Requests;
use self::upstream::Upstream;
use super::issue::StatusProblem as _;
use super::peers::differs;
use crate::policy::Policy;
use crate::relations::tls_certificates as databag;
use crate::relations::tls_request_errors as errors;

/// The endpoint by which a gateway asks.
const GATEWAY: &str = "gateway-certificates";
/// The endpoint by which an upstream authority is asked.
const UPSTREAM: &str = "certificates";
/// The endpoint that publishes the authorities to trust.
const TRUST: &str = "send-ca-cert";

/// Outcome of ensuring the gateways' certificates.
#[derive(Default)]
pub struct CertificateOutcome {
    /// The worst problem; `None` if every gateway has its certificate.
    pub problem: Option<CertificateProblem>,
    /// Whether a gateway is related.
    pub has_gateway: bool,
    /// Whether an upstream authority is asked, in this unit's name.
    pub asks_upstream: bool,
    /// Authorities to trust for what the gateways serve, PEM; `None` if that may still change.
    pub trusted: Option<Vec<String>>,
}

/// Whether a change of a relation of this endpoint may change a certificate.
pub fn concerns(endpoint: &str) -> bool {
    [GATEWAY, UPSTREAM, TRUST].contains(&endpoint)
}

impl CertificateOutcome {
    /// The outcome where no gateway is related: there is nothing to trust.
    fn without_gateway() -> Self {
        Self { trusted: Some(Vec::new()), ..Self::default() }
    }

    fn new(
        mut problems: Vec<CertificateProblem>,
        asks_upstream: bool,
        trusted: Option<Vec<String>>,
    ) -> Self {
        for problem in &problems {
            warn!("{problem}");
        }
        // What an operator must do comes before what time may solve.
        problems.sort_by_key(|problem| problem.status() != Status::Blocked);
        Self { problem: problems.into_iter().next(), has_gateway: true, asks_upstream, trusted }
    }
}

/// Ensures that every related gateway has a certificate that meets the policy. `broken` is a
/// relation that is being removed.
pub fn ensure(
    unit: &Unit,
    policy: &Policy,
    broken: Option<&Relation>,
    now: Timestamp,
) -> anyhow::Result<CertificateOutcome> {
    let related = |endpoint| -> anyhow::Result<Vec<Relation>> {
        let all = relation::of_endpoint(endpoint)?.into_iter();
        Ok(all.filter(|relation| Some(relation) != broken).collect())
    };
    let gateways = related(GATEWAY)?;
    if gateways.is_empty() {
        if broken.is_some_and(|relation| relation.is_of(GATEWAY)) {
            // No gateway has a certificate of this authority any longer.
            trust::publish(unit, &related(TRUST)?, &[])?;
            upstream::withdraw(unit, &related(UPSTREAM)?)?;
        }
        return Ok(CertificateOutcome::without_gateway());
    }
    let mut requests = Requests::read(unit, gateways)?;
    if requests.gateways.is_empty() {
        return Ok(CertificateOutcome::without_gateway());
    }
    requests.refuse_forbidden(unit, policy);
    let upstream = match related(UPSTREAM)?.first() {
        Some(relation) => {
            let pems: Vec<_> = requests.all.iter().map(|a| a.request.pem.clone()).collect();
            Upstream::ask(unit, relation, &pems)?
        }
        None => None,
    };
    let asks_upstream = upstream.is_some();
    let issuer = match upstream {
        Some(upstream) => Issuer::Upstream(upstream),
        None => match Own::ready(unit, &policy.certificates, requests.names(), now)? {
            Ok(own) => Issuer::Own(Box::new(own)),
            Err(why) => {
                requests.problems.push(CertificateProblem::Authority(why));
                return Ok(CertificateOutcome::new(requests.problems, false, None));
            }
        },
    };
    let trusted = answer_all(&issuer, policy, &mut requests, now)?;
    trust::publish(unit, &related(TRUST)?, &trusted)?;
    // The controller's API takes effect at once, and this hook may still be rolled back.
    let trusted = (!issuer.is_new()).then_some(trusted);
    Ok(CertificateOutcome::new(requests.problems, asks_upstream, trusted))
}

/// Answers all requests. Returns the authorities to trust, PEM.
fn answer_all(
    issuer: &Issuer,
    policy: &Policy,
    requests: &mut Requests,
    now: Timestamp,
) -> anyhow::Result<Vec<String>> {
    let mut trusted = issuer.trusted();
    let capabilities = issuer.capabilities();
    let mut problems = Vec::new();
    for (index, gateway) in requests.gateways.iter().enumerate() {
        let mut answers = Vec::new();
        let mut refused = gateway.errors.clone();
        for asked in requests.of_gateway(index) {
            let answer = issuer.answer(gateway, asked, policy.certificates.life, now);
            problems.extend(answer.problem);
            refused.extend(answer.error);
            answers.extend(answer.entry);
        }
        for pem in answers.iter().flat_map(|entry| entry.issued().anchors()) {
            if !trusted.contains(&pem) {
                trusted.push(pem);
            }
        }
        let mut wanted = errors::write(&refused, capabilities.as_ref());
        if answers != gateway.answers {
            wanted.extend(databag::write_answers(&answers));
        }
        if differs(&gateway.databag, &wanted) {
            gateway.relation.set_application(&wanted)?;
        }
    }
    requests.problems.extend(problems);
    Ok(trusted)
}

/// Withdraws this unit's requests to an upstream authority.
pub fn withdraw(unit: &Unit) -> anyhow::Result<()> {
    upstream::withdraw(unit, &relation::of_endpoint(UPSTREAM)?)
}
