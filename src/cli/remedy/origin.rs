//! The origin of remedies at the command line, with its consent.

use std::collections::BTreeSet;

use anyhow::bail;

use super::arguments::Remedies;
use super::outcome::show;
use super::saved::SavedPlan;
use crate::cli::confirm::confirm;
use crate::facts::Facts;
use crate::pipeline::{Origin, Ownership};
use crate::policy::Policy;
use crate::remedies::{Consent, Managed, Plan};

/// The administrator at the command line, who may be asked.
pub(super) struct AdminOrigin<'a> {
    pub(super) remedies: &'a Remedies,
    /// The plan of a file, which must still be the one to apply.
    pub(super) saved: Option<&'a SavedPlan>,
    pub(super) yes: bool,
}

impl Origin for AdminOrigin<'_> {
    fn ownership(&self) -> Ownership<'_> {
        Ownership::Ignore
    }

    fn is_attended(&self) -> bool {
        true
    }

    fn consent(&mut self, facts: &Facts, policy: &Policy, _: &Managed) -> anyhow::Result<Consent> {
        self.remedies.consent(facts, policy, &self.remedies.asked())
    }

    fn approve(&mut self, plan: &Plan) -> anyhow::Result<bool> {
        if self.saved.is_some_and(|saved| saved.changes != plan.data()) {
            bail!(
                "the cluster is not as it was when this was planned; plan again. Now it would be:\n{plan}"
            );
        }
        show(plan, self.remedies.left_out())?;
        Ok(!plan.changes.is_empty() && confirm("apply", self.yes)?)
    }
}

/// The administrator who undoes remedies, and has confirmed it.
pub(super) struct Undoing;

impl Origin for Undoing {
    fn ownership(&self) -> Ownership<'_> {
        Ownership::Ignore
    }

    fn is_attended(&self) -> bool {
        true
    }

    fn consent(&mut self, _: &Facts, _: &Policy, _: &Managed) -> anyhow::Result<Consent> {
        Ok(Consent::of_person(&BTreeSet::new()))
    }
}
