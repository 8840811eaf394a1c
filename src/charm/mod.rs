//! Juju's side: read options and memory, audit when it is due, set the status.

mod actions;
mod audit;
mod by_agent;
mod certificates;
mod enforce;
mod login;
mod memory;
mod names;
mod observe;
mod remedy_actions;
mod removal;
mod results;
mod rocks;
mod rotate;
mod rotation_actions;
mod status;
mod workload;

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context as _;
use juju_charm::event::{Lifecycle, RelationChange, SecretEvent, WorkloadEvent};
use juju_charm::relation::Relation;
use juju_charm::secret::SecretError;
use juju_charm::{
    Event, Status, ToolError, Unit, config, leader, logging, secret, status as juju_status, version,
};
use log::{LevelFilter, debug, info, warn};

use self::audit::Duty;
use self::certificates::Hindrance;
use self::memory::Memory;
use self::removal::Fate;
use self::rotate::{Asked, Read, Rotations};
use self::workload::Workload;
use crate::agent::told::{CredentialState, Told, ToldFacts};
use crate::config::{OptionProblem, Options};
use crate::facts::kubernetes::ReadError;
use crate::pki::bundle;
use crate::relations::loki_push_api;
use crate::relations::topology::Topology;
use crate::rotation::{Credential, Ledger, Plan, Stage, Target};

/// Runs for one event and ends. It fails only if Juju's own tools do: what a
/// cluster or an option has wrong is told by the status.
pub fn main() -> ExitCode {
    // Until the options are read.
    logging::init(LevelFilter::Debug, &["ckf_hardening"]);
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> anyhow::Result<()> {
    let env = |name: &str| std::env::var(name).ok();
    let event = Event::from_env(&env)?;
    let unit = Unit::from_env(&env)?;
    match event {
        Event::Action { name, .. } => actions::run(&unit, &name),
        Event::Unknown { name } => {
            debug!("the hook {name} is not one that this charm knows; nothing is done");
            Ok(())
        }
        Event::Lifecycle(Lifecycle::Stop) => removal::stop(&unit),
        Event::Lifecycle(Lifecycle::Remove) => removal::remove(&unit),
        event => match reconcile(&unit, &event) {
            // What Juju no longer has, no retry brings back, and a hook in error stops the unit.
            Err(error) if is_absence(&error) => {
                warn!("the hook ends early: {error:#}");
                Ok(())
            }
            result => result,
        },
    }
}

/// Whether a hook tool found gone what it was asked about.
fn is_absence(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let tool = cause.downcast_ref::<ToolError>();
        let secret = cause.downcast_ref::<SecretError>();
        let secret = secret.and_then(|error| match error {
            SecretError::Tool(tool) => Some(tool),
            SecretError::Files(_) | SecretError::Key(_) => None,
        });
        tool.or(secret).is_some_and(ToolError::is_absence)
    })
}

/// What every hook starts from, read once.
struct Charm<'a> {
    unit: &'a Unit,
    options: Options,
    /// The same as Juju told them.
    raw: config::Options,
    problems: Vec<OptionProblem>,
    memory: Memory,
    /// Who is to be trusted for what the gateway serves, PEM; none if it was not looked.
    trusted: Option<Vec<String>>,
    /// What the last audit of this hook learned that the agent cannot read.
    told: Option<ToldFacts>,
    /// How far each credential is, if it was looked.
    credentials: BTreeMap<String, CredentialState>,
}

impl<'a> Charm<'a> {
    fn read(unit: &'a Unit) -> anyhow::Result<Self> {
        let raw = config::all().context("reading the options")?;
        let (options, problems) = Options::parse(&raw);
        log::set_max_level(options.log_level);
        for problem in &problems {
            warn!("{problem}");
        }
        Ok(Self {
            unit,
            options,
            raw,
            problems,
            memory: Memory::read()?,
            trusted: None,
            told: None,
            credentials: BTreeMap::new(),
        })
    }

    /// Audits the cluster; what came of it is in the memory. The inner error is why it could
    /// not be read.
    fn audit(&mut self, duty: Duty) -> anyhow::Result<Result<crate::report::Report, ReadError>> {
        let result = match self.by_agent(duty)? {
            Some(audited) => Ok(audited),
            None => audit::run(self.unit, &self.options, &self.problems, duty)?,
        };
        self.memory.audited(&result, &self.options, crate::now());
        if let Err(error) = &result {
            warn!("{error}");
        }
        Ok(result.map(|audited| {
            self.told = Some(audited.told);
            audited.report
        }))
    }

    /// The verdicts of the agent, where it is there and knows the options that hold now.
    fn by_agent(&self, duty: Duty) -> anyhow::Result<Option<audit::Audited>> {
        let audit = self.memory.audit();
        let is_same = audit.is_some_and(|audit| {
            audit.fingerprint == self.options.fingerprint() && audit.enforcement_problem.is_none()
        });
        let has_told = matches!(self.memory.agent(), Some((_, true)));
        if duty != Duty::Keep || !is_same || !has_told {
            return Ok(None);
        }
        by_agent::audit(self.unit, &self.options, |facts, credentials| {
            self.to_tell(facts, credentials, true)
        })
    }

    /// What the agent is told.
    fn to_tell(
        &self,
        facts: ToldFacts,
        credentials: BTreeMap<String, CredentialState>,
        is_leader: bool,
    ) -> Told {
        Told {
            namespace: self.unit.model.clone(),
            leads: is_leader,
            holder: enforce::holder(self.unit).to_string(),
            shows: observe::has_way(self.memory.observed()),
            scraped: observe::is_scraped(self.memory.observed()),
            options: self.raw.as_map().clone(),
            facts,
            credentials,
        }
    }

    /// Whether somebody changed the gateway's configuration since the last audit. It is
    /// asked as often as Juju asks for the status.
    fn has_drifted(&self, event: &Event) -> bool {
        let mark = self.memory.audit().and_then(|audit| audit.mark.as_deref());
        let asks = matches!(event, Event::Lifecycle(Lifecycle::UpdateStatus));
        // The agent sees it at once, and puts it right.
        let is_kept = || self.memory.agent().is_some() && by_agent::keeps(&self.options);
        let has_drifted = asks && mark.is_some_and(|mark| !is_kept() && enforce::has_drifted(mark));
        if has_drifted {
            info!("a Gateway or an EnvoyFilter was changed; the cluster is audited");
        }
        has_drifted
    }

    /// Takes the next step of each credential that is due.
    fn rotate(&mut self, event: &Event) -> anyhow::Result<()> {
        let (plan, login) = (&self.options.rotate, self.options.juju_credentials.as_deref());
        if plan.targets.is_empty() && login.is_none() {
            self.memory.set_hindrances(ROTATION, Vec::new());
            return Ok(());
        }
        let mut reminded = None;
        if let Event::Secret { id, label, what } = event
            && let Some(credential) = label.as_deref().and_then(Credential::of_label)
        {
            match what {
                // Juju's clock reminds; whether it is due is the plan's to say.
                SecretEvent::Rotate => reminded = Some(credential),
                // Juju takes no new content of a secret in the hook that removes a revision.
                SecretEvent::Remove { revision } => {
                    return Ok(secret::remove(id, Some(*revision))?);
                }
                SecretEvent::Changed | SecretEvent::Expired { .. } => {}
            }
        }
        if self.options.is_frozen() {
            return Ok(());
        }
        let mut rotations = match Rotations::read(self.unit, plan, login)? {
            Read::NoPeers => return Ok(()),
            Read::Damaged(why) => {
                let damaged = vec![(Status::Blocked, why)];
                self.memory.set_hindrances(ROTATION, damaged);
                return Ok(());
            }
            Read::Ready(rotations) => rotations,
        };
        rotations.advance(&Asked::default())?;
        if let Some(credential) = reminded {
            rotations.remind(self.unit, &credential)?;
        }
        let problem = rotations.problem_line().into_iter().collect();
        self.memory.set_hindrances(ROTATION, problem);
        self.credentials = credentials(plan, rotations.ledger());
        rotations.write()
    }

    /// Has COS and Kubeflow's dashboard know what they should, and the agent's output go
    /// where they say.
    fn observe(&mut self, event: &Event, is_leader: bool) -> anyhow::Result<()> {
        let is_ready = is_ready(event);
        if !is_ready && !observe::concerns(event, self.memory.observed()) {
            return Ok(());
        }
        if is_ready && self.memory.observed().is_empty() {
            return Ok(());
        }
        let host = self.options.policy.external_hostname.as_deref();
        let observed = observe::keep(self.unit, event, is_leader, host)?;
        self.memory.set_hindrances(OBSERVING, observed.hindrances);
        self.memory.set_observed(observed.related);
        let (logs, before) = self.memory.logs();
        if *logs == observed.logs && !is_ready {
            return Ok(());
        }
        let topology = Topology::of(self.unit);
        let targets = loki_push_api::targets(&topology, &self.unit.name, &observed.logs, &before);
        if let Some(workload) = Workload::connect() {
            match workload.forward(&targets) {
                Ok(()) => self.memory.set_logs(observed.logs),
                Err(why) => warn!("where logs go could not be told: {why}"),
            }
        }
        Ok(())
    }

    /// Whether the agent must be told anew, and this hook has not learned what to tell it.
    fn has_to_learn(&self, event: &Event, is_leader: bool) -> bool {
        let has_led = self.memory.agent().map(|(_, leads)| leads);
        // One that could not be told, or never was, waits no longer than to the next hook.
        let is_news = is_ready(event) || observe::is_of_way(event) || has_led != Some(true);
        is_leader && is_news && Workload::connect().is_some()
    }

    /// Has the agent run, and tells it what only this side knows, if that is other than it
    /// was told. While its container is not there, this waits for it.
    fn tell_agent(&mut self, event: &Event, is_leader: bool) {
        let has_led = self.memory.agent().map(|(_, leads)| leads);
        let is_news = match is_leader {
            // Without an audit the agent knows more than this hook does.
            true => self.told.is_some(),
            false => is_ready(event) || observe::is_of_way(event) || has_led != Some(false),
        };
        if !is_news {
            return;
        }
        let facts = self.told.clone().unwrap_or_default();
        let told = self.to_tell(facts, self.credentials.clone(), is_leader);
        let mark = workload::mark(&told);
        if !is_ready(event) && self.memory.agent() == Some((&mark, is_leader)) {
            return;
        }
        let Some(workload) = Workload::connect() else {
            return;
        };
        match workload.keep(&told) {
            Ok(()) => self.memory.set_agent(Some((mark, is_leader))),
            Err(why) => {
                warn!("the agent could not be told: {why}");
                self.memory.set_agent(None);
            }
        }
    }

    /// Has the gateway hold a certificate.
    fn certify(&mut self, event: &Event, is_leader: bool) -> anyhow::Result<()> {
        if let Event::Secret { id, label, what } = event
            && label.as_deref() == Some(certificates::AUTHORITY)
        {
            // Juju takes no new content of a secret in the hook that removes a revision.
            if let SecretEvent::Remove { revision } = what {
                secret::remove(id, Some(*revision))?;
            }
            return Ok(());
        }
        let changed = match event {
            Event::Relation(relation) if certificates::concerns(&relation.endpoint) => {
                Some(relation)
            }
            _ => None,
        };
        if changed.is_none() && self.memory.has_gateway() == Some(false) && !is_new(event) {
            return Ok(());
        }
        if is_leader && self.options.freezes_certificates() {
            return Ok(());
        }
        if is_leader {
            let broken = changed.filter(|relation| relation.what == RelationChange::Broken);
            let broken = broken.map(|relation| Relation::new(&relation.id));
            let policy = &self.options.policy;
            let kept = certificates::keep(self.unit, policy, broken.as_ref(), crate::now())?;
            let hindrance = kept.hindrance.into_iter().collect();
            self.memory.set_hindrances(CERTIFICATES, hindrance);
            self.memory.set_gateway(kept.has_gateway);
            self.memory.set_asks_upstream(kept.asks_upstream);
            self.trusted = kept.trusted;
        } else {
            if changed.is_some() {
                // Who leads next looks.
                self.memory.set_gateway(true);
            }
            if self.memory.asks_upstream() {
                // The new leader asks in its own name.
                certificates::withdraw(self.unit)?;
                self.memory.set_asks_upstream(false);
            }
        }
        Ok(())
    }

    /// Gives istio-pilot the certificate of the option `tls-secret`, if it has another or
    /// `looks` again for what somebody may have changed.
    fn hand_down(&mut self, looks: bool) -> Result<(), certificates::Hindrance> {
        if self.options.is_frozen() {
            return Ok(());
        }
        let Some(id) = &self.options.tls_secret else {
            if self.memory.handed_down().is_some() {
                self.memory.set_handed_down(None);
                self.trusted.get_or_insert_default();
            }
            return Ok(());
        };
        if self.memory.has_gateway() == Some(true) {
            let why = "option tls-secret and the relation gateway-certificates are both there, and the gateway takes one; reset tls-secret, or remove the relation";
            return Err((juju_charm::Status::Blocked, why.into()));
        }
        let host = self.options.policy.external_hostname.as_deref();
        let given = certificates::Given::read(self.unit, id, host, crate::now())?;
        self.trusted = Some(given.anchors());
        let fingerprint = given.fingerprint.to_string();
        if !looks && self.memory.handed_down() == Some(&fingerprint) {
            return Ok(());
        }
        self.memory.set_handed_down(None);
        given.hand_down(self.unit, self.options.juju_credentials.as_deref())?;
        self.memory.set_handed_down(Some(fingerprint));
        Ok(())
    }

    /// Has login trust who signs the gateway's certificate, if that is another by now or
    /// it `looks` again. Without a login to the controller, TLS-09 tells what is to be done.
    fn trust_at_login(&mut self, looks: bool) -> Result<(), certificates::Hindrance> {
        if self.options.is_frozen() {
            return Ok(());
        }
        let (Some(trusted), Some(login)) =
            (self.trusted.take(), self.options.juju_credentials.as_deref())
        else {
            return Ok(());
        };
        let marks: Vec<String> = trusted.iter().map(|pem| bundle::mark(pem)).collect();
        let before = self.memory.login_trusts();
        if before == marks && (!looks || marks.is_empty()) {
            return Ok(());
        }
        certificates::trust_at_login(self.unit, login, &trusted, before)?;
        self.memory.set_login_trusts(marks);
        Ok(())
    }

    /// Takes a step of a hook, and notes what hinders it. What Juju no longer has hinders this
    /// step and no other.
    fn step(
        &mut self,
        step: &'static str,
        take: impl FnOnce(&mut Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        match take(self) {
            Err(error) if is_absence(&error) => {
                warn!("{step}: {error:#}");
                let why = format!("{step}: {error:#}");
                self.memory.set_hindrances(step, vec![(Status::Waiting, why)]);
                Ok(())
            }
            result => result,
        }
    }

    /// The same for a step whose hindrance is its error.
    fn try_step(
        &mut self,
        step: &'static str,
        take: impl FnOnce(&mut Self) -> Result<(), Hindrance>,
    ) {
        let hindrance = take(self).err();
        if let Some((_, why)) = &hindrance {
            warn!("{why}");
        }
        self.memory.set_hindrances(step, hindrance.into_iter().collect());
    }

    /// Sets the status if it is another, and writes the memory if it changed.
    fn finish(mut self, is_leader: bool, say_again: bool) -> anyhow::Result<()> {
        let (name, message) = if is_leader {
            status::decide(&self.unit.name, &self.options, &self.problems, &self.memory)
        } else {
            self.memory.forget_hindrances();
            status::standing_by()
        };
        let is_new = say_again || !self.memory.says(name, &message);
        // Of a unit that goes and is blocked Juju takes away relations before their hooks.
        if is_new && name == Status::Blocked && !self.memory.is_going() {
            let fate = Fate::of(self.unit);
            if fate.is_going() {
                return removal::leave(self.unit, &mut self.memory, fate);
            }
        }
        if is_new && !self.memory.is_going() {
            match juju_status::set(name, &message) {
                Ok(()) => self.memory.said(name, &message),
                Err(error) if error.is_absence() => warn!("the status could not be set: {error}"),
                Err(error) => return Err(error.into()),
            }
        }
        match self.memory.write() {
            Err(error) if is_absence(&error) => {
                warn!("{error:#}");
                Ok(())
            }
            result => result,
        }
    }
}

/// Steps of a hook, by which what hinders them is remembered.
const ROTATION: &str = "rotation";
const CERTIFICATES: &str = "gateway-certificates";
const TLS_SECRET: &str = "tls-secret";
const LOGIN_TRUST: &str = "login-trust";
const OBSERVING: &str = "observing";

/// How far each credential of the plan is.
fn credentials(plan: &Plan, ledger: &Ledger) -> BTreeMap<String, CredentialState> {
    let of = |(credential, target): (&Credential, &Target)| {
        let entry = ledger.0.get(credential).cloned().unwrap_or_default();
        let due = entry.rotated.and_then(|at| at.checked_add(target.every).ok());
        let state = CredentialState {
            rotated: entry.rotated,
            due,
            is_open: entry.stage != Stage::Settled,
            failed: entry.failure.is_some(),
        };
        (credential.to_string(), state)
    };
    plan.targets.iter().map(of).collect()
}

/// Whether a container has started, with nothing of what it was told before.
fn is_ready(event: &Event) -> bool {
    matches!(event, Event::Workload { what: WorkloadEvent::Ready, .. })
}

/// Whether much may be other than it was: what is remembered is looked at again.
fn is_new(event: &Event) -> bool {
    matches!(
        event,
        Event::Lifecycle(Lifecycle::UpgradeCharm | Lifecycle::LeaderElected | Lifecycle::Start)
    )
}

/// Makes the unit what it should be, whatever happened before.
fn reconcile(unit: &Unit, event: &Event) -> anyhow::Result<()> {
    let mut charm = Charm::read(unit)?;
    if let Some(fate) = charm.memory.fate().filter(|fate| fate.is_going()) {
        return removal::leave(unit, &mut charm.memory, fate);
    }
    if removal::may_be_of_removal(event) {
        let fate = Fate::of(unit);
        if fate.is_going() {
            return removal::leave(unit, &mut charm.memory, fate);
        }
    }
    let is_leader = is_leader()?;
    if charm.memory.is_other_version() {
        match version::set(crate::VERSION) {
            Ok(()) => charm.memory.set_version(),
            Err(error) if error.is_absence() => warn!("{error}"),
            Err(error) => return Err(error.into()),
        }
    }
    let is_due = charm.memory.is_audit_due(&charm.options, crate::now());
    let mut is_audited = false;
    let is_new_to_agent = charm.has_to_learn(event, is_leader);
    if is_leader && (is_due || is_new_to_agent || charm.has_drifted(event)) {
        // What keeps the cluster from being read is in the memory, and so in the status.
        charm.step("audit", |charm| {
            if let Ok(report) = charm.audit(Duty::Keep)? {
                info!("audited: {}", report.status_line());
                is_audited = true;
            }
            charm.memory.set_hindrances("audit", Vec::new());
            Ok(())
        })?;
    }
    if is_leader {
        charm.step(ROTATION, |charm| charm.rotate(event))?;
    }
    charm.step(CERTIFICATES, |charm| charm.certify(event, is_leader))?;
    if is_leader {
        charm.try_step(TLS_SECRET, |charm| charm.hand_down(is_audited));
        // What was not looked at in this hook is as it was.
        if charm.trusted.is_some() || charm.options.juju_credentials.is_none() {
            charm.try_step(LOGIN_TRUST, |charm| charm.trust_at_login(is_audited));
        }
    }
    charm.step(OBSERVING, |charm| charm.observe(event, is_leader))?;
    charm.tell_agent(event, is_leader);
    // Juju itself sets a status when a unit starts.
    let say_again = matches!(
        event,
        Event::Lifecycle(Lifecycle::Start | Lifecycle::UpgradeCharm | Lifecycle::Install)
    );
    charm.finish(is_leader, say_again)
}

/// Whether this unit leads. One that Juju no longer knows does not.
fn is_leader() -> anyhow::Result<bool> {
    match leader::is_leader() {
        Err(error) if error.is_absence() => {
            warn!("{error}");
            Ok(false)
        }
        result => Ok(result?),
    }
}
