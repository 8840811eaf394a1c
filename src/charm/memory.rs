//! What the unit remembers from one event to the next, in Juju's store.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use jiff::Timestamp;
use juju_charm::{Status, state};
use serde::{Deserialize, Serialize};

use super::audit::Audited;
use crate::catalog::Severity;
use crate::config::Options;
use crate::facts::kubernetes::ReadError;

/// The key under which all of it is.
const KEY: &str = "memory";

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    now: Stored,
    before: Stored,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Stored {
    /// Version of the program that was told to Juju.
    version: String,
    /// The status that was set.
    status: Option<(String, String)>,
    /// The last audit that could be made.
    audit: Option<Audit>,
    /// Why the one after it could not.
    unreachable: Option<String>,
    /// Whether this unit asks an upstream authority for certificates.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    asks_upstream: bool,
    /// Whether a gateway is related; unknown until it was looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    has_gateway: Option<bool>,
    /// Stands for the certificate of the option `tls-secret` that istio-pilot was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    handed_down: Option<String>,
    /// Marks of the authorities that oidc-gatekeeper was told to trust.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    login_trusts: Vec<String>,
    /// Endpoints of COS and of the dashboard that are related.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    observed: BTreeSet<String>,
    /// Where logs go, by unit of Loki, as the container was told.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    logs: BTreeMap<String, String>,
    /// Units of Loki that it was ever told of.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    loki: BTreeSet<String>,
    /// Stands for what the agent was told, and whether that this unit leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<(String, bool)>,
}

/// An audit, in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Audit {
    /// When.
    pub at: Timestamp,
    /// What it judged by.
    pub fingerprint: String,
    /// What came of it, in a line.
    pub line: String,
    /// Worst severity that is open.
    pub worst: Option<Severity>,
    /// How many kinds of objects could not be read.
    pub unread: usize,
    /// Stands for the gateway's configuration as it was left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// What of the option `enforce` could not be put right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcement_problem: Option<String>,
    /// What of it waits for consent, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_back: Option<String>,
    /// Why the controller could not be read, though there is a login to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub juju_problem: Option<String>,
}

impl Memory {
    /// Reads it. What another version wrote and this one does not understand is
    /// forgotten: the next audit finds it again.
    pub fn read() -> anyhow::Result<Self> {
        let mut state = state::all().context("reading the unit's state")?;
        let text = state.remove(KEY).unwrap_or_default();
        let before: Stored = serde_json::from_str(&text).unwrap_or_default();
        let now = before.clone();
        Ok(Self { now, before })
    }

    /// Writes it if it changed.
    pub fn write(&self) -> anyhow::Result<()> {
        if self.now == self.before {
            return Ok(());
        }
        let text = serde_json::to_string(&self.now).context("the unit's state as JSON")?;
        state::set(&BTreeMap::from([(KEY, text)])).context("writing the unit's state")
    }

    /// Whether an audit is due: there is none, the last one failed, it is too
    /// old, or it judged by something else.
    pub fn is_audit_due(&self, options: &Options, now: Timestamp) -> bool {
        self.now.unreachable.is_some()
            || self.now.audit.as_ref().is_none_or(|audit| {
                // What was refused may have been put right since.
                audit.juju_problem.is_some()
                    || audit.enforcement_problem.is_some()
                    || audit.fingerprint != options.fingerprint()
                    || options.is_due(audit.at, now)
            })
    }

    /// Notes what came of an audit.
    pub fn audited(
        &mut self,
        result: &Result<Audited, ReadError>,
        options: &Options,
        at: Timestamp,
    ) {
        match result {
            Ok(Audited {
                report,
                juju_problem,
                enforced,
                held_back,
                told: _,
            }) => {
                let before = self.now.audit.as_ref();
                let held_back = held_back
                    .clone()
                    .unwrap_or_else(|| before.and_then(|audit| audit.held_back.clone()));
                let (mark, enforcement_problem) = match enforced {
                    Some(Ok(mark)) => (Some(mark.clone()), None),
                    Some(Err(why)) => (None, Some(why.clone())),
                    None => before.map_or((None, None), |audit| {
                        (audit.mark.clone(), audit.enforcement_problem.clone())
                    }),
                };
                self.now.unreachable = None;
                self.now.audit = Some(Audit {
                    at,
                    fingerprint: options.fingerprint(),
                    line: report.status_line(),
                    worst: Severity::ALL.into_iter().find(|s| report.open_of(*s) > 0),
                    unread: report.cluster.unknown.len(),
                    mark,
                    enforcement_problem,
                    held_back,
                    juju_problem: juju_problem.clone(),
                });
            }
            Err(error) => self.now.unreachable = Some(error.to_string()),
        }
    }

    /// The last audit that could be made.
    pub fn audit(&self) -> Option<&Audit> {
        self.now.audit.as_ref()
    }

    /// Why the one after it could not.
    pub fn unreachable(&self) -> Option<&str> {
        self.now.unreachable.as_deref()
    }

    /// Whether this unit asked an upstream authority for certificates.
    pub fn asks_upstream(&self) -> bool {
        self.now.asks_upstream
    }

    /// Notes whether it does.
    pub fn set_asks_upstream(&mut self, asks: bool) {
        self.now.asks_upstream = asks;
    }

    /// Whether a gateway asks for certificates; unknown until it was looked.
    pub fn has_gateway(&self) -> Option<bool> {
        self.now.has_gateway
    }

    /// Notes whether one does.
    pub fn set_gateway(&mut self, is_related: bool) {
        self.now.has_gateway = Some(is_related);
    }

    /// What stands for the certificate that istio-pilot was given.
    pub fn handed_down(&self) -> Option<&str> {
        self.now.handed_down.as_deref()
    }

    /// Notes which it was given; `None` if it must be given again.
    pub fn set_handed_down(&mut self, fingerprint: Option<String>) {
        self.now.handed_down = fingerprint;
    }

    /// Endpoints of COS and of the dashboard that are related.
    pub fn observed(&self) -> &BTreeSet<String> {
        &self.now.observed
    }

    /// Notes what is related.
    pub fn set_observed(&mut self, related: BTreeSet<String>) {
        self.now.observed = related;
    }

    /// Where logs go, by unit of Loki, as the container was told, and every unit that it was
    /// ever told of.
    pub fn logs(&self) -> (&BTreeMap<String, String>, Vec<String>) {
        (&self.now.logs, self.now.loki.iter().cloned().collect())
    }

    /// Notes where logs go by now.
    pub fn set_logs(&mut self, logs: BTreeMap<String, String>) {
        self.now.loki.extend(logs.keys().cloned());
        self.now.logs = logs;
    }

    /// What the agent was told, and whether that this unit leads; `None` if it was not.
    pub fn agent(&self) -> Option<(&str, bool)> {
        self.now
            .agent
            .as_ref()
            .map(|(mark, leads)| (mark.as_str(), *leads))
    }

    /// Notes what it was told.
    pub fn set_agent(&mut self, told: Option<(String, bool)>) {
        self.now.agent = told;
    }

    /// Marks of the authorities that oidc-gatekeeper was told to trust.
    pub fn login_trusts(&self) -> &[String] {
        &self.now.login_trusts
    }

    /// Notes which it was told.
    pub fn set_login_trusts(&mut self, marks: Vec<String>) {
        self.now.login_trusts = marks;
    }

    /// Whether another version of the program was told to Juju.
    pub fn is_other_version(&self) -> bool {
        self.now.version != crate::VERSION
    }

    /// Notes that this version was told to Juju.
    pub fn set_version(&mut self) {
        self.now.version = crate::VERSION.to_owned();
    }

    /// Whether this is the status that was set last.
    pub fn says(&self, status: Status, message: &str) -> bool {
        let last = self.now.status.as_ref();
        last.is_some_and(|(name, text)| name == status.name() && text == message)
    }

    /// Notes that this status was set.
    pub fn said(&mut self, status: Status, message: &str) {
        self.now.status = Some((status.name().to_owned(), message.to_owned()));
    }
}
