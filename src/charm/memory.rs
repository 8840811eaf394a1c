//! What the unit remembers from one event to the next, in Juju's store.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use jiff::Timestamp;
use juju_charm::{Status, state};
use serde::{Deserialize, Serialize};

use super::audit::Audited;
use super::certificates::Hindrance;
use super::removal::Fate;
use super::status::brief;
use crate::catalog::Severity;
use crate::config::Options;
use crate::facts::kubernetes::ReadError;

/// The key under which all of it is.
const KEY: &str = "memory";
/// Longest text that is remembered, in characters: Juju takes 64 KiB in all, and a cluster can
/// have anything to say.
const LONGEST: usize = 240;
/// Most hindrances of a step.
const HINDRANCES: usize = 3;
/// Most units of Loki, and most marks.
const MOST: usize = 128;

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
    /// What hindered each step when it was last taken, as status and message: a hook that has
    /// nothing to do with a step does not take it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    hindrances: BTreeMap<String, Vec<(String, String)>>,
    /// What is to become of a unit that goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    fate: Option<Fate>,
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

impl Stored {
    /// With no more than Juju takes: lists that others make longer are cut, and what is cut is
    /// looked at again by the next hook.
    fn bounded(&self) -> Self {
        let mut bounded = self.clone();
        let first = |set: &BTreeSet<String>| set.iter().take(MOST).cloned().collect();
        bounded.loki = first(&self.loki);
        bounded.observed = first(&self.observed);
        bounded.login_trusts.truncate(MOST);
        let logs = self.logs.iter().filter(|(_, url)| url.len() <= LONGEST);
        bounded.logs = logs.take(MOST).map(|(k, v)| (k.clone(), v.clone())).collect();
        bounded
    }
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
        let now = self.now.bounded();
        let text = serde_json::to_string(&now).context("the unit's state as JSON")?;
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
            Ok(Audited { report, juju_problem, enforced, held_back, told: _ }) => {
                let before = self.now.audit.as_ref();
                let held_back = held_back
                    .clone()
                    .unwrap_or_else(|| before.and_then(|audit| audit.held_back.clone()));
                let (mark, enforcement_problem) = match enforced {
                    Some(Ok(mark)) => (Some(mark.clone()), None),
                    Some(Err(why)) => (None, Some(brief(why, LONGEST))),
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
                    held_back: held_back.map(|why| brief(&why, LONGEST)),
                    juju_problem: juju_problem.as_ref().map(|why| brief(why, LONGEST)),
                });
            }
            Err(error) => self.now.unreachable = Some(brief(&error.to_string(), LONGEST)),
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
        self.now.agent.as_ref().map(|(mark, leads)| (mark.as_str(), *leads))
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

    /// Notes what hindered a step, if anything did.
    pub fn set_hindrances(&mut self, step: &str, hindrances: Vec<Hindrance>) {
        let brief = hindrances
            .into_iter()
            .take(HINDRANCES)
            .map(|(status, why)| (status.name().to_owned(), brief(&why, LONGEST)));
        let brief: Vec<_> = brief.collect();
        match brief.is_empty() {
            true => drop(self.now.hindrances.remove(step)),
            false => drop(self.now.hindrances.insert(step.to_owned(), brief)),
        }
    }

    /// Forgets what hindered any step, as a unit does that leads no longer.
    pub fn forget_hindrances(&mut self) {
        self.now.hindrances.clear();
    }

    /// What hinders the steps.
    pub fn hindrances(&self) -> Vec<Hindrance> {
        let all = self.now.hindrances.values().flatten();
        all.map(|(status, why)| {
            let is_blocked = status == Status::Blocked.name();
            let status = if is_blocked { Status::Blocked } else { Status::Waiting };
            (status, why.clone())
        })
        .collect()
    }

    /// What is to become of this unit, if it goes.
    pub fn fate(&self) -> Option<Fate> {
        self.now.fate
    }

    /// Whether this unit goes.
    pub fn is_going(&self) -> bool {
        self.now.fate.is_some_and(Fate::is_going)
    }

    /// Notes what is to become of a unit that goes.
    pub fn set_fate(&mut self, fate: Fate) {
        self.now.fate = Some(fate);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::told::ToldFacts;
    use crate::facts::Facts;
    use crate::policy::Policy;
    use crate::report::Report;

    #[test]
    fn memory_of_anything_is_no_longer_than_juju_takes() {
        let long = |n: usize| format!("{n} {}", "é\n".repeat(50_000));
        let mut memory = Memory::default();
        let report = Report::audit(&Facts::default(), &Policy::default(), None, Vec::new());
        let audited = Audited {
            report,
            juju_problem: Some(long(1)),
            enforced: Some(Err(long(2))),
            held_back: Some(Some(long(3))),
            told: ToldFacts::default(),
        };
        let (options, _) = Options::parse(&juju_charm::config::Options::default());
        memory.audited(&Ok(audited), &options, Timestamp::UNIX_EPOCH);
        for step in ["a", "b", "c", "d", "e", "f"] {
            let hindrances = (0..2000).map(|n| (Status::Blocked, long(n % 7)));
            memory.set_hindrances(step, hindrances.collect());
        }
        let logs =
            (0..2000).map(|n| (format!("loki/{n}"), format!("http://loki-{n}/{}", "x".repeat(n))));
        memory.set_logs(logs.collect());
        memory.set_login_trusts((0..2000).map(|n| format!("{n:016}")).collect());
        memory.set_observed((0..2000).map(|n| format!("endpoint-{n}")).collect());
        let text = serde_json::to_string(&memory.now.bounded()).unwrap();
        assert!(text.len() <= state::LONGEST_VALUE, "{}", text.len());
        assert!(
            memory.audit().unwrap().enforcement_problem.as_ref().unwrap().chars().count()
                <= LONGEST
        );
    }
}
