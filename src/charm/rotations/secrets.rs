//! The secrets with the rotated values: their content, and their rotation policy in Juju.

use jiff::SignedDuration;
use juju_charm::Unit;
use juju_charm::secret::{self, Attributes, Content, Rotate, Value, Which};
use juju_charm::tool::ToolError;
use juju_client::Password;

use super::{REST_WITHIN, Rotations};
use crate::rotation::backend::Applied;
use crate::rotation::{Credential, Target};

/// Old and new value of a secret's content.
const USERNAME: &str = "username";
pub(super) const PASSWORD: &str = "password";
pub(super) const NEXT: &str = "next-password";
const REGISTRATION: &str = "registration";

/// How the secret of a credential is.
pub(super) enum SecretContent {
    /// There is none.
    Missing,
    /// It has this content.
    Present(Content),
}

impl Rotations<'_> {
    pub(super) fn add_secret(
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
        self.hurry();
        Ok(())
    }

    pub(super) fn write_secret(&mut self, id: &str, content: &Content) -> anyhow::Result<()> {
        secret::set(id, content, &Attributes::default())?;
        self.hurry();
        Ok(())
    }

    /// Leaves other credentials little time, so that the hook ends while this unit leads.
    fn hurry(&mut self) {
        if let Ok(session) = &mut self.session {
            session.end_within(REST_WITHIN);
        }
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
    pub(super) fn secret_of(&mut self, credential: &Credential) -> anyhow::Result<String> {
        let entry = self.ledger.entry(credential);
        if entry.secret.is_empty() {
            let (id, _) = secret::info_by_label(&credential.label())?;
            entry.secret = format!("secret:{id}");
        }
        Ok(entry.secret.clone())
    }
}

/// The content when the new value holds: without the old one.
pub(super) fn publish(content: &mut Content, applied: &Applied, new: Option<&Password>) {
    content.clear();
    content.insert(USERNAME.into(), Value::new(applied.username.as_str()));
    match (&applied.registration, new) {
        (Some(token), _) => content.insert(REGISTRATION.into(), value(token)),
        (None, Some(new)) => content.insert(PASSWORD.into(), value(new)),
        (None, None) => None,
    };
}

pub(super) fn value(password: &Password) -> Value {
    Value::new(password.expose())
}

/// The newest content of an own secret, by its label.
pub(super) fn read(label: &str, which: Which) -> anyhow::Result<SecretContent> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_policy_changes_where_juju_supports_it() {
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
