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
use juju_charm::relation::{self, Relation, Side};
use juju_charm::tool::present;
use juju_charm::{Status, Unit};
use log::{info, warn};

pub use self::authority::LABEL as AUTHORITY;
use self::authority::Own;
pub use self::oidc_gatekeeper::trust as trust_at_login;
pub use self::provided::ProvidedCertificate;
use super::enforce;
use super::issue::StatusIssue;
use crate::pki::{Issued, Name, Request, renewal_time};
use crate::policy::Policy;
use crate::relations::tls_certificates::{self as databag, AnswerEntry, RequestEntry};

/// The endpoint by which a gateway asks.
const GATEWAY: &str = "gateway-certificates";
/// The endpoint by which an upstream authority is asked.
const UPSTREAM: &str = "certificates";
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
    let (gateways, asked) = read(unit, gateways, &mut issues)?;
    if gateways.is_empty() {
        return Ok(CertificateOutcome {
            trusted: Some(Vec::new()),
            ..CertificateOutcome::default()
        });
    }
    let asked = judge(unit, policy, asked, &mut issues);
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
                issues.push(StatusIssue::blocked(why));
                return Ok(outcome(issues, false, None));
            }
        },
    };
    let mut trusted = match &source {
        Source::Own(own) => own.trusted(),
        Source::Upstream(_) => Vec::new(),
    };
    for (index, gateway) in gateways.iter().enumerate() {
        let mut answers = Vec::new();
        for asked in asked.iter().filter(|asked| asked.relation == index) {
            let entry = answer(&source, gateway, asked, &policy.certificates.life, now);
            match entry {
                Ok(entry) => answers.push(entry),
                Err(issue) => {
                    issues.push(issue);
                    // What is held still is better than nothing.
                    answers.extend(gateway.answer_to(&asked.request).cloned());
                }
            }
        }
        for pem in answers.iter().flat_map(|entry| entry.issued().anchors()) {
            if !trusted.contains(&pem) {
                trusted.push(pem);
            }
        }
        if answers != gateway.answers {
            gateway.relation.set_application(&databag::write_answers(&answers))?;
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
        for (by, entry) in sides
            .into_iter()
            .flat_map(|(by, entries)| entries.into_iter().map(move |entry| (by.clone(), entry)))
        {
            let read = match entry.wants_authority {
                true => Err(crate::pki::RequestProblem::Authority),
                false => Request::parse(&entry.pem),
            };
            match read {
                Ok(request) => asked.push(GatewayRequest { by, relation: gateways.len(), request }),
                Err(why) => issues.push(refused(&by, &why)),
            }
        }
        // What cannot be read of our own is written anew.
        let answers = databag::answers(&own).unwrap_or_default();
        gateways.push(Gateway { relation, answers });
    }
    Ok((gateways, asked))
}

fn refused(by: &str, why: &crate::pki::RequestProblem) -> StatusIssue {
    let why = format!("the certificate request of {by} is refused: {why}");
    StatusIssue::blocked(why)
}

/// Those requests that may be answered.
fn judge(
    unit: &Unit,
    policy: &Policy,
    asked: Vec<GatewayRequest>,
    issues: &mut Vec<StatusIssue>,
) -> Vec<GatewayRequest> {
    let mut permitted: Vec<Name> = policy.certificates.names.clone();
    let hostname = policy.external_hostname.as_deref();
    permitted.extend(hostname.and_then(|host| host.parse::<Name>().ok()));
    let is_declared = |asked: &GatewayRequest| asked.request.judge(&permitted).is_ok();
    if !asked.iter().all(is_declared) {
        // Only then is it worth asking the cluster.
        let addresses = enforce::connect().and_then(|cluster| {
            let addresses = cluster.gateway_addresses(&unit.model);
            addresses.map_err(|why| why.to_string())
        });
        match addresses {
            Ok(addresses) => {
                permitted.extend(addresses.iter().filter_map(|text| text.parse().ok()))
            }
            Err(why) => issues.push(StatusIssue::waiting(format!(
                "the gateway's addresses could not be read: {why}"
            ))),
        }
    }
    let mut accepted = Vec::new();
    for asked in asked {
        match asked.request.judge(&permitted) {
            Ok(()) => accepted.push(asked),
            Err(why) => issues.push(refused(&asked.by, &why)),
        }
    }
    accepted
}

/// The answer to a request.
fn answer(
    source: &Source,
    gateway: &Gateway,
    asked: &GatewayRequest,
    life: &SignedDuration,
    now: Timestamp,
) -> Result<AnswerEntry, StatusIssue> {
    let (by, request) = (&asked.by, &asked.request);
    let before = gateway.answer_to(request);
    let issued = match source {
        Source::Own(own) => {
            if let Some(entry) = before
                && is_fresh(own, &entry.issued(), request, *life, now)
            {
                return Ok(entry.clone());
            }
            let issued = Issued::by(own.signer(), request, *life, now);
            let issued = issued.map_err(|why| {
                StatusIssue::blocked(format!("no certificate for {by} could be made: {why}"))
            })?;
            info!("issued a certificate for {by}");
            issued
        }
        Source::Upstream(upstream) => upstream.answer(by, request, now)?.with_intermediates(),
    };
    Ok(AnswerEntry::new(&request.pem, issued))
}

/// Whether what was issued needs no replacement yet.
fn is_fresh(
    own: &Own,
    issued: &Issued,
    request: &Request,
    life: SignedDuration,
    now: Timestamp,
) -> bool {
    let Ok(leaf) = issued.judge(request, now) else {
        return false;
    };
    let longest = life.as_secs() + 3600;
    issued.ca == own.signer().certificate()
        && now.as_second() < renewal_time(leaf.not_before, leaf.not_after)
        && leaf.not_after - leaf.not_before <= longest
}
