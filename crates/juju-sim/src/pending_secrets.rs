//! What a hook has done to secrets but Juju has not committed yet.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::commit_error::CommitError;
use crate::model::{Juju, Model};
use crate::secret::{Content, Grant, Owner, Rotate, Secret};

/// A change of a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// New content.
    pub content: Option<Content>,
    /// New label.
    pub label: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// New rotation policy.
    pub rotate: Option<Rotate>,
    /// New time of expiry.
    pub expires: Option<Timestamp>,
}

impl Update {
    /// Puts a later change over this one.
    pub fn merge(&mut self, later: Self) {
        self.content = later.content.or(self.content.take());
        self.label = later.label.or(self.label.take());
        self.description = later.description.or(self.description.take());
        self.rotate = later.rotate.or(self.rotate);
        self.expires = later.expires.or(self.expires);
    }

    /// Puts it into a secret, but for content.
    pub fn describe(self, secret: &mut Secret, now: Timestamp) {
        if let Some(label) = self.label {
            secret.label = label;
        }
        if let Some(description) = self.description {
            secret.description = description;
        }
        if let Some(policy) = self.rotate {
            secret.rotate = Some(policy);
            secret.rotates = policy.after(now);
        }
        if let Some(expires) = self.expires {
            secret.expires = Some(expires);
        }
    }
}

/// Whose leave to read ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoke {
    /// Grants of this relation.
    pub relation: Option<u32>,
    /// Grants to this application or unit.
    pub from: Option<String>,
}

/// What a hook has done to secrets.
#[derive(Clone, Debug, Default)]
pub struct PendingSecrets {
    /// New ones, in order.
    pub creates: Vec<Secret>,
    /// Changes by id.
    pub updates: BTreeMap<String, Update>,
    /// What is to be removed by id: these revisions, or all if there are none.
    pub removes: BTreeMap<String, BTreeSet<u32>>,
    /// Grants by id and relation; of two the later counts.
    pub grants: BTreeMap<(String, u32), String>,
    /// Revokes by id.
    pub revokes: Vec<(String, Revoke)>,
    /// Secrets whose new content the unit is to go on with.
    pub refreshed: BTreeSet<String>,
}

impl PendingSecrets {
    /// A secret that this hook has made.
    pub fn created(&self, id: &str) -> Option<&Secret> {
        self.creates.iter().find(|s| s.id == id)
    }

    /// Forgets what the hook did to a secret before.
    pub fn forget(&mut self, id: &str) {
        self.creates.retain(|s| s.id != id);
        self.updates.remove(id);
        self.grants.retain(|(of, _), _| of != id);
    }

    /// Puts everything into the model, or says why not.
    pub fn apply_to(&self, model: &mut Model) -> Result<(), CommitError> {
        let (unit, leader, now) = (model.unit.clone(), model.leader, model.now);
        // A secret that does not exist is passed over without a word.
        let manage = |model: &Model, id: &str, doing: &'static str| match model.secret(id) {
            None => Ok(false),
            Some(secret) if secret.is_managed_by(&unit, leader) => Ok(true),
            Some(_) => Err(CommitError::NotManaged { doing, unit: unit.clone() }),
        };
        for secret in &self.creates {
            self.create(secret, model)?;
        }
        for (id, update) in &self.updates {
            if !manage(model, id, "updating secrets")? {
                continue;
            }
            let secret = find(model, id);
            if let Some(content) = &update.content {
                secret.revise(content.clone(), now);
            }
            update.clone().describe(secret, now);
            let latest = secret.latest();
            if self.refreshed.contains(id) {
                secret.consumers.entry(unit.clone()).or_default().revision = latest;
            }
        }
        for (id, revisions) in &self.removes {
            if !manage(model, id, "removing secrets")? {
                continue;
            }
            let secret = find(model, id);
            secret.revisions.retain(|number, _| !revisions.contains(number));
            secret.removed |= revisions.is_empty() || secret.revisions.is_empty();
        }
        self.grant(model)?;
        for (id, revoke) in &self.revokes {
            if !manage(model, id, "revoking secrets access")? {
                continue;
            }
            let ends = |g: &Grant| {
                revoke.relation.is_none_or(|r| g.relation == Some(r))
                    && revoke.from.as_ref().is_none_or(|from| g.to == *from)
            };
            find(model, id).grants.retain(|g| !ends(g));
        }
        Ok(())
    }

    fn grant(&self, model: &mut Model) -> Result<(), CommitError> {
        for ((id, relation), to) in &self.grants {
            let juju = model.juju;
            let other =
                model.relation(*relation).map(|relation| relation.remote_application.clone());
            let secret = find(model, id);
            let is_scoped = secret
                .grants
                .iter()
                .any(|grant| grant.to == *to && grant.relation.is_some_and(|r| r != *relation));
            if juju == Juju::V4_0 && is_scoped {
                return Err(CommitError::GrantScope {
                    application: other.unwrap_or_default(),
                    secret: id.clone(),
                });
            }
            if !secret.is_granted_to(to) {
                secret.grants.push(Grant { relation: Some(*relation), to: to.clone() });
            }
        }
        Ok(())
    }

    fn create(&self, secret: &Secret, model: &mut Model) -> Result<(), CommitError> {
        let taken = |s: &Secret| {
            !secret.label.is_empty() && s.label == secret.label && s.owner.is_of(&model.unit)
        };
        if model.secrets.iter().any(taken) {
            return Err(CommitError::LabelTaken {
                of_application: matches!(secret.owner, Owner::Application(_)),
                id: secret.id.clone(),
                label: secret.label.clone(),
            });
        }
        let mut secret = secret.clone();
        secret.rotate.get_or_insert_default();
        model.secrets.push(secret);
        Ok(())
    }
}

/// A secret that is known to be there.
fn find<'a>(model: &'a mut Model, id: &str) -> &'a mut Secret {
    let found = model.secrets.iter_mut().find(|s| s.id == id);
    found.expect("the secret was found before")
}
