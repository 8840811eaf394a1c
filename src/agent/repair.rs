//! Restores what is enforced, while this unit leads, on a thread of its own: at a limited rate, and
//! not while someone else keeps undoing it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use juju_client::Connection;
use log::{info, warn};

use super::events::Event;
use super::gate::Gate;
use super::inbox::{Current, Inbox};
use super::publish::Publisher;
use super::repaired::Outcomes;
use crate::config::Options;
use crate::effects::{ApplyError, Cluster, Executor, Holder, JujuError, Model, NotConnected};
use crate::facts::Facts;
use crate::facts::kubernetes::{ReadError, Source};
use crate::facts::watch::FactStore;
use crate::pipeline::{self, ApplyFailure, EnforceError, Origin, Ownership};
use crate::policy::Policy;
use crate::remedies::{
    self, Change, ClusterOperation, Consent, Managed, Operation, Plan, Remedy, Target,
};

/// How long a repair may take.
const WITHIN: Duration = Duration::from_secs(20);
/// Changes within this time of one are repaired with it.
const DEBOUNCE: Duration = Duration::from_millis(40);
/// Longest wait without a change, to read the charm's input.
const INPUT_INTERVAL: Duration = Duration::from_secs(2);
/// How often everything is checked, whatever changed.
const FULL_INTERVAL: Duration = Duration::from_secs(300);
/// Longest wait for the first lists.
const FIRST_LISTS: Duration = Duration::from_secs(120);
/// Repairs of an object within this time, after which it is not repaired for a while.
const WINDOW: Duration = Duration::from_secs(60);
const MAX_REPAIRS: usize = 5;
const BACK_OFF: Duration = Duration::from_secs(600);
/// First and longest wait after a failure.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Facts that enforced remedies consult: a change is repaired at once.
pub const URGENT: [&str; 3] = ["gateways", "envoy_filters", "services"];
/// The same for remedies beside those of TLS.
const TENANTS: [&str; 2] = ["network_policies", "peer_authentications"];
/// Facts that remedies depend on and that change all the time: they are checked at a limited
/// rate.
pub const FIELDS: [&str; 13] = [
    "pods",
    "virtual_services",
    "secrets",
    "ambient_gateways",
    "crds",
    "namespaces",
    "profiles",
    "daemon_sets",
    "role_bindings",
    "cluster_roles",
    "authorization_policies",
    "mutating_webhooks",
    "validating_webhooks",
];
const FIELDS_INTERVAL: Duration = Duration::from_secs(10);

/// Context of the thread.
pub struct Enforcer {
    /// Which cluster.
    pub source: Source,
    /// The charm's input.
    pub inbox: Arc<Inbox>,
    /// The facts.
    pub live: Arc<FactStore>,
    /// Where events go.
    pub publisher: Arc<Publisher>,
    /// What writes go through.
    pub gate: Arc<Gate>,
}

impl Enforcer {
    /// Runs until the process ends.
    pub fn run(self) {
        let changes = self.live.listen();
        let started = Instant::now();
        while !self.live.is_whole() && started.elapsed() < FIRST_LISTS {
            std::thread::sleep(DEBOUNCE);
        }
        let mut repairs = Repairs::new(self.publisher.repaired.clone());
        let mut pending = BTreeSet::new();
        let mut number = None;
        let mut everything_at: Option<Instant> = None;
        loop {
            let fresh = changes.wait(repairs.wait(INPUT_INTERVAL), DEBOUNCE);
            let current = self.inbox.read();
            let is_time = everything_at.is_none_or(|at| at.elapsed() >= FULL_INTERVAL);
            let is_other = number != Some(current.number);
            if is_time || is_other {
                everything_at = Some(Instant::now());
                number = Some(current.number);
                pending.extend(URGENT);
                repairs.retry_at = None;
            }
            repairs.hasten(&fresh);
            pending.extend(fresh);
            // While the options are not understood, the last good ones of this process hold.
            let options = current.enforced.as_deref().filter(|_| current.input.is_leader);
            let Some(options) = options else {
                pending.clear();
                repairs.retry_at = None;
                let mut outcomes = self.publisher.repaired.lock();
                (outcomes.refused, outcomes.held_back) = (None, None);
                outcomes.seen_to = Some(current.number);
                continue;
            };
            if repairs.is_due(&pending, &options.enforce) {
                let (events, result) = self.enforce(&mut repairs, &current, options);
                for event in events {
                    self.publisher.emit(event);
                }
                match result {
                    Ok(()) => pending.clear(),
                    // They stay, and are tried again.
                    Err(why) => warn!("repair failed: {why}"),
                }
            }
            self.publisher.repaired.lock().seen_to = Some(current.number);
        }
    }

    /// Enforces the options' remedies. Returns the events to emit.
    fn enforce(
        &self,
        repairs: &mut Repairs,
        current: &Current,
        options: &Options,
    ) -> (Vec<Event>, Result<(), RepairError>) {
        let mut events = Vec::new();
        let result = self.try_to(repairs, current, options, &mut events);
        repairs.tried(&result);
        (events, result)
    }

    fn try_to(
        &self,
        repairs: &mut Repairs,
        current: &Current,
        options: &Options,
        events: &mut Vec<Event>,
    ) -> Result<(), RepairError> {
        let deadline = Instant::now() + WITHIN;
        let cluster = Cluster::connect(&self.source, deadline)?;
        let holder = Holder::parse(&current.input.holder);
        let mut origin = AgentOrigin {
            holder: holder.as_ref(),
            allow_disruption: &options.allow_disruption,
            gate: &self.gate,
            repairs,
            events,
        };
        let mut executor = Executor { cluster: &cluster, model: &mut NoLogin };
        let (policy, enforced) = (&options.policy, &options.enforce);
        let mut outcome =
            pipeline::enforce(&*self.live, policy, enforced, &mut origin, &mut executor)?;
        match outcome.take_failure() {
            Some(why) => Err(why.into()),
            None => Ok(()),
        }
    }
}

/// Why not everything that is enforced holds.
#[derive(Debug, thiserror::Error)]
enum RepairError {
    /// The API server cannot be reached.
    #[error(transparent)]
    Connect(#[from] ReadError),
    /// Nothing was tried.
    #[error(transparent)]
    Enforce(#[from] EnforceError),
    /// Not every change was applied.
    #[error(transparent)]
    Apply(#[from] ApplyFailure),
}

/// The agent has no login to Juju: the charm applies what needs one.
struct NoLogin;

impl Model for NoLogin {
    fn connect(&mut self) -> Result<&mut Connection, JujuError> {
        Err(NotConnected("the agent has no login to Juju".into()).into())
    }

    fn controller(&mut self) -> Result<&mut Connection, JujuError> {
        self.connect()
    }
}

/// The agent: unattended, and no more often than an object may be repaired.
struct AgentOrigin<'a> {
    holder: Option<&'a Holder>,
    allow_disruption: &'a BTreeSet<Remedy>,
    gate: &'a Gate,
    repairs: &'a mut Repairs,
    events: &'a mut Vec<Event>,
}

impl Origin for AgentOrigin<'_> {
    fn ownership(&self) -> Ownership<'_> {
        Ownership::Respect(self.holder)
    }

    fn is_attended(&self) -> bool {
        false
    }

    fn consent(&mut self, _: &Facts, _: &Policy, managed: &Managed) -> anyhow::Result<Consent> {
        self.repairs.stood.extend(remedies::targets(&managed.objects));
        Ok(Consent::of_option(self.allow_disruption).with_stood(self.repairs.stood.clone()))
    }

    fn approve(&mut self, plan: &Plan) -> anyhow::Result<bool> {
        self.repairs.note_held_back(plan.held_back_line(), self.events);
        Ok(true)
    }

    fn apply(&mut self, change: &Change, executor: &mut Executor<'_>) -> Result<bool, ApplyError> {
        let object = change.target().to_string();
        if change.is_of_juju() || !self.repairs.may(&object, self.events) {
            return Ok(false);
        }
        let Some(_pass) = self.gate.pass() else {
            return Err(ApplyError::ShuttingDown);
        };
        executor.apply(change)?;
        info!("{change}");
        if let Operation::Cluster(ClusterOperation::Delete(own)) = &change.operation {
            self.repairs.stood.remove(&Target::Object(own.reference()));
        }
        self.repairs.done(object.clone());
        let event = format!("sensitive_update:ckf-hardening,{object}");
        self.events.push(Event::new(event, "WARN", format!("repaired: {change}")));
        Ok(true)
    }
}

/// Numbers of repairs by object, and times at which failed ones are retried.
struct Repairs {
    outcomes: Outcomes,
    recent: BTreeMap<String, VecDeque<Instant>>,
    tried_at: Option<Instant>,
    failures: u32,
    retry_at: Option<Instant>,
    /// Managed objects that this process has seen and has not deleted itself: to create one again
    /// is no new disruption.
    stood: BTreeSet<Target>,
}

impl Repairs {
    fn new(outcomes: Outcomes) -> Self {
        Self {
            outcomes,
            recent: BTreeMap::new(),
            tried_at: None,
            failures: 0,
            retry_at: None,
            stood: BTreeSet::new(),
        }
    }

    /// Notes what waits for consent, and reports it once.
    fn note_held_back(&mut self, held_back: Option<String>, events: &mut Vec<Event>) {
        let mut outcomes = self.outcomes.lock();
        if let Some(why) = held_back.as_ref().filter(|_| held_back != outcomes.held_back) {
            warn!("{why}");
            let event = "sys_monitor_disabled:ckf-hardening,held-back";
            events.push(Event::new(event.to_owned(), "WARN", why.clone()));
        }
        outcomes.held_back = held_back;
    }

    /// How long to wait for changes: not beyond the next try.
    fn wait(&self, most: Duration) -> Duration {
        self.retry_at.map_or(most, |at| at.saturating_duration_since(Instant::now()).min(most))
    }

    /// Whether enforced remedies need changes of these facts now.
    fn is_due(
        &self,
        changed: &BTreeSet<&'static str>,
        enforced: &BTreeSet<remedies::Remedy>,
    ) -> bool {
        if let Some(at) = self.retry_at {
            return at <= Instant::now();
        }
        let has = |fields: &[&str]| fields.iter().any(|field| changed.contains(field));
        let is_time = self.tried_at.is_none_or(|at| at.elapsed() >= FIELDS_INTERVAL);
        // CustomResources change them too, and only some remedies mind.
        let minds = |remedy: &remedies::Remedy| !remedy.about().is_of_tls();
        has(&URGENT) || enforced.iter().any(minds) && has(&TENANTS) || is_time && has(&FIELDS)
    }

    /// A change of an enforced object shortens the back-off of a failure.
    fn hasten(&mut self, changed: &BTreeSet<&'static str>) {
        let mut urgent = URGENT.iter().chain(&TENANTS);
        if let (Some(at), Some(tried)) = (self.retry_at, self.tried_at)
            && urgent.any(|field| changed.contains(field))
        {
            self.retry_at = Some(at.min(tried + RETRY.0));
        }
    }

    /// Notes the result of a try.
    fn tried(&mut self, result: &Result<(), RepairError>) {
        let now = Instant::now();
        self.tried_at = Some(now);
        let mut outcomes = self.outcomes.lock();
        outcomes.refused = result.as_ref().err().map(ToString::to_string);
        match result {
            Ok(()) => {
                self.failures = 0;
                self.retry_at = None;
            }
            Err(_) => {
                outcomes.failed += 1;
                let wait = RETRY.0 * 2_u32.saturating_pow(self.failures.min(5));
                self.failures += 1;
                self.retry_at = Some(now + wait.min(RETRY.1));
            }
        }
    }

    /// Notes that an object was repaired.
    fn done(&mut self, object: String) {
        self.outcomes.lock().done += 1;
        let recent = self.recent.entry(object).or_default();
        recent.push_back(Instant::now());
    }

    /// Whether an object may be repaired once more.
    fn may(&mut self, object: &str, events: &mut Vec<Event>) -> bool {
        let now = Instant::now();
        self.recent.retain(|_, times| {
            times.retain(|at| now.duration_since(*at) <= WINDOW);
            !times.is_empty()
        });
        let mut outcomes = self.outcomes.lock();
        outcomes.resting.retain(|_, until| *until > now);
        if outcomes.resting.contains_key(object) {
            return false;
        }
        if self.recent.get(object).is_none_or(|times| times.len() < MAX_REPAIRS) {
            return true;
        }
        outcomes.resting.insert(object.to_owned(), now + BACK_OFF);
        let why = format!(
            "{object} was repaired {MAX_REPAIRS} times in a minute, and someone keeps undoing it: it is left \
             as it is for {} minutes; its managedFields name the client",
            BACK_OFF.as_secs() / 60
        );
        warn!("{why}");
        events.push(Event::new(
            format!("sys_monitor_disabled:ckf-hardening,{object}"),
            "CRITICAL",
            why,
        ));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_that_is_undone_repeatedly_is_left_and_reported_once() {
        let mut repairs = Repairs::new(Outcomes::default());
        let mut events = Vec::new();
        let mut tries = 0;
        for _ in 0..8 {
            if repairs.may("EnvoyFilter a/b", &mut events) {
                tries += 1;
                repairs.done("EnvoyFilter a/b".into());
            }
        }
        assert_eq!(tries, MAX_REPAIRS);
        assert_eq!(events.len(), 1);
        assert!(events[0].description.contains("keeps undoing"), "{}", events[0].description);
        assert_eq!(repairs.outcomes.now().given_up(), 1);
        assert!(repairs.may("Gateway a/b", &mut events));
    }

    #[test]
    fn failed_repair_does_not_count_as_undone() {
        let mut repairs = Repairs::new(Outcomes::default());
        let mut events = Vec::new();
        for _ in 0..20 {
            assert!(repairs.may("EnvoyFilter a/b", &mut events));
        }
        assert!(events.is_empty());
    }

    #[test]
    fn failed_repair_backs_off_and_a_change_shortens_the_wait() {
        let mut repairs = Repairs::new(Outcomes::default());
        let enforced = BTreeSet::new();
        let nothing = BTreeSet::new();
        assert!(!repairs.is_due(&nothing, &enforced));
        let mut waits = Vec::new();
        for _ in 0..7 {
            repairs.tried(&Err(EnforceError::HeldByOther("refused".into()).into()));
            let at = repairs.retry_at.unwrap();
            waits.push((at - repairs.tried_at.unwrap()).as_secs());
            // Not at once, even if it is pending; but without another change.
            assert!(!repairs.is_due(&BTreeSet::from(["gateways"]), &enforced));
            repairs.retry_at = Some(Instant::now());
            assert!(repairs.is_due(&nothing, &enforced));
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        repairs.tried(&Err(EnforceError::HeldByOther("refused".into()).into()));
        repairs.hasten(&BTreeSet::from(["pods"]));
        assert!(repairs.wait(INPUT_INTERVAL * 10) > Duration::from_secs(10));
        repairs.hasten(&BTreeSet::from(["network_policies"]));
        assert!(repairs.wait(INPUT_INTERVAL * 10) <= Duration::from_secs(1));
        assert_eq!(repairs.outcomes.now().failed, 8);
        assert_eq!(repairs.outcomes.now().refused.as_deref(), Some("refused"));
        repairs.tried(&Ok(()));
        assert_eq!(repairs.retry_at, None);
        assert_eq!(repairs.outcomes.now().refused, None);
    }
}
