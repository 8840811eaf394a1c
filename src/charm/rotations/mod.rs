//! Runs rotations: reads the ledger, takes the next step of each credential, and writes the
//! ledger.

mod idle;
mod ledger;
mod problem;
mod secrets;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp;
use juju_charm::pebble::Client as Pebble;
use juju_charm::relation::{Databag, Relation};
use juju_charm::tool::present;
use juju_charm::{Unit, leader};
use log::{info, warn};

pub use self::ledger::{LedgerError, credentials, known, rotated, times};
pub use self::problem::RotationProblem;
use super::controller::{ControllerSession, LoginProblem};
use super::peers;
use crate::rotation::backend::{self, RotationError};
use crate::rotation::{Credential, Delivery, Entry, Ledger, Plan, Stage, Step};

/// The notice by which a hook has the next one come at once.
const NOTICE: &str = "ckf-hardening.charm/rotation";
/// How long leadership is relied on. Juju guarantees it for 30 seconds, and what is written must be
/// committed within them: a secret that this unit may not write any more keeps its agent busy for
/// four minutes.
const LEADS_FOR: Duration = Duration::from_secs(10);
/// Longest time for other credentials once a secret is written.
const REST_WITHIN: Duration = Duration::from_secs(15);

/// The rotations of the application; only its leader may touch them.
pub struct Rotations<'a> {
    plan: &'a Plan,
    peers: Relation,
    ledger: Ledger,
    before: Ledger,
    session: Result<ControllerSession, LoginProblem>,
    now: Timestamp,
    /// When Juju last said that this unit leads.
    led_at: Option<Instant>,
}

/// The ledger of rotations, if it can be read.
pub enum Loaded<'a> {
    /// There is no peer relation, as in a unit that is being removed.
    NoPeers,
    /// The ledger is malformed.
    Damaged(LedgerError),
    /// It was read.
    Ready(Box<Rotations<'a>>),
}

/// Rotations that an action requests beside the plan.
#[derive(Debug, Default)]
pub struct Requested {
    /// The credentials, each with how it is to be delivered, if that is said.
    pub credentials: BTreeMap<Credential, Option<Delivery>>,
    /// Whether the controller's first user may be among them.
    pub force: bool,
}

impl<'a> Rotations<'a> {
    /// Reads the ledger.
    pub fn read(unit: &Unit, plan: &'a Plan, option: Option<&str>) -> anyhow::Result<Loaded<'a>> {
        let Some(peers) = peers::relation()? else {
            return Ok(Loaded::NoPeers);
        };
        let ledger = match ledger::read(unit, &peers)? {
            Ok(ledger) => ledger,
            Err(why) => return Ok(Loaded::Damaged(why)),
        };
        let mut rotations = Self {
            plan,
            peers,
            before: ledger.clone(),
            ledger,
            session: Err(LoginProblem::NotSet),
            now: crate::now(),
            led_at: None,
        };
        if rotations.has_work(&Requested::default()) {
            rotations.log_in(unit, option);
        }
        Ok(Loaded::Ready(Box::new(rotations)))
    }

    /// Reads the login to the controller, as late as possible.
    pub fn log_in(&mut self, unit: &Unit, option: Option<&str>) {
        if matches!(self.session, Err(LoginProblem::NotSet)) {
            self.session = ControllerSession::read(unit, option);
        }
    }

    /// State of each rotation.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Whether the plan names a credential.
    pub fn is_planned(&self, credential: &Credential) -> bool {
        self.plan.targets.contains_key(credential)
    }

    /// Why there is no login.
    pub fn login_problem(&self) -> Option<&LoginProblem> {
        self.session.as_ref().err()
    }

    /// The login that work needs and that is missing, or the first rotation that failed.
    pub fn problem(&self) -> Option<RotationProblem> {
        let login = self.login_problem();
        if let Some(problem) = login.filter(|_| self.has_work(&Requested::default())) {
            return Some(RotationProblem::Login(problem.clone()));
        }
        let work = self.candidates(&Requested::default());
        let mut failures = self.ledger.failures();
        let (credential, failure) = failures.find(|(credential, _)| work.contains(*credential))?;
        Some(RotationProblem::Failed {
            credential: credential.clone(),
            why: failure.why.clone(),
            again: failure.again,
        })
    }

    fn has_work(&self, asked: &Requested) -> bool {
        let all = self.candidates(asked);
        all.iter().any(|credential| self.step(credential, asked) != Step::Rest)
    }

    /// All credentials that may be due or under way.
    fn candidates(&self, asked: &Requested) -> BTreeSet<Credential> {
        let planned = self.plan.targets.keys();
        let all = planned.chain(self.ledger.unsettled()).chain(asked.credentials.keys());
        all.cloned().collect()
    }

    fn step(&self, credential: &Credential, asked: &Requested) -> Step {
        let none = Entry::default();
        let entry = self.ledger.0.get(credential).unwrap_or(&none);
        let is_asked = asked.credentials.contains_key(credential);
        // A disabled user stays disabled until a rotation is requested.
        if entry.disabled.is_some() && !is_asked && entry.stage == Stage::Settled {
            return Step::Rest;
        }
        let every = self.plan.targets.get(credential).map(|target| target.every);
        entry.step(every, is_asked, self.now)
    }

    /// Takes the next step of each credential. What an owner refuses is written down
    /// and tried again later; only Juju's own tools make this fail.
    pub fn advance(&mut self, asked: &Requested) -> anyhow::Result<()> {
        let work = self.candidates(asked);
        // What could not even be begun, and is no longer wanted.
        for (credential, entry) in &mut self.ledger.0 {
            if !work.contains(credential) {
                entry.failure = None;
            }
        }
        for credential in work {
            let step = self.step(&credential, asked);
            if asked.credentials.contains_key(&credential) && self.session.is_ok() {
                let entry = self.ledger.entry(&credential);
                entry.asked = true;
                entry.forced |= asked.force;
            }
            match step {
                Step::Rest | Step::Wait(_) => continue,
                // What is given up needs no login, though with one it is known what holds.
                Step::Abandon => {
                    let became = self.abandon(&credential)?;
                    info!(
                        "rotation of {credential}: no longer named by the option rotate; {became}"
                    );
                    continue;
                }
                // Without a login nothing is begun; what was begun stays as it is.
                _ if self.session.is_err() => continue,
                // The next leader goes on.
                _ if !self.leads()? => break,
                Step::Prepare => {
                    let delivery = asked.credentials.get(&credential).copied().flatten();
                    self.prepare(&credential, delivery)?;
                }
                Step::Apply => self.apply(&credential)?,
                Step::Settle => self.settle(&credential)?,
            }
            let stage = self.ledger.entry(&credential).stage;
            info!("rotation of {credential}: {}", stage.name());
        }
        Ok(())
    }

    /// Whether this unit still leads.
    fn leads(&mut self) -> anyhow::Result<bool> {
        if self.led_at.is_some_and(|then| then.elapsed() < LEADS_FOR) {
            return Ok(true);
        }
        let leads = present(leader::is_leader())?.unwrap_or_default();
        self.led_at = leads.then(Instant::now);
        Ok(leads)
    }

    /// Whether a new value could be set, as far as that can be seen before.
    pub fn check(&mut self, credential: &Credential, forced: bool) -> Result<(), RotationError> {
        match &mut self.session {
            Ok(session) => backend::check(credential, forced, session),
            Err(problem) => Err(RotationError(problem.to_string())),
        }
    }

    /// Writes down how far each came before an error. Secrets that were written before it are
    /// committed if the hook or action ends well all the same, and the ledger has to know them.
    pub fn end_early(self, error: anyhow::Error) -> anyhow::Error {
        if let Err(unwritten) = self.write() {
            warn!("the ledger of rotations could not be written: {unwritten:#}");
        }
        error
    }

    /// Writes down how far each came, and has the next hook come at once if it can
    /// go on.
    pub fn write(self) -> anyhow::Result<()> {
        let goes_on = self
            .ledger
            .0
            .values()
            .any(|entry| entry.failure.is_none() && entry.stage != Stage::Settled);
        if self.ledger != self.before {
            let text = serde_json::to_string(&self.ledger).context("the ledger as JSON")?;
            let databag = Databag::from([(ledger::KEY.to_owned(), text)]);
            self.peers.set_application(&databag)?;
        }
        if goes_on && self.session.is_ok() {
            wake();
        }
        Ok(())
    }
}

/// Has Juju fire the next hook when this one is over: a notice of the workload's
/// Pebble does so. Without it the rotation goes on with the next hook there is.
fn wake() {
    let pebble = Pebble::of_container("hardening");
    if let Err(error) = pebble.notify(NOTICE, &serde_json::Map::new(), None) {
        log::debug!("no notice to go on at once: {error}");
    }
}
