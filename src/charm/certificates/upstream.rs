//! An upstream authority: it gets the gateway's requests unchanged, and its answers are checked
//! before the gateway gets them.

use jiff::Timestamp;
use juju_charm::relation::{Relation, Side};
use juju_charm::tool::present;
use juju_charm::{Status, Unit};

use crate::charm::issue::StatusProblem;
use crate::charm::peers::differs;
use crate::pki::{AnswerProblem, Issued, Request};
use crate::relations::tls_certificates::{self as databag, AnswerEntry, RequestEntry};
use crate::relations::tls_request_errors::{self as errors, Capabilities, ErrorBody, RequestError};

/// Reasons why an upstream authority issued no certificate that clients accept.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamProblem {
    /// Its databag is malformed.
    #[error("databag of {name}: {problem}")]
    Databag {
        /// The authority's application.
        name: String,
        /// What is malformed.
        problem: String,
    },
    /// It refuses the request.
    #[error("{name} refuses the certificate request of {by}: {error}")]
    Refused {
        /// The authority's application.
        name: String,
        /// Unit or application that requests.
        by: String,
        /// Its reason.
        error: Box<ErrorBody>,
    },
    /// It cannot issue what is requested.
    #[error(
        "{name} issues no certificates for {names}, and {by} requests one; set csr-domain-name of \
         istio-pilot"
    )]
    Unsupported {
        /// The authority's application.
        name: String,
        /// Unit or application that requests.
        by: String,
        /// Kind of names that it does not support.
        names: String,
    },
    /// It revoked the certificate.
    #[error("{name} has revoked the certificate of {by} and issued no other one yet")]
    Revoked {
        /// The authority's application.
        name: String,
        /// Unit or application that requests.
        by: String,
    },
    /// It has not answered yet.
    #[error("{name} has not answered the certificate request of {by}")]
    NoAnswer {
        /// The authority's application.
        name: String,
        /// Unit or application that requests.
        by: String,
    },
    /// Clients would reject its answer.
    #[error("the answer of {name} to {by} is not passed on: {problem}")]
    Answer {
        /// The authority's application.
        name: String,
        /// Unit or application that requests.
        by: String,
        /// Why clients would reject it.
        problem: AnswerProblem,
    },
}

impl StatusProblem for UpstreamProblem {
    fn status(&self) -> Status {
        match self {
            Self::Databag { .. } | Self::Refused { .. } | Self::Answer { .. } => Status::Blocked,
            Self::Unsupported { .. } | Self::Revoked { .. } | Self::NoAnswer { .. } => {
                Status::Waiting
            }
        }
    }
}

/// An upstream authority.
pub struct Upstream {
    name: String,
    answers: Vec<AnswerEntry>,
    errors: Vec<RequestError>,
    /// Requests that it can meet; `None` if it does not say.
    pub capabilities: Option<Capabilities>,
    damage: Option<String>,
}

impl Upstream {
    /// Asks it for these requests and no others, and reads what it answers; `None` if the
    /// relation is gone, though it is listed.
    pub fn ask(
        unit: &Unit,
        relation: &Relation,
        requests: &[String],
    ) -> anyhow::Result<Option<Self>> {
        if !write(unit, relation, requests)? {
            return Ok(None);
        }
        let name = present(relation.application())?.flatten();
        let databag = match &name {
            Some(name) => present(relation.get(Side::Application(name)))?.unwrap_or_default(),
            None => Default::default(),
        };
        let (answers, damage) = match databag::answers(&databag) {
            Ok(answers) => (answers, None),
            Err(why) => (Vec::new(), Some(why.to_string())),
        };
        Ok(Some(Self {
            name: name.unwrap_or_else(|| "the authority".into()),
            answers,
            errors: errors::errors(&databag),
            capabilities: errors::capabilities(&databag),
            damage,
        }))
    }

    /// Why it issues no certificate for a request, if it says so.
    pub fn error(&self, request: &Request) -> Option<&ErrorBody> {
        let of = |error: &&RequestError| error.request.trim() == request.pem.trim();
        self.errors.iter().find(of).map(|error| &error.error)
    }

    /// Its answer to a request, if clients would accept it.
    pub fn answer(
        &self,
        by: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Issued, UpstreamProblem> {
        let (name, by) = (self.name.clone(), by.to_owned());
        if let Some(problem) = self.damage.clone() {
            return Err(UpstreamProblem::Databag { name, problem });
        }
        let mut answers =
            self.answers.iter().filter(|entry| entry.request.trim() == request.pem.trim());
        let Some(entry) = answers.clone().find(|entry| !entry.revoked) else {
            return Err(self.without_answer(name, by, request, answers.next().is_some()));
        };
        let checked = entry.arranged().and_then(|issued| {
            issued.check(request, now)?;
            Ok(issued)
        });
        checked.map_err(|problem| UpstreamProblem::Answer { name, by, problem })
    }

    /// Why there is no answer to a request.
    fn without_answer(
        &self,
        name: String,
        by: String,
        request: &Request,
        is_revoked: bool,
    ) -> UpstreamProblem {
        if let Some(error) = self.error(request).cloned() {
            return UpstreamProblem::Refused { name, by, error: Box::new(error) };
        }
        match self.capabilities.as_ref().and_then(|known| known.lack(request)) {
            Some(names) => UpstreamProblem::Unsupported { name, by, names },
            None if is_revoked => UpstreamProblem::Revoked { name, by },
            None => UpstreamProblem::NoAnswer { name, by },
        }
    }
}

/// Withdraws all requests.
pub fn withdraw(unit: &Unit, relations: &[Relation]) -> anyhow::Result<()> {
    relations.iter().try_for_each(|relation| write(unit, relation, &[]).map(drop))
}

/// Writes requests; `false` if the relation is gone.
fn write(unit: &Unit, relation: &Relation, requests: &[String]) -> anyhow::Result<bool> {
    let entries: Vec<_> = requests
        .iter()
        .map(|pem| RequestEntry { pem: pem.clone(), wants_authority: false })
        .collect();
    let wanted = databag::write_requests(&entries);
    let Some(databag) = present(relation.get(Side::Unit(&unit.name)))? else {
        return Ok(false);
    };
    if differs(&databag, &wanted) {
        relation.set(&wanted)?;
    }
    Ok(true)
}
