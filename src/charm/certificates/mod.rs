//! Answers the gateway's requests for certificates, by the charm's own authority or, if one is
//! related, by an upstream one; and publishes the authorities to trust.
//!
//! What was issued is in the databag and nowhere else: each hook compares it with the policy and
//! replaces what is due.

mod authority;
mod oidc_gatekeeper;
mod provided;
mod trust;
mod upstream;

use jiff::{SignedDuration, Timestamp};
use juju_charm::relation::{self, Databag, Relation, Side};
use juju_charm::tool::present;
use juju_charm::{Status, Unit};
use log::{info, warn};

pub use self::authority::LABEL as AUTHORITY;
use self::authority::Own;
pub use self::oidc_gatekeeper::trust as trust_at_login;
pub use self::provided::ProvidedCertificate;
use super::enforce::{self, EnforceFailure};
use super::issue::StatusIssue;
use super::peers::differs;
use crate::facts::certificate::date;
use crate::pki::{Issued, Name, Request, RequestProblem};
use crate::policy::Policy;
use crate::relations::tls_certificates::{self as databag, AnswerEntry, RequestEntry};
use crate::relations::tls_request_errors::{self as errors, Capabilities, RequestError};

/// The endpoint by which a gateway asks.
const GATEWAY: &str = "gateway-certificates";
/// The endpoint by which an upstream authority is asked.
const UPSTREAM: &str = "certificates";
/// How long before the end of a former authority's certificate the charm's own signs; for a short
/// certificate a tenth of its life.
const SWITCH_BEFORE: SignedDuration = SignedDuration::from_hours(24);
/// The endpoint that publishes the authorities to trust.
const TRUST: &str = "send-ca-cert";

/// Outcome of ensuring the gateways' certificates.
#[derive(Debug, Default)]
pub struct CertificateOutcome {
    /// What keeps a gateway from its certificate, the worst first; `None` if nothing does.
    pub issue: Option<StatusIssue>,
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

/// A request and where it stands.
struct GatewayRequest {
    /// Unit or application that asks.
    by: String,
    /// Index of its relation.
    relation: usize,
    request: Request,
}

/// A relation with a gateway.
struct Gateway {
    relation: Relation,
    /// What is answered in it now.
    answers: Vec<AnswerEntry>,
    /// Its whole databag.
    databag: Databag,
    /// Requests that are refused.
    errors: Vec<RequestError>,
}

/// Where certificates come from.
enum Source {
    Own(Box<Own>),
    Upstream(upstream::Upstream),
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
    let goes = |endpoint| broken.is_some_and(|relation| relation.is_of(endpoint));
    if gateways.is_empty() {
        if goes(GATEWAY) {
            // No gateway has a certificate of this authority any longer.
            trust::publish(unit, &related(TRUST)?, &[])?;
            upstream::withdraw(unit, &related(UPSTREAM)?)?;
        }
        return Ok(CertificateOutcome {
            trusted: Some(Vec::new()),
            ..CertificateOutcome::default()
        });
    }
    let mut issues = Vec::new();
    let (mut gateways, asked) = read(unit, gateways, &mut issues)?;
    if gateways.is_empty() {
        return Ok(CertificateOutcome {
            trusted: Some(Vec::new()),
            ..CertificateOutcome::default()
        });
    }
    let asked = judge(unit, policy, asked, &mut gateways, &mut issues);
    let names = || asked.iter().flat_map(|asked| asked.request.names.clone());
    let upstream = match related(UPSTREAM)?.first() {
        Some(relation) => {
            let requests: Vec<_> = asked.iter().map(|a| a.request.pem.clone()).collect();
            upstream::Upstream::ask(unit, relation, &requests)?
        }
        None => None,
    };
    let asks_upstream = upstream.is_some();
    let source = match upstream {
        Some(upstream) => Source::Upstream(upstream),
        None => match Own::ready(unit, &policy.certificates, names().collect(), now)? {
            Ok(own) => Source::Own(Box::new(own)),
            Err(why) => {
                issues.push(StatusIssue::blocked(why.to_string()));
                return Ok(outcome(issues, false, None));
            }
        },
    };
    let mut trusted = match &source {
        Source::Own(own) => own.trusted(),
        Source::Upstream(_) => Vec::new(),
    };
    let capabilities = match &source {
        Source::Own(_) => Some(Capabilities::own()),
        Source::Upstream(upstream) => upstream.capabilities.clone().map(Capabilities::passed_on),
    };
    for (index, gateway) in gateways.iter().enumerate() {
        let mut answers = Vec::new();
        let mut refused = gateway.errors.clone();
        for asked in asked.iter().filter(|asked| asked.relation == index) {
            let answer = answer(&source, gateway, asked, &policy.certificates.life, now);
            issues.extend(answer.issue);
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
    trust::publish(unit, &related(TRUST)?, &trusted)?;
    // The controller's API takes effect at once, and this hook may still be rolled back.
    let is_settled = !matches!(&source, Source::Own(own) if own.is_new);
    Ok(outcome(issues, asks_upstream, is_settled.then_some(trusted)))
}

/// Withdraws this unit's requests to an upstream authority.
pub fn withdraw(unit: &Unit) -> anyhow::Result<()> {
    upstream::withdraw(unit, &relation::of_endpoint(UPSTREAM)?)
}

fn outcome(
    mut issues: Vec<StatusIssue>,
    asks_upstream: bool,
    trusted: Option<Vec<String>>,
) -> CertificateOutcome {
    for issue in &issues {
        warn!("{}", issue.message);
    }
    // What an operator must do comes before what time may solve.
    issues.sort_by_key(|issue| issue.status != Status::Blocked);
    CertificateOutcome {
        issue: issues.into_iter().next(),
        has_gateway: true,
        asks_upstream,
        trusted,
    }
}

impl Gateway {
    fn answer_to(&self, request: &Request) -> Option<&AnswerEntry> {
        self.answers.iter().find(|entry| entry.request == request.pem)
    }
}

/// Every request that can be read.
fn read(
    unit: &Unit,
    relations: Vec<Relation>,
    issues: &mut Vec<StatusIssue>,
) -> anyhow::Result<(Vec<Gateway>, Vec<GatewayRequest>)> {
    let mut gateways = Vec::new();
    let mut asked = Vec::new();
    'relations: for relation in relations {
        // One that is gone is listed still, and asks for nothing.
        let Some(own) = present(relation.get(Side::Application(unit.application())))? else {
            continue;
        };
        let mut sides: Vec<(String, Vec<RequestEntry>)> = Vec::new();
        let mut take = |by: &str, read: Result<Vec<RequestEntry>, databag::BadDatabag>| match read {
            Ok(entries) => sides.push((by.to_owned(), entries)),
            Err(why) => issues.push(StatusIssue::blocked(format!("databag of {by}: {why}"))),
        };
        for name in present(relation.units())?.unwrap_or_default() {
            let Some(databag) = present(relation.get(Side::Unit(&name)))? else {
                continue 'relations;
            };
            take(&name, databag::requests(&databag));
        }
        if let Some(name) = present(relation.application())?.flatten() {
            let Some(databag) = present(relation.get(Side::Application(&name)))? else {
                continue 'relations;
            };
            take(&name, databag::requests(&databag));
        }
        let mut errors = Vec::new();
        for (by, entry) in sides
            .into_iter()
            .flat_map(|(by, entries)| entries.into_iter().map(move |entry| (by.clone(), entry)))
        {
            let read = match entry.wants_authority {
                true => Err(RequestProblem::Authority),
                false => Request::parse(&entry.pem),
            };
            match read {
                Ok(request) => asked.push(GatewayRequest { by, relation: gateways.len(), request }),
                Err(why) => {
                    errors.push(RequestError::refused(&entry.pem, &why, unit.application()));
                    issues.push(refused(&by, &why));
                }
            }
        }
        // Answers of this charm that cannot be read are written again.
        let answers = databag::answers(&own).unwrap_or_default();
        gateways.push(Gateway { relation, answers, databag: own, errors });
    }
    Ok((gateways, asked))
}

fn refused(by: &str, why: &RequestProblem) -> StatusIssue {
    let why = format!("the certificate request of {by} is refused: {why}");
    StatusIssue::blocked(why)
}

/// Those requests that may be answered.
fn judge(
    unit: &Unit,
    policy: &Policy,
    asked: Vec<GatewayRequest>,
    gateways: &mut [Gateway],
    issues: &mut Vec<StatusIssue>,
) -> Vec<GatewayRequest> {
    let mut permitted: Vec<Name> = policy.certificates.names.clone();
    let hostname = policy.external_hostname.as_deref();
    permitted.extend(hostname.and_then(|host| host.parse::<Name>().ok()));
    let is_declared = |asked: &GatewayRequest| asked.request.judge(&permitted).is_ok();
    // Without the gateway's addresses a name may yet turn out to be one.
    let mut is_final = true;
    if !asked.iter().all(is_declared) {
        // Only then is it worth asking the cluster.
        let read = || Ok::<_, EnforceFailure>(enforce::connect()?.gateway_addresses(&unit.model)?);
        match read() {
            Ok(addresses) => {
                permitted.extend(addresses.iter().filter_map(|text| text.parse().ok()))
            }
            Err(why) => {
                is_final = false;
                issues.push(StatusIssue::waiting(format!(
                    "the gateway's addresses could not be read: {why}"
                )));
            }
        }
    }
    let mut accepted = Vec::new();
    for asked in asked {
        match asked.request.judge(&permitted) {
            Ok(()) => accepted.push(asked),
            Err(why) => {
                if is_final || !matches!(why, RequestProblem::ForeignName(_)) {
                    let error = RequestError::refused(&asked.request.pem, &why, unit.application());
                    gateways[asked.relation].errors.push(error);
                }
                issues.push(refused(&asked.by, &why));
            }
        }
    }
    accepted
}

/// The answer to a request.
#[derive(Default)]
struct Answer {
    entry: Option<AnswerEntry>,
    error: Option<RequestError>,
    issue: Option<StatusIssue>,
}

fn answer(
    source: &Source,
    gateway: &Gateway,
    asked: &GatewayRequest,
    life: &SignedDuration,
    now: Timestamp,
) -> Answer {
    let (by, request) = (&asked.by, &asked.request);
    let before = gateway.answer_to(request);
    // What is held still is better than nothing.
    let held = |issue| Answer { entry: before.cloned(), issue: Some(issue), error: None };
    let issued = match source {
        Source::Own(own) => {
            let kept =
                before.filter(|entry| entry.issued().is_fresh(own.signer(), request, *life, now));
            if let Some(entry) = kept {
                return Answer { entry: Some(entry.clone()), ..Answer::default() };
            }
            if let Some(issue) = before.and_then(|entry| of_former(own, entry, asked, now)) {
                return held(issue);
            }
            match Issued::by(own.signer(), request, *life, now) {
                Ok(issued) => issued,
                Err(why) => {
                    let why = format!("no certificate for {by} could be made: {why}");
                    return held(StatusIssue::blocked(why));
                }
            }
        }
        Source::Upstream(upstream) => match upstream.answer(by, request, now) {
            Ok(issued) => issued,
            Err(issue) => {
                let end = before.and_then(|entry| ends(entry, request, now));
                let issue = match end {
                    Some(end) => StatusIssue {
                        message: format!(
                            "{}; the certificate that it has ends on {}",
                            issue.message,
                            date(end)
                        ),
                        ..issue
                    },
                    None => issue,
                };
                let error = upstream.error(request).filter(|_| before.is_none());
                let error = error.map(|error| RequestError {
                    request: request.pem.trim().to_owned(),
                    error: error.clone(),
                });
                return Answer { error, ..held(issue) };
            }
        },
    };
    let entry = AnswerEntry::new(&request.pem, issued);
    if before.is_none_or(|before| before.certificate != entry.certificate) {
        info!("a new certificate for {by}");
    }
    Answer { entry: Some(entry), ..Answer::default() }
}

/// When the certificate that a gateway has ends, if clients accept it now.
fn ends(entry: &AnswerEntry, request: &Request, now: Timestamp) -> Option<i64> {
    entry.issued().judge(request, now).ok().map(|leaf| leaf.not_after)
}

/// Why the certificate of an authority that is no longer related is kept: until it is about to end,
/// or another authority is related, no client has to trust another one.
fn of_former(
    own: &Own,
    entry: &AnswerEntry,
    asked: &GatewayRequest,
    now: Timestamp,
) -> Option<StatusIssue> {
    let issued = entry.issued();
    if own.has_issued(&issued) {
        return None;
    }
    let leaf = issued.judge(&asked.request, now).ok()?;
    let overlap = ((leaf.not_after - leaf.not_before) / 10).min(SWITCH_BEFORE.as_secs());
    (now.as_second() < leaf.not_after - overlap).then(|| {
        StatusIssue::active(format!(
            "{} keeps the certificate of a CA that is no longer related, until {}; then the \
             charm's own CA signs, unless one is related to certificates",
            asked.by,
            date(leaf.not_after - overlap),
        ))
    })
}
