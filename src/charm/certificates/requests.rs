//! Certificate requests of the related gateways, and which of them are permitted.

use juju_charm::Unit;
use juju_charm::relation::{Databag, Relation, Side};
use juju_charm::tool::present;

use super::problem::CertificateProblem;
use crate::charm::enforce::{self, EnforceFailure};
use crate::pki::{Name, Request, RequestProblem};
use crate::policy::Policy;
use crate::relations::tls_certificates::{self as databag, AnswerEntry, RequestEntry};
use crate::relations::tls_request_errors::RequestError;

/// A certificate request of a gateway.
pub struct GatewayRequest {
    /// Unit or application that requests.
    pub by: String,
    /// Index of its gateway.
    pub gateway: usize,
    /// What it requests.
    pub request: Request,
}

/// A relation with a gateway.
pub struct Gateway {
    /// The relation.
    pub relation: Relation,
    /// Answers that it has now.
    pub answers: Vec<AnswerEntry>,
    /// This application's databag.
    pub databag: Databag,
    /// Requests that are refused.
    pub errors: Vec<RequestError>,
}

impl Gateway {
    /// The answer that a request has now.
    pub fn answer_to(&self, request: &Request) -> Option<&AnswerEntry> {
        self.answers.iter().find(|entry| entry.request == request.pem)
    }
}

/// Gateways and their requests, as far as they can be read.
#[derive(Default)]
pub struct Requests {
    /// Related gateways.
    pub gateways: Vec<Gateway>,
    /// Their requests.
    pub all: Vec<GatewayRequest>,
    /// Problems found so far.
    pub problems: Vec<CertificateProblem>,
}

impl Requests {
    /// Reads the requests in these relations. A relation that Juju lists but no longer has requests
    /// nothing.
    pub fn read(unit: &Unit, relations: Vec<Relation>) -> anyhow::Result<Self> {
        let mut requests = Self::default();
        for relation in relations {
            let Some(own) = present(relation.get(Side::Application(unit.application())))? else {
                continue;
            };
            if let Some(entries) = requests.entries(&relation)? {
                requests.add(unit, relation, own, entries);
            }
        }
        Ok(requests)
    }

    /// Requests of a relation, with who requests; `None` if the relation is gone.
    fn entries(
        &mut self,
        relation: &Relation,
    ) -> anyhow::Result<Option<Vec<(String, RequestEntry)>>> {
        let mut entries = Vec::new();
        let units = present(relation.units())?.unwrap_or_default();
        let application = present(relation.application())?.flatten();
        let sides = units.iter().map(|name| (name, Side::Unit(name)));
        let application = application.iter().map(|name| (name, Side::Application(name)));
        for (by, side) in sides.chain(application) {
            let Some(databag) = present(relation.get(side))? else {
                return Ok(None);
            };
            match databag::requests(&databag) {
                Ok(read) => entries.extend(read.into_iter().map(|entry| (by.clone(), entry))),
                Err(problem) => {
                    let by = by.clone();
                    self.problems.push(CertificateProblem::Databag { by, problem });
                }
            }
        }
        Ok(Some(entries))
    }

    fn add(
        &mut self,
        unit: &Unit,
        relation: Relation,
        own: Databag,
        entries: Vec<(String, RequestEntry)>,
    ) {
        let mut errors = Vec::new();
        for (by, entry) in entries {
            let read = match entry.wants_authority {
                true => Err(RequestProblem::Authority),
                false => Request::parse(&entry.pem),
            };
            let gateway = self.gateways.len();
            match read {
                Ok(request) => self.all.push(GatewayRequest { by, gateway, request }),
                Err(problem) => {
                    errors.push(RequestError::refused(&entry.pem, &problem, unit.application()));
                    self.problems.push(CertificateProblem::Refused { by, problem });
                }
            }
        }
        // Answers of this charm that cannot be read are written again.
        let answers = databag::answers(&own).unwrap_or_default();
        self.gateways.push(Gateway { relation, answers, databag: own, errors });
    }

    /// Drops the requests that are not permitted, and records why at their gateways.
    pub fn refuse_forbidden(&mut self, unit: &Unit, policy: &Policy) {
        let mut permitted: Vec<Name> = policy.certificates.names.clone();
        let hostname = policy.external_hostname.as_deref();
        permitted.extend(hostname.and_then(|host| host.parse::<Name>().ok()));
        let is_declared =
            |asked: &GatewayRequest| asked.request.check_permitted(&permitted).is_ok();
        // Without the gateway's addresses a name may yet turn out to be one.
        let mut is_final = true;
        if !self.all.iter().all(is_declared) {
            // Only then is it worth asking the cluster.
            match gateway_addresses(unit) {
                Ok(addresses) => {
                    permitted.extend(addresses.iter().filter_map(|text| text.parse().ok()));
                }
                Err(why) => {
                    is_final = false;
                    self.problems.push(CertificateProblem::Addresses(why));
                }
            }
        }
        for asked in std::mem::take(&mut self.all) {
            let Err(problem) = asked.request.check_permitted(&permitted) else {
                self.all.push(asked);
                continue;
            };
            if is_final || !matches!(problem, RequestProblem::ForeignName(_)) {
                let pem = &asked.request.pem;
                let error = RequestError::refused(pem, &problem, unit.application());
                self.gateways[asked.gateway].errors.push(error);
            }
            self.problems.push(CertificateProblem::Refused { by: asked.by, problem });
        }
    }

    /// Requests of a gateway.
    pub fn of_gateway(&self, index: usize) -> impl Iterator<Item = &GatewayRequest> {
        self.all.iter().filter(move |asked| asked.gateway == index)
    }

    /// Names that the requests ask for.
    pub fn names(&self) -> Vec<Name> {
        self.all.iter().flat_map(|asked| asked.request.names.clone()).collect()
    }
}

fn gateway_addresses(unit: &Unit) -> Result<Vec<String>, EnforceFailure> {
    Ok(enforce::connect()?.gateway_addresses(&unit.model)?)
}
