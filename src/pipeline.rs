//! From facts to effects: what remedies change is planned, agreed to and applied here, for the
//! charm's option, its actions, the agent and the command line alike.
//!
//! They differ in who asks, which is an [`Origin`]: whether another application that enforces on
//! the platform matters, what was consented to, and how often an object may be changed.

use std::collections::BTreeSet;

use crate::effects::{ApplyError, Cluster, Executor, Hold, Holder};
use crate::facts::Facts;
use crate::facts::known::Unknown;
use crate::facts::watch::FactStore;
use crate::policy::Policy;
use crate::remedies::{self, Change, Consent, Managed, Plan, Remedy};

/// Facts that may be shared with threads that change them.
pub trait FactSource {
    /// Reads them; no write goes out meanwhile.
    fn with<T>(&self, read: impl FnOnce(&Facts) -> T) -> T;
}

impl FactSource for Facts {
    fn with<T>(&self, read: impl FnOnce(&Facts) -> T) -> T {
        read(self)
    }
}

impl FactSource for FactStore {
    fn with<T>(&self, read: impl FnOnce(&Facts) -> T) -> T {
        FactStore::with(self, read)
    }
}

/// What another application that enforces on the same platform means to an origin.
#[derive(Clone, Copy, Debug)]
pub enum Ownership<'a> {
    /// This application takes the platform, unless another one has it.
    Claim(&'a Holder),
    /// Nothing changes while an application other than this one has it.
    Respect(Option<&'a Holder>),
    /// It does not matter: an administrator decides.
    Ignore,
}

/// Origin of changes, with its terms.
pub trait Origin {
    /// How other applications are regarded.
    fn ownership(&self) -> Ownership<'_>;

    /// Whether a person asked and sees the result. Without one, only the gateway's TLS is
    /// changed while it is unknown which application enforces on the platform.
    fn is_attended(&self) -> bool;

    /// The consent that the changes are planned with.
    fn consent(
        &mut self,
        facts: &Facts,
        policy: &Policy,
        managed: &Managed,
    ) -> anyhow::Result<Consent>;

    /// Whether the plan is to be applied.
    fn approve(&mut self, _plan: &Plan) -> anyhow::Result<bool> {
        Ok(true)
    }

    /// Applies a change of the plan; `false` if it is not applied now.
    fn apply(&mut self, change: &Change, executor: &mut Executor<'_>) -> Result<bool, ApplyError> {
        executor.apply(change).map(|()| true)
    }
}

/// Why nothing was planned, or nothing of the plan applied.
#[derive(Debug, thiserror::Error)]
pub enum EnforceError {
    /// The cluster's managed objects, or its holder, could not be read or written.
    #[error(transparent)]
    Cluster(#[from] Unknown),
    /// Another application enforces on the platform.
    #[error("{0}")]
    HeldByOther(String),
    /// The origin's own reason.
    #[error(transparent)]
    Origin(anyhow::Error),
}

/// Outcome of enforcing remedies.
#[derive(Debug, Default)]
pub struct EnforceOutcome {
    /// The plan, without changes that are not permitted.
    pub plan: Plan,
    /// Why only changes of the gateway's TLS are in the plan, if so.
    pub holder_unknown: Option<Unknown>,
    /// Whether the origin approved of the plan.
    pub is_approved: bool,
    /// Why the changes were not tried.
    pub refusal: Option<EnforceError>,
    /// Changes that failed, in the plan's order.
    pub failures: Vec<ApplyError>,
}

impl EnforceOutcome {
    /// Takes why not every change of the plan was applied, if so.
    pub fn take_failure(&mut self) -> Option<ApplyFailure> {
        match (self.refusal.take(), self.failures.is_empty()) {
            (Some(why), _) => Some(ApplyFailure::Refused(why)),
            (None, true) => None,
            (None, false) => Some(ApplyFailure::Changes(std::mem::take(&mut self.failures))),
        }
    }
}

/// Why not every change of a plan was applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyFailure {
    /// None was tried.
    #[error(transparent)]
    Refused(#[from] EnforceError),
    /// These failed.
    #[error("{}", self.reasons().join("; "))]
    Changes(Vec<ApplyError>),
}

impl ApplyFailure {
    /// The reasons, one for each change that failed.
    pub fn reasons(&self) -> Vec<String> {
        match self {
            Self::Refused(why) => vec![why.to_string()],
            Self::Changes(failures) => failures.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Plans the changes that make remedies hold. Nothing is written.
pub fn plan(
    facts: &impl FactSource,
    policy: &Policy,
    remedies: &BTreeSet<Remedy>,
    origin: &mut impl Origin,
    cluster: &Cluster,
) -> Result<Plan, EnforceError> {
    let namespace = facts.with(|facts| facts.about.namespace.clone());
    let managed = cluster.managed_objects(&namespace)?;
    facts.with(|facts| {
        let consent = origin.consent(facts, policy, &managed).map_err(EnforceError::Origin)?;
        Ok(remedies::plan(facts, policy, &managed, remedies, &consent))
    })
}

/// Makes remedies hold, as far as the origin consents and the platform is its own.
pub fn enforce(
    facts: &impl FactSource,
    policy: &Policy,
    remedies: &BTreeSet<Remedy>,
    origin: &mut impl Origin,
    executor: &mut Executor<'_>,
) -> Result<EnforceOutcome, EnforceError> {
    let namespace = facts.with(|facts| facts.about.namespace.clone());
    let hold = match origin.ownership() {
        Ownership::Claim(own) => executor.cluster.claim(&namespace, own)?,
        Ownership::Respect(own) => executor.cluster.hold(&namespace, own),
        Ownership::Ignore => Hold::Free,
    };
    // A person still gets to see the plan.
    if !origin.is_attended()
        && let Some(why) = hold.other()
    {
        return Err(EnforceError::HeldByOther(why));
    }
    let mut plan = plan(facts, policy, remedies, origin, executor.cluster)?;
    let holder_unknown = match hold {
        Hold::Unknown(why) if !origin.is_attended() => {
            plan.changes.retain(|change| change.remedy.about().is_of_tls());
            Some(why)
        }
        _ => None,
    };
    if !origin.approve(&plan).map_err(EnforceError::Origin)? {
        return Ok(EnforceOutcome { plan, holder_unknown, ..EnforceOutcome::default() });
    }
    let outcome = apply(plan, &namespace, origin, executor);
    Ok(EnforceOutcome { holder_unknown, ..outcome })
}

/// Applies a plan to a platform: every change that can be, whatever became of the others.
pub fn apply(
    plan: Plan,
    platform: &str,
    origin: &mut impl Origin,
    executor: &mut Executor<'_>,
) -> EnforceOutcome {
    let mut outcome = EnforceOutcome { is_approved: true, ..EnforceOutcome::default() };
    let own = match origin.ownership() {
        Ownership::Claim(own) => Some(Some(own)),
        Ownership::Respect(own) => Some(own),
        Ownership::Ignore => None,
    };
    let other = own.and_then(|own| executor.cluster.hold(platform, own).other());
    match other {
        Some(why) => outcome.refusal = Some(EnforceError::HeldByOther(why)),
        None => {
            for change in &plan.changes {
                match origin.apply(change, executor) {
                    Ok(_) => {}
                    Err(ApplyError::ShuttingDown) => {
                        outcome.failures.push(ApplyError::ShuttingDown);
                        break;
                    }
                    Err(why) => outcome.failures.push(why),
                }
            }
        }
    }
    outcome.plan = plan;
    outcome
}
