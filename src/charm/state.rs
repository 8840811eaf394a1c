//! The unit's state from one hook to the next, in Juju's store.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use jiff::Timestamp;
use juju_charm::{Status, ToolError, state};
use serde::{Deserialize, Serialize};

use super::assess::AuditResult;
use super::fate::Fate;
use super::issue::{StatusIssue, brief};
use crate::catalog::Severity;
use crate::config::Options;
use crate::facts::kubernetes::ReadError;

/// The key under which all of it is.
const KEY: &str = "unit";
/// The key of version 0.1.0, read if there is no other.
const OLD_KEY: &str = "memory";
/// Longest text that is remembered, in characters: Juju takes 64 KiB in all, and a cluster can
/// have anything to say.
const LONGEST: usize = 240;
/// Most issues of a step.
const ISSUES: usize = 3;
/// Most units of Loki, and most digests.
const MOST: usize = 128;
/// Room for authorities that a peer sent, in bytes.
const AUTHORITIES: usize = 16 << 10;
/// Step names of version 0.1.0 that are others by now.
const RENAMED_STEPS: [(&str, &str); 1] = [("observing", "relations")];

/// What the unit remembers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnitState {
    now: Stored,
    before: Stored,
    /// Whether the old key is still there.
    has_old_key: bool,
}

/// It as JSON. The aliases are the names of version 0.1.0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Stored {
    /// Version of the program that Juju was given.
    version: String,
    /// The status that was set: its name and message.
    status: Option<(String, String)>,
    /// The last audit that succeeded.
    audit: Option<Audit>,
    /// Why the audit after it failed.
    unreachable: Option<String>,
    /// Whether this unit asks an upstream authority for certificates.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    asks_upstream: bool,
    /// Whether a gateway is related; `None` until a hook has looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    has_gateway: Option<bool>,
    /// Fingerprint of the certificate of the option `tls-secret` that istio-pilot has.
    #[serde(alias = "handed-down", skip_serializing_if = "Option::is_none")]
    installed_certificate: Option<String>,
    /// Digests of the authorities that oidc-gatekeeper was configured with.
    #[serde(alias = "login-trusts", skip_serializing_if = "Vec::is_empty")]
    login_authorities: Vec<String>,
    /// Endpoints of COS and of the dashboard that are related.
    #[serde(alias = "observed", skip_serializing_if = "BTreeSet::is_empty")]
    endpoints: BTreeSet<String>,
    /// URL that the container's logs go to, by unit of Loki.
    #[serde(alias = "logs", skip_serializing_if = "BTreeMap::is_empty")]
    log_targets: BTreeMap<String, String>,
    /// Units of Loki that the container was ever configured with.
    #[serde(alias = "loki", skip_serializing_if = "BTreeSet::is_empty")]
    loki_units: BTreeSet<String>,
    /// Base URL that traces go to.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_receiver: Option<String>,
    /// Authorities that a peer sent, PEM.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    received_authorities: Vec<String>,
    /// Digest of the agent's input, and whether it says that this unit leads.
    #[serde(alias = "agent", skip_serializing_if = "Option::is_none")]
    agent_input: Option<(String, bool)>,
    /// Issues of each step as status and message, from when it was last taken: a hook that does
    /// not concern a step does not take it.
    #[serde(alias = "hindrances", skip_serializing_if = "BTreeMap::is_empty")]
    issues: BTreeMap<String, Vec<(String, String)>>,
    /// The fate of a unit that is being removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    fate: Option<Fate>,
}

/// The result of an audit, in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Audit {
    /// When it was made.
    pub at: Timestamp,
    /// Digest of the options that it used.
    #[serde(alias = "fingerprint")]
    pub options_digest: String,
    /// Its result in one line.
    #[serde(alias = "line")]
    pub summary: String,
    /// Worst severity that is open.
    pub worst: Option<Severity>,
    /// How many kinds of objects could not be read.
    pub unread: usize,
    /// Digest of the gateway's configuration after it.
    #[serde(default, alias = "mark", skip_serializing_if = "Option::is_none")]
    pub gateway_digest: Option<String>,
    /// Why not everything in the option `enforce` could be applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcement_problem: Option<String>,
    /// Changes of it that wait for consent, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_back: Option<String>,
    /// Why the controller could not be read, though there is a login to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub juju_problem: Option<String>,
}

impl Stored {
    /// What is not understood is dropped.
    fn parse(text: &str) -> Self {
        let mut stored: Self = serde_json::from_str(text).unwrap_or_default();
        for (old, new) in RENAMED_STEPS {
            if let Some(issues) = stored.issues.remove(old) {
                stored.issues.entry(new.to_owned()).or_insert(issues);
            }
        }
        stored
    }

    /// No more than Juju takes: lists that others make longer are truncated, and the next hook
    /// looks at the rest again.
    fn bounded(&self) -> Self {
        let mut bounded = self.clone();
        let first = |set: &BTreeSet<String>| set.iter().take(MOST).cloned().collect();
        bounded.loki_units = first(&self.loki_units);
        bounded.endpoints = first(&self.endpoints);
        bounded.login_authorities.truncate(MOST);
        bounded.trace_receiver = self.trace_receiver.clone().filter(|url| url.len() <= LONGEST);
        let mut room = AUTHORITIES;
        bounded.received_authorities.retain(|pem| {
            room = room.saturating_sub(pem.len());
            room > 0
        });
        let logs = self.log_targets.iter().filter(|(_, url)| url.len() <= LONGEST);
        bounded.log_targets = logs.take(MOST).map(|(k, v)| (k.clone(), v.clone())).collect();
        bounded
    }
}

impl UnitState {
    /// Reads it. What another version wrote and this one does not understand is dropped: the next
    /// audit finds it again.
    pub fn read() -> anyhow::Result<Self> {
        Self::of(state::all())
    }

    /// Of what was read of it.
    pub fn of(read: Result<BTreeMap<String, String>, ToolError>) -> anyhow::Result<Self> {
        let state = read.context("reading the unit's state")?;
        let text = state.get(KEY).or_else(|| state.get(OLD_KEY)).map_or("", String::as_str);
        let before = Stored::parse(text);
        Ok(Self { now: before.clone(), before, has_old_key: state.contains_key(OLD_KEY) })
    }

    /// Writes it if it changed.
    pub fn write(&self) -> anyhow::Result<()> {
        if self.now == self.before && !self.has_old_key {
            return Ok(());
        }
        let now = self.now.bounded();
        let text = serde_json::to_string(&now).context("the unit's state as JSON")?;
        state::set(&BTreeMap::from([(KEY, text)])).context("writing the unit's state")?;
        if self.has_old_key {
            state::delete(OLD_KEY).context("deleting the unit's state of an older version")?;
        }
        Ok(())
    }

    /// Whether an audit is due: there is none, the last one failed, it is too
    /// old, or it used other options.
    pub fn is_audit_due(&self, options: &Options, now: Timestamp) -> bool {
        self.now.unreachable.is_some()
            || self.now.audit.as_ref().is_none_or(|audit| {
                // What was refused may be allowed by now.
                audit.juju_problem.is_some()
                    || audit.enforcement_problem.is_some()
                    || audit.options_digest != options.digest()
                    || options.is_due(audit.at, now)
            })
    }

    /// Remembers the result of an audit, or why the cluster could not be read.
    pub fn set_audit(
        &mut self,
        result: &Result<AuditResult, ReadError>,
        options: &Options,
        at: Timestamp,
    ) {
        match result {
            Ok(AuditResult { report, juju_problem, enforcement, held_back, charm_facts: _ }) => {
                let before = self.now.audit.as_ref();
                let held_back = held_back
                    .clone()
                    .unwrap_or_else(|| before.and_then(|audit| audit.held_back.clone()));
                let (gateway_digest, enforcement_problem) = match enforcement {
                    Some(Ok(digest)) => (Some(digest.clone()), None),
                    Some(Err(why)) => (None, Some(brief(&why.to_string(), LONGEST))),
                    None => before.map_or((None, None), |audit| {
                        (audit.gateway_digest.clone(), audit.enforcement_problem.clone())
                    }),
                };
                self.now.unreachable = None;
                self.now.audit = Some(Audit {
                    at,
                    options_digest: options.digest(),
                    summary: report.status_line(),
                    worst: Severity::ALL.into_iter().find(|s| report.open_of(*s) > 0),
                    unread: report.cluster.unknown.len(),
                    gateway_digest,
                    enforcement_problem,
                    held_back: held_back.map(|why| brief(&why, LONGEST)),
                    juju_problem: juju_problem.as_ref().map(|why| brief(why, LONGEST)),
                });
            }
            Err(error) => self.now.unreachable = Some(brief(&error.to_string(), LONGEST)),
        }
    }

    /// Remembers why the controller could not be read after the last audit; the next hook audits.
    pub fn set_juju_problem(&mut self, why: &str) {
        if let Some(audit) = &mut self.now.audit {
            audit.juju_problem = Some(brief(why, LONGEST));
        }
    }

    /// The last audit that succeeded.
    pub fn audit(&self) -> Option<&Audit> {
        self.now.audit.as_ref()
    }

    /// Why the audit after it failed.
    pub fn unreachable(&self) -> Option<&str> {
        self.now.unreachable.as_deref()
    }

    /// Whether this unit asked an upstream authority for certificates.
    pub fn asks_upstream(&self) -> bool {
        self.now.asks_upstream
    }

    /// Remembers whether it does.
    pub fn set_asks_upstream(&mut self, asks: bool) {
        self.now.asks_upstream = asks;
    }

    /// Whether a gateway is related; `None` until a hook has looked.
    pub fn has_gateway(&self) -> Option<bool> {
        self.now.has_gateway
    }

    /// Remembers whether one is.
    pub fn set_gateway(&mut self, is_related: bool) {
        self.now.has_gateway = Some(is_related);
    }

    /// Fingerprint of the certificate that this charm installed at istio-pilot.
    pub fn installed_certificate(&self) -> Option<&str> {
        self.now.installed_certificate.as_deref()
    }

    /// Remembers which one it installed; `None` if it must be installed again.
    pub fn set_installed_certificate(&mut self, fingerprint: Option<String>) {
        self.now.installed_certificate = fingerprint;
    }

    /// Endpoints of COS and of the dashboard that are related.
    pub fn endpoints(&self) -> &BTreeSet<String> {
        &self.now.endpoints
    }

    /// Remembers which are related.
    pub fn set_endpoints(&mut self, related: BTreeSet<String>) {
        self.now.endpoints = related;
    }

    /// URL that the container's logs go to, by unit of Loki, and every unit that the container
    /// was ever configured with.
    pub fn log_targets(&self) -> (&BTreeMap<String, String>, Vec<String>) {
        (&self.now.log_targets, self.now.loki_units.iter().cloned().collect())
    }

    /// Remembers where logs go.
    pub fn set_log_targets(&mut self, targets: BTreeMap<String, String>) {
        self.now.loki_units.extend(targets.keys().cloned());
        self.now.log_targets = targets;
    }

    /// Base URL that traces go to, and the authorities to trust on the way, PEM; `None` where
    /// nothing asks for traces.
    pub fn trace_receiver(&self) -> Option<(&str, &[String])> {
        Some((self.now.trace_receiver.as_deref()?, &self.now.received_authorities))
    }

    /// Remembers where traces go.
    pub fn set_trace_receiver(&mut self, url: Option<String>, authorities: Vec<String>) {
        self.now.trace_receiver = url;
        self.now.received_authorities = authorities;
    }

    /// Digest of the agent's input, and whether it says that this unit leads; `None` if the agent
    /// has none.
    pub fn agent_input(&self) -> Option<(&str, bool)> {
        let input = self.now.agent_input.as_ref();
        input.map(|(digest, is_leader)| (digest.as_str(), *is_leader))
    }

    /// Remembers the agent's input.
    pub fn set_agent_input(&mut self, input: Option<(String, bool)>) {
        self.now.agent_input = input;
    }

    /// Digests of the authorities that oidc-gatekeeper was configured with.
    pub fn login_authorities(&self) -> &[String] {
        &self.now.login_authorities
    }

    /// Remembers which they are.
    pub fn set_login_authorities(&mut self, digests: Vec<String>) {
        self.now.login_authorities = digests;
    }

    /// Remembers the issues of a step, in place of its earlier ones.
    pub fn set_issues(&mut self, step: &str, issues: Vec<StatusIssue>) {
        let brief = issues
            .into_iter()
            .take(ISSUES)
            .map(|issue| (issue.status.name().to_owned(), brief(&issue.message, LONGEST)));
        let brief: Vec<_> = brief.collect();
        match brief.is_empty() {
            true => drop(self.now.issues.remove(step)),
            false => drop(self.now.issues.insert(step.to_owned(), brief)),
        }
    }

    /// Drops the issues of all steps, on a unit that no longer leads.
    pub fn clear_issues(&mut self) {
        self.now.issues.clear();
    }

    /// Issues of all steps.
    pub fn issues(&self) -> Vec<StatusIssue> {
        let all = self.now.issues.values().flatten();
        all.map(|(status, message)| {
            let mut known = [Status::Blocked, Status::Active].into_iter();
            let status = known.find(|known| known.name() == status);
            let status = status.unwrap_or(Status::Waiting);
            StatusIssue { status, message: message.clone() }
        })
        .collect()
    }

    /// The fate of this unit, if it is being removed.
    pub fn fate(&self) -> Option<Fate> {
        self.now.fate
    }

    /// Whether this unit is being removed.
    pub fn is_going(&self) -> bool {
        self.now.fate.is_some_and(Fate::is_going)
    }

    /// Remembers the fate of a unit that is being removed.
    pub fn set_fate(&mut self, fate: Fate) {
        self.now.fate = Some(fate);
    }

    /// Whether Juju was given another version of the program.
    pub fn is_other_version(&self) -> bool {
        self.now.version != crate::VERSION
    }

    /// Remembers that Juju was given this version.
    pub fn set_version(&mut self) {
        self.now.version = crate::VERSION.to_owned();
    }

    /// Whether this is the status that was set last.
    pub fn is_status(&self, status: Status, message: &str) -> bool {
        let last = self.now.status.as_ref();
        last.is_some_and(|(name, text)| name == status.name() && text == message)
    }

    /// Remembers that this status was set.
    pub fn set_status(&mut self, status: Status, message: &str) {
        self.now.status = Some((status.name().to_owned(), message.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::input::CharmFacts;
    use crate::charm::enforce::NotEnforced;
    use crate::facts::Facts;
    use crate::policy::Policy;
    use crate::report::Report;

    #[test]
    fn state_of_any_input_is_no_longer_than_juju_takes() {
        let long = |n: usize| format!("{n} {}", "é\n".repeat(50_000));
        let mut state = UnitState::default();
        let report = Report::audit(&Facts::default(), &Policy::default(), None, Vec::new());
        let result = AuditResult {
            report,
            juju_problem: Some(long(1)),
            enforcement: Some(Err(NotEnforced::ByAgent(long(2)))),
            held_back: Some(Some(long(3))),
            charm_facts: CharmFacts::default(),
        };
        let (options, _) = Options::parse(&juju_charm::config::Options::default());
        state.set_audit(&Ok(result), &options, Timestamp::UNIX_EPOCH);
        for step in ["a", "b", "c", "d", "e", "f"] {
            let issues = (0..2000).map(|n| StatusIssue::blocked(long(n % 7)));
            state.set_issues(step, issues.collect());
        }
        let targets =
            (0..2000).map(|n| (format!("loki/{n}"), format!("http://loki-{n}/{}", "x".repeat(n))));
        state.set_log_targets(targets.collect());
        state.set_login_authorities((0..2000).map(|n| format!("{n:016}")).collect());
        let authorities = (0..2000).map(|n| format!("{n} {}", "x".repeat(2000)));
        state.set_trace_receiver(
            Some(format!("http://{}", "x".repeat(2000))),
            authorities.collect(),
        );
        state.set_endpoints((0..2000).map(|n| format!("endpoint-{n}")).collect());
        let text = serde_json::to_string(&state.now.bounded()).unwrap();
        assert!(text.len() <= juju_charm::state::LONGEST_VALUE, "{}", text.len());
        assert!(
            state.audit().unwrap().enforcement_problem.as_ref().unwrap().chars().count() <= LONGEST
        );
    }

    #[test]
    fn state_of_version_0_1_0_is_understood() {
        let old = r#"{"version": "0.1.0", "status": ["active", "fine"],
            "audit": {"at": "2026-11-01T00:00:00Z", "fingerprint": "0123", "line": "nothing open",
                "worst": null, "unread": 0, "mark": "4567"},
            "handed-down": "89ab", "login-trusts": ["cdef"], "observed": ["logging"],
            "logs": {"loki/0": "http://loki"}, "loki": ["loki/0"], "agent": ["0011", true],
            "hindrances": {"observing": [["waiting", "loki is slow"]]}}"#;
        let now = Stored::parse(old);
        let state = UnitState { now: now.clone(), ..UnitState::default() };
        let audit = state.audit().unwrap();
        assert_eq!(
            (&*audit.options_digest, &*audit.summary, audit.gateway_digest.as_deref()),
            ("0123", "nothing open", Some("4567"))
        );
        assert_eq!(state.installed_certificate(), Some("89ab"));
        assert_eq!(state.login_authorities(), ["cdef"]);
        assert!(state.endpoints().contains("logging"));
        assert_eq!(state.log_targets().1, ["loki/0"]);
        assert_eq!(state.log_targets().0["loki/0"], "http://loki");
        assert_eq!(state.agent_input(), Some(("0011", true)));
        assert_eq!(state.issues(), [StatusIssue::waiting("loki is slow")]);
        assert!(now.issues.contains_key("relations"));
        // What is written now is read again.
        let text = serde_json::to_string(&now).unwrap();
        assert!(!text.contains("hindrances") && !text.contains("handed-down"), "{text}");
        assert_eq!(Stored::parse(&text), now);
        assert_eq!(Stored::parse("7 of 9"), Stored::default());
    }
}
