//! Runs rotations: reads the ledger, takes the next step of each credential, and writes the
//! ledger.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use juju_charm::Unit;
use juju_charm::pebble::Client as Pebble;
use juju_charm::relation::{Databag, Relation, Side};
use juju_charm::secret::{self, Attributes, Content, Rotate, Value, Which};
use juju_charm::tool::ToolError;
use juju_client::Password;
use log::{info, warn};

use super::controller::{ControllerSession, LoginProblem};
use super::issue::StatusIssue;
use super::peers;
use crate::agent::input::CredentialState;
use crate::rotation::backend::{self, Applied, Backends as _, Change, Holding, RotationError};
use crate::rotation::{
    Credential, Delivery, Entry, FIRST_USER, Ledger, Plan, Stage, Step, Target, password,
};

/// The key of the application's databag in the peer relation that has the ledger.
const KEY: &str = "rotation";
/// The notice by which a hook has the next one come at once.
const NOTICE: &str = "ckf-hardening.charm/rotation";
/// After so many tries what is published counts as settled, if the plan no longer names it.
const LAST: u32 = 5;
/// Old and new value of a secret's content.
const USERNAME: &str = "username";
const PASSWORD: &str = "password";
const NEXT: &str = "next-password";
const REGISTRATION: &str = "registration";

/// The rotations of the application; only its leader may touch them.
pub struct Rotations<'a> {
    plan: &'a Plan,
    peers: Relation,
    ledger: Ledger,
    before: Ledger,
    session: Result<ControllerSession, LoginProblem>,
    now: Timestamp,
}

/// The ledger of rotations, if it can be read.
pub enum Loaded<'a> {
    /// There is no peer relation, as in a unit that is being removed.
    NoPeers,
    /// What is written there is not understood, for this reason.
    Damaged(String),
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

/// How the secret of a credential is.
enum SecretContent {
    /// There is none.
    Missing,
    /// It has this content.
    Present(Content),
}

impl<'a> Rotations<'a> {
    /// Reads how far each is.
    pub fn read(unit: &Unit, plan: &'a Plan, option: Option<&str>) -> anyhow::Result<Loaded<'a>> {
        let Some(peers) = peers::relation()? else {
            return Ok(Loaded::NoPeers);
        };
        let ledger = match ledger(unit, &peers)? {
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
        };
        if rotations.has_work(&Requested::default()) {
            rotations.log_in(unit, option);
        }
        Ok(Loaded::Ready(Box::new(rotations)))
    }

    /// Reads what is needed to log in, as late as can be.
    pub fn log_in(&mut self, unit: &Unit, option: Option<&str>) {
        if matches!(self.session, Err(LoginProblem::NotSet)) {
            self.session = ControllerSession::read(unit, option);
        }
    }

    /// How far each is.
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

    /// Why what is to be done cannot be.
    fn problem(&self) -> Option<&LoginProblem> {
        let problem = self.login_problem();
        problem.filter(|_| self.has_work(&Requested::default()))
    }

    /// That there is no login, or the first rotation that failed.
    pub fn issue(&self) -> Option<StatusIssue> {
        if let Some(problem) = self.problem() {
            return Some(StatusIssue::blocked(problem.to_string()));
        }
        let work = self.candidates(&Requested::default());
        let mut failures = self.ledger.failures();
        let (credential, failure) = failures.find(|(credential, _)| work.contains(*credential))?;
        Some(StatusIssue::waiting(format!(
            "rotation of {credential}: {}; tried again after {}",
            failure.why, failure.again
        )))
    }

    fn has_work(&self, asked: &Requested) -> bool {
        let all = self.candidates(asked);
        all.iter().any(|credential| self.step(credential, asked) != Step::Rest)
    }

    /// All credentials that something may have to be done for.
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

    fn prepare(
        &mut self,
        credential: &Credential,
        delivery: Option<Delivery>,
    ) -> anyhow::Result<()> {
        let target = self.plan.targets.get(credential).copied();
        let forced = self.ledger.entry(credential).forced;
        if let Err(RotationError(why)) = self.check(credential, forced) {
            warn!("rotation of {credential}: {why}");
            let entry = self.ledger.entry(credential);
            if entry.stage == Stage::Settled {
                (entry.asked, entry.forced) = (false, false);
            }
            entry.failed(why, self.now, password::jitter());
            return Ok(());
        }
        if self.disable_if_idle(credential) {
            return Ok(());
        }
        let planned = target.map(|target| target.delivery);
        let delivery = delivery.or(planned).unwrap_or_default();
        if delivery == Delivery::Password && !credential.is_kept_by_owner() {
            let label = credential.label();
            match read(&label, Which::Peek)? {
                // It was prepared before, and the ledger does not know.
                SecretContent::Present(content) if content.contains_key(NEXT) => {}
                SecretContent::Present(mut content) => {
                    content.insert(NEXT.into(), value(&password::generate()));
                    let id = self.secret_of(credential)?;
                    secret::set(&id, &content, &Attributes::default())?;
                }
                SecretContent::Missing => {
                    let content = Content::from([(NEXT.into(), value(&password::generate()))]);
                    self.add_secret(credential, &content, target)?;
                }
            }
        }
        let entry = self.ledger.entry(credential);
        entry.stage = Stage::Prepared;
        entry.delivery = delivery;
        entry.failure = None;
        entry.disabled = None;
        Ok(())
    }

    /// Whether a new value could be set, as far as that can be seen before.
    pub fn check(&mut self, credential: &Credential, forced: bool) -> Result<(), RotationError> {
        match &mut self.session {
            Ok(session) => backend::check(credential, forced, session),
            Err(problem) => Err(RotationError(problem.to_string())),
        }
    }

    /// Disables a Juju user that did not log in for long, if the plan says so.
    fn disable_if_idle(&mut self, credential: &Credential) -> bool {
        let (Credential::JujuUser(name), Some(limit)) = (credential, self.plan.disable_idle) else {
            return false;
        };
        let now = self.now;
        let idle = |session: &mut ControllerSession| -> Result<bool, RotationError> {
            if name == session.user() {
                return Ok(false);
            }
            let controller = session.controller()?;
            let user = controller.user_info(name)?;
            // Who is everybody's last way in is not disabled by any path.
            if name == FIRST_USER || user.created_by == user.username {
                return Ok(false);
            }
            // One that never logged in is idle since it was made.
            let last = user.last_connection.or(user.date_created);
            let last: Option<Timestamp> = last.and_then(|time| time.parse().ok());
            let is_idle = last.is_some_and(|last| now.duration_since(last) >= limit);
            if is_idle {
                controller.disable_user(name)?;
            }
            Ok(is_idle)
        };
        let result = match &mut self.session {
            Ok(session) => idle(session),
            Err(_) => return false,
        };
        let entry = self.ledger.entry(credential);
        match result {
            Ok(true) => {
                warn!("{credential}: disabled after being idle too long");
                entry.settle();
                entry.disabled = Some(now);
                true
            }
            Ok(false) => false,
            Err(refusal) => {
                // The rotation fails for the same reason and is tried again.
                warn!("{credential}: its last login could not be read: {refusal}");
                false
            }
        }
    }

    fn apply(&mut self, credential: &Credential) -> anyhow::Result<()> {
        let entry = self.ledger.entry(credential).clone();
        let is_kept = credential.is_kept_by_owner();
        let mut is_new = false;
        let mut content = match is_kept {
            true => Content::new(),
            false => match read(&credential.label(), Which::Peek)? {
                SecretContent::Present(content) => content,
                SecretContent::Missing if entry.delivery == Delivery::Registration => {
                    is_new = true;
                    Content::new()
                }
                SecretContent::Missing => {
                    warn!("{credential}: its secret was removed; it is prepared anew");
                    let delivery = entry.delivery;
                    let entry = self.ledger.entry(credential);
                    (entry.stage, entry.secret) = (Stage::Settled, String::new());
                    return self.prepare(credential, Some(delivery));
                }
            },
        };
        let new = content.get(NEXT).map(|new| Password::new(new.expose()));
        if new.is_none() && !is_kept && entry.delivery == Delivery::Password {
            // It was published, and the ledger does not know.
            self.ledger.entry(credential).stage = Stage::Published;
            return Ok(());
        }
        let change = Change {
            delivery: entry.delivery,
            new: new.as_ref(),
            action: &entry.action,
            forced: entry.forced,
        };
        let Ok(session) = &mut self.session else {
            return Ok(());
        };
        let applied = match backend::apply(credential, &change, session) {
            Ok(applied) => applied,
            Err(RotationError(why)) => {
                warn!("rotation of {credential}: {why}");
                let entry = self.ledger.entry(credential);
                entry.action.clear();
                entry.failed(why, self.now, password::jitter());
                return Ok(());
            }
        };
        if let Some(action) = applied.pending_action {
            // It is asked after less and less often: a unit that is down may never run it.
            let why = format!("the action {action} has not ended; see juju show-operation");
            let entry = self.ledger.entry(credential);
            entry.action = action;
            entry.failed(why, self.now, password::jitter());
            return Ok(());
        }
        if !is_kept {
            publish(&mut content, &applied, new.as_ref());
            // The ledger may not know a secret that there is: Juju refuses another of its label.
            match is_new {
                true => {
                    let target = self.plan.targets.get(credential).copied();
                    self.add_secret(credential, &content, target)?;
                }
                false => {
                    let id = self.secret_of(credential)?;
                    secret::set(&id, &content, &Attributes::default())?;
                }
            }
        }
        let now = self.now;
        let entry = self.ledger.entry(credential);
        entry.rotated = Some(now);
        entry.failure = None;
        entry.action.clear();
        match is_kept {
            true => entry.settle(),
            false => entry.stage = Stage::Published,
        }
        Ok(())
    }

    fn settle(&mut self, credential: &Credential) -> anyhow::Result<()> {
        // Juju offers the old revision for removal when its owner too reads the new one.
        let content = match read(&credential.label(), Which::Refresh)? {
            SecretContent::Present(content) if content.contains_key(NEXT) => {
                let entry = self.ledger.entry(credential);
                (entry.stage, entry.failure) = (Stage::Prepared, None);
                return Ok(());
            }
            SecretContent::Present(content) => content,
            SecretContent::Missing => {
                self.ledger.entry(credential).settle();
                return Ok(());
            }
        };
        let attempts = self.ledger.entry(credential).attempts();
        let seen = self.see_through(credential, &content, attempts);
        let is_wanted = self.plan.targets.contains_key(credential);
        let (now, entry) = (self.now, self.ledger.entry(credential));
        match seen {
            Ok(()) => entry.settle(),
            Err(RotationError(why)) if !is_wanted && !entry.asked && attempts >= LAST => {
                warn!("rotation of {credential}: it is published and no longer named: {why}");
                entry.settle();
            }
            Err(RotationError(why)) => {
                info!("rotation of {credential}: {why}");
                entry.failed(why, now, password::jitter());
            }
        }
        Ok(())
    }

    /// Abandons a rotation that is under way, and returns what became of its new value. A value
    /// that may be in force is never dropped: after a crash, its only copy is the prepared one.
    pub fn abandon(&mut self, credential: &Credential) -> anyhow::Result<String> {
        let entry = self.ledger.entry(credential).clone();
        let mut became = "it is given up".to_owned();
        if entry.stage == Stage::Prepared && !credential.is_kept_by_owner() {
            let held = read(&credential.label(), Which::Peek)?;
            if let SecretContent::Present(mut content) = held
                && let Some(next) = content.get(NEXT)
            {
                let next = Password::new(next.expose());
                let holds = match &mut self.session {
                    Ok(session) => backend::holds(credential, &next, session),
                    Err(problem) => Err(RotationError(problem.to_string())),
                };
                let id = self.secret_of(credential)?;
                match holds {
                    Ok(Holding::Yes(username)) => {
                        let applied = Applied { username, ..Applied::default() };
                        publish(&mut content, &applied, Some(&next));
                        secret::set(&id, &content, &Attributes::default())?;
                        let (now, entry) = (self.now, self.ledger.entry(credential));
                        entry.rotated = Some(now);
                        became = format!("its new value holds already, and is in {id}");
                    }
                    Ok(Holding::No | Holding::Gone) => {
                        content.remove(NEXT);
                        // One that holds nothing else is left for another rotation to begin
                        // with: a label that was just freed may not be taken again at once.
                        if !content.is_empty() {
                            secret::set(&id, &content, &Attributes::default())?;
                        }
                        became = "what was prepared for it never held, and is not used".into();
                    }
                    Err(RotationError(why)) => {
                        became = format!(
                            "whether its new value holds is not known ({why}), so it stays in {id} \
                             as {NEXT}"
                        );
                    }
                }
            }
            if entry.delivery == Delivery::Registration {
                became = "if its user cannot log in, run rotate-credentials again for a new token"
                    .to_owned();
            }
        }
        let entry = self.ledger.entry(credential);
        entry.settle();
        if entry.rotated.is_none() && entry.disabled.is_none() {
            self.ledger.0.remove(credential);
        }
        Ok(became)
    }

    /// Waits until the consumers of the published value use it.
    fn see_through(
        &mut self,
        credential: &Credential,
        content: &Content,
        attempts: u32,
    ) -> Result<(), RotationError> {
        let published = content.get(PASSWORD).map(|held| Password::new(held.expose()));
        match (&mut self.session, published) {
            (Ok(session), Some(published)) => {
                backend::settle(credential, &published, attempts, session)
            }
            _ => Ok(()),
        }
    }

    fn add_secret(
        &mut self,
        credential: &Credential,
        content: &Content,
        target: Option<Target>,
    ) -> anyhow::Result<()> {
        let label = credential.label();
        let description = format!("{credential}, rotated by ckf-hardening");
        let attributes = Attributes {
            label: Some(&label),
            description: Some(&description),
            // Juju 3.6 before 3.6.12 cannot change it later, so it is set here only.
            rotate: target.and_then(|target| clock(target.every)),
            ..Attributes::default()
        };
        self.ledger.entry(credential).secret = secret::add(content, &attributes)?;
        Ok(())
    }

    /// Has Juju remind the charm by the plan as it is now, and no more of what the plan does
    /// not name: else the hook comes back every five minutes. Only a Juju that can change a
    /// secret's policy is asked to.
    pub fn remind(&self, unit: &Unit, credential: &Credential) -> anyhow::Result<()> {
        let entry = self.ledger.0.get(credential);
        let is_new = entry != self.before.0.get(credential);
        // A new revision moves the time by itself, and an older Juju refuses the commit.
        if is_new || !can_change_policy(&unit.juju_version) {
            return Ok(());
        }
        let target = self.plan.targets.get(credential);
        let wanted = target.and_then(|target| clock(target.every)).unwrap_or(Rotate::Never);
        let (id, info) = match secret::info_by_label(&credential.label()) {
            Err(ToolError::NotFound { .. }) => return Ok(()),
            known => known?,
        };
        if info.rotation == Some(wanted) {
            return Ok(());
        }
        let attributes = Attributes { rotate: Some(wanted), ..Attributes::default() };
        Ok(secret::set(&format!("secret:{id}"), &Content::new(), &attributes)?)
    }

    /// Id of the secret of a credential, which it has.
    fn secret_of(&mut self, credential: &Credential) -> anyhow::Result<String> {
        let entry = self.ledger.entry(credential);
        if entry.secret.is_empty() {
            let (id, _) = secret::info_by_label(&credential.label())?;
            entry.secret = format!("secret:{id}");
        }
        Ok(entry.secret.clone())
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
            let databag = Databag::from([(KEY.to_owned(), text)]);
            self.peers.set_application(&databag)?;
        }
        if goes_on && self.session.is_ok() {
            wake();
        }
        Ok(())
    }
}

/// The ledger, or what is wrong with it. One that is not understood is left as it is,
/// for forgetting it might lose a rotation that was begun.
fn ledger(unit: &Unit, peers: &Relation) -> anyhow::Result<Result<Ledger, String>> {
    let application = unit.name.split('/').next().unwrap_or(&unit.name);
    let databag = peers.get(Side::Application(application))?;
    let text = databag.get(KEY).map_or("", String::as_str);
    let explain = |error: serde_json::Error| {
        format!(
            "the ledger of rotations, key {KEY} of {}'s databag in the relation {}, is not \
             understood, and nothing is rotated: {error}; a newer version of the charm may have \
             written it",
            application,
            peers.id()
        )
    };
    Ok(Ledger::parse(text).map_err(explain))
}

/// How far each credential is, or why that is not known.
pub fn known(unit: &Unit) -> anyhow::Result<Result<Ledger, String>> {
    match peers::relation()? {
        Some(peers) => ledger(unit, &peers),
        None => Ok(Ok(Ledger::default())),
    }
}

/// When each credential was last rotated, or why that is not known.
pub fn rotated(unit: &Unit) -> anyhow::Result<Result<BTreeMap<String, Timestamp>, String>> {
    Ok(known(unit)?.map(|ledger| times(&ledger)))
}

/// When each credential was last rotated.
pub fn times(ledger: &Ledger) -> BTreeMap<String, Timestamp> {
    let entries = ledger.0.iter();
    entries
        .filter_map(|(credential, entry)| Some((credential.to_string(), entry.rotated?)))
        .collect()
}

/// State of each credential in the plan.
pub fn credentials(plan: &Plan, ledger: &Ledger) -> BTreeMap<String, CredentialState> {
    let state = |(credential, target): (&Credential, &Target)| {
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
    plan.targets.iter().map(state).collect()
}

/// The content when the new value holds: without the old one.
fn publish(content: &mut Content, applied: &Applied, new: Option<&Password>) {
    content.clear();
    content.insert(USERNAME.into(), Value::new(applied.username.as_str()));
    match (&applied.registration, new) {
        (Some(token), _) => content.insert(REGISTRATION.into(), value(token)),
        (None, Some(new)) => content.insert(PASSWORD.into(), value(new)),
        (None, None) => None,
    };
}

fn value(password: &Password) -> Value {
    Value::new(password.expose())
}

/// The newest content of an own secret, by its label.
fn read(label: &str, which: Which) -> anyhow::Result<SecretContent> {
    // A removed secret can still be read for a while; only its owner learns of the removal.
    match secret::info_by_label(label) {
        Ok(_) => Ok(SecretContent::Present(secret::get_by_label(label, which)?)),
        Err(ToolError::NotFound { .. }) => Ok(SecretContent::Missing),
        Err(error) => Err(error.into()),
    }
}

/// Whether this Juju changes how often a secret is rotated: 3.6 before 3.6.12 fails when the
/// hook ends.
fn can_change_policy(version: &str) -> bool {
    let number = |part: &str| {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().unwrap_or_default()
    };
    let mut parts = version.split(['.', '-']).map(number);
    let mut next = || parts.next().unwrap_or_default();
    (next(), next(), next()) >= (3, 6, 12)
}

/// Juju's own clock for a time: the shortest of its periods that is not shorter, its
/// months taken as long. It reminds the charm should no other hook come.
fn clock(every: SignedDuration) -> Option<Rotate> {
    let hours = every.as_hours();
    [
        (1, Rotate::Hourly),
        (24, Rotate::Daily),
        (7 * 24, Rotate::Weekly),
        (31 * 24, Rotate::Monthly),
        (92 * 24, Rotate::Quarterly),
        (366 * 24, Rotate::Yearly),
    ]
    .into_iter()
    .find(|(period, _)| hours <= *period)
    .map(|(_, clock)| clock)
}

/// Has Juju fire the next hook when this one is over: a notice of the workload's
/// Pebble does so. Without it the rotation goes on with the next hook there is.
fn wake() {
    let pebble = Pebble::of_container("hardening");
    if let Err(error) = pebble.notify(NOTICE, &serde_json::Map::new(), None) {
        log::debug!("no notice to go on at once: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_changed_only_where_juju_can() {
        for (version, can) in [
            ("3.6.9", false),
            ("3.6.11", false),
            ("3.6.12", true),
            ("3.6.12.1", true),
            ("3.6-beta2", false),
            ("4.0.15", true),
            ("", false),
        ] {
            assert_eq!(can_change_policy(version), can, "{version}");
        }
    }
}
