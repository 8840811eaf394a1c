//! The steps of a rotation: prepare a new value, apply it at its owner, settle it once its
//! consumers use it, or abandon it.

use juju_charm::secret::{Content, Which};
use juju_client::Password;
use log::{info, warn};

use super::Rotations;
use super::secrets::{NEXT, PASSWORD, SecretContent, publish, read, value};
use crate::rotation::backend::{self, Applied, Change, Holding, RotationError};
use crate::rotation::{Credential, Delivery, Stage, password};

/// After so many tries what is published counts as settled, if the plan no longer names it.
const LAST: u32 = 5;

impl Rotations<'_> {
    pub(super) fn prepare(
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
                    self.write_secret(&id, &content)?;
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

    pub(super) fn apply(&mut self, credential: &Credential) -> anyhow::Result<()> {
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
                    warn!("{credential}: its secret was removed; it is prepared again");
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
        let applied = backend::apply(credential, &change, session);
        let Some(applied) = self.note_applied(credential, applied) else {
            return Ok(());
        };
        if !is_kept {
            publish(&mut content, &applied, new.as_ref());
            self.store(credential, &content, is_new)?;
        }
        let entry = self.ledger.entry(credential);
        (entry.rotated, entry.failure) = (Some(self.now), None);
        entry.action.clear();
        match is_kept {
            true => entry.settle(),
            false => entry.stage = Stage::Published,
        }
        Ok(())
    }

    /// Records a value that was not applied, or not yet; `None` for these.
    fn note_applied(
        &mut self,
        credential: &Credential,
        applied: Result<Applied, RotationError>,
    ) -> Option<Applied> {
        let (action, why) = match applied {
            Err(RotationError(why)) => {
                warn!("rotation of {credential}: {why}");
                (String::new(), why)
            }
            Ok(Applied { pending_action: Some(action), .. }) => {
                // It is polled less and less often: a unit that is down may never run it.
                let why = format!("the action {action} has not ended; see juju show-operation");
                (action, why)
            }
            Ok(applied) => return Some(applied),
        };
        let entry = self.ledger.entry(credential);
        entry.action = action;
        entry.failed(why, self.now, password::jitter());
        None
    }

    /// Writes the content of a credential's secret. The ledger may lack the id of a secret that
    /// exists, and Juju refuses another one with its label.
    fn store(
        &mut self,
        credential: &Credential,
        content: &Content,
        is_new: bool,
    ) -> anyhow::Result<()> {
        if is_new {
            let target = self.plan.targets.get(credential).copied();
            return self.add_secret(credential, content, target);
        }
        let id = self.secret_of(credential)?;
        self.write_secret(&id, content)
    }

    pub(super) fn settle(&mut self, credential: &Credential) -> anyhow::Result<()> {
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
                        self.write_secret(&id, &content)?;
                        let (now, entry) = (self.now, self.ledger.entry(credential));
                        entry.rotated = Some(now);
                        became = format!("its new value holds already, and is in {id}");
                    }
                    Ok(Holding::No | Holding::Gone) => {
                        content.remove(NEXT);
                        // One that holds nothing else is left for another rotation to begin
                        // with: a label that was just freed may not be taken again at once.
                        if !content.is_empty() {
                            self.write_secret(&id, &content)?;
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
}
