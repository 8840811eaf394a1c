//! An upstream authority: the gateway's requests go up as they came, and what comes back
//! is checked before it goes down.

use jiff::Timestamp;
use juju_charm::Unit;
use juju_charm::relation::{Relation, Side};
use juju_charm::tool::present;

use crate::charm::issue::StatusIssue;
use crate::charm::peers::differs;
use crate::pki::{Issued, Request};
use crate::relations::tls_certificates::{self as databag, AnswerEntry, RequestEntry};
use crate::relations::tls_request_errors::{self as errors, Capabilities, ErrorBody, RequestError};

/// An upstream authority.
pub struct Upstream {
    name: String,
    answers: Vec<AnswerEntry>,
    errors: Vec<RequestError>,
    /// What it can issue; `None` if it does not say.
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

    /// Its answer to a request, if clients would take it.
    pub fn answer(
        &self,
        by: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Issued, StatusIssue> {
        let name = &self.name;
        if let Some(why) = &self.damage {
            return Err(StatusIssue::blocked(format!("databag of {name}: {why}")));
        }
        let mut all =
            self.answers.iter().filter(|entry| entry.request.trim() == request.pem.trim());
        let Some(entry) = all.clone().find(|entry| !entry.revoked) else {
            if let Some(error) = self.error(request) {
                let why = format!("{name} refuses the certificate request of {by}: {error}");
                return Err(StatusIssue::blocked(why));
            }
            let why = match self.capabilities.as_ref().and_then(|known| known.lack(request)) {
                Some(lack) => format!(
                    "{name} issues no certificates for {lack}, and {by} requests one; set \
                     csr-domain-name of istio-pilot"
                ),
                None if all.next().is_some() => format!(
                    "{name} has revoked the certificate of {by} and issued no other one yet"
                ),
                None => format!("{name} has not answered the certificate request of {by}"),
            };
            return Err(StatusIssue::waiting(why));
        };
        let judged = entry.arranged().and_then(|issued| {
            issued.judge(request, now)?;
            Ok(issued)
        });
        judged.map_err(|why| {
            let why = format!("the answer of {name} to {by} is not passed on: {why}");
            StatusIssue::blocked(why)
        })
    }
}

/// Asks for nothing any longer.
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
