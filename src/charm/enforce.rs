//! Enforces the remedies of the option `enforce`, and removes them again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use juju_charm::tool::ToolError;
use juju_charm::{Unit, config};
use log::{info, warn};

use super::issue::first_reasons;
use super::origin::{CharmOrigin, LoginModel, holder};
use crate::config::Options;
use crate::effects::{Cluster, Executor};
use crate::facts::Facts;
use crate::facts::known::Unknown;
use crate::facts::kubernetes::{ReadError, Source};
use crate::pipeline::{self, ApplyFailure, EnforceError, EnforceOutcome};
use crate::remedies::{self, Consent, Plan, Remedy};

/// How long enforcing may take in one hook.
const DEADLINE: Duration = Duration::from_secs(60);

/// Reasons why the charm could not enforce remedies, or delete managed objects.
#[derive(Debug, thiserror::Error)]
pub enum EnforceFailure {
    /// The API server could not be reached.
    #[error(transparent)]
    Connect(#[from] ReadError),
    /// The cluster could not be read.
    #[error(transparent)]
    Cluster(#[from] Unknown),
    /// The remedies could not be planned.
    #[error(transparent)]
    Plan(#[from] EnforceError),
    /// The options could not be read.
    #[error(transparent)]
    Options(#[from] ToolError),
    /// Not every change was applied.
    #[error("{}", first_reasons(&.0.reasons()))]
    Changes(#[from] ApplyFailure),
}

/// Reasons why the option `enforce` is not fully applied.
#[derive(Debug, thiserror::Error)]
pub enum NotEnforced {
    /// Nothing was tried.
    #[error(transparent)]
    Failed(#[from] EnforceFailure),
    /// A part of it, each with the reason.
    #[error("{}", joined(.0))]
    Partly(Vec<Obstacle>),
    /// The agent of this pod, by its own words, could not apply everything.
    #[error("{0}")]
    ByAgent(String),
}

/// Reasons why a part of the option `enforce` is not applied.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    /// Not every change was applied.
    #[error("{}", first_reasons(&.0.reasons()))]
    Changes(#[from] ApplyFailure),
    /// Remedies beside those of TLS wait until the holder of the platform can be read.
    #[error(
        "{} are not enforced while it is unknown which application enforces here: {why}",
        comma_separated(remedies)
    )]
    HolderUnknown {
        /// The remedies.
        remedies: Vec<Remedy>,
        /// Why it cannot be read.
        why: Unknown,
    },
    /// Objects or records that an operator must look at, each with the reason.
    #[error("{}", first_and_number(.0))]
    Ignored(Vec<String>),
}

fn joined(obstacles: &[Obstacle]) -> String {
    obstacles.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn comma_separated(remedies: &[Remedy]) -> String {
    remedies.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A connection to the API server for the changes of a hook.
pub fn connect() -> Result<Cluster, ReadError> {
    Cluster::connect(&Source::default(), Instant::now() + DEADLINE)
}

/// Applies a plan: every change that can be. Where another application enforces, nothing is
/// changed.
pub fn apply(
    unit: &Unit,
    login: Option<&str>,
    cluster: &Cluster,
    plan: Plan,
    origin: &mut CharmOrigin,
) -> EnforceOutcome {
    let mut executor = Executor { cluster, model: &mut LoginModel::new(unit, login) };
    pipeline::apply(plan, &unit.model, origin, &mut executor)
}

/// Outcome of enforcing the option `enforce`.
#[derive(Debug)]
pub struct Enforced {
    /// Whether anything was changed.
    pub has_changes: bool,
    /// Digest of the gateway's configuration after it, or why not all is in force.
    pub digest: Result<String, NotEnforced>,
    /// Changes that wait for consent, in one line.
    pub held_back: Option<String>,
}

/// How many reasons the status names: it is short.
const NAMED: usize = 1;

/// Applies the option's remedies. While the options are frozen, nothing changes.
pub fn enforce(unit: &Unit, options: &Options, facts: &Facts) -> Result<Enforced, EnforceFailure> {
    let cluster = connect()?;
    if options.is_frozen() {
        return Ok(Enforced {
            has_changes: false,
            digest: Ok(cluster.gateway_digest()?),
            held_back: None,
        });
    }
    let platform = &*facts.about.namespace;
    let (policy, enforced) = (&options.policy, &options.enforce);
    let mut origin = CharmOrigin::of_options(unit, options);
    let mut model = LoginModel::new(unit, options.juju_credentials.as_deref());
    let mut executor = Executor { cluster: &cluster, model: &mut model };
    let mut outcome = match pipeline::enforce(facts, policy, enforced, &mut origin, &mut executor) {
        // What another application enforces is left to it.
        Err(EnforceError::HeldByOther(_)) if enforced.is_empty() => {
            return Ok(Enforced {
                has_changes: false,
                digest: Ok(cluster.gateway_digest()?),
                held_back: None,
            });
        }
        outcome => outcome?,
    };
    let mut obstacles: Vec<Obstacle> = Vec::new();
    obstacles.extend(outcome.take_failure().map(Obstacle::from));
    if enforced.is_empty() && obstacles.is_empty() {
        // Another application may enforce here from now on.
        if let Err(why) = cluster.settle(platform, Some(&holder(unit))) {
            warn!("releasing the platform failed: {why}");
        }
    }
    obstacles.extend(waiting_or_ignored(&mut outcome, options));
    Ok(Enforced {
        has_changes: !outcome.plan.changes.is_empty(),
        digest: match obstacles.is_empty() {
            true => Ok(cluster.gateway_digest()?),
            false => Err(NotEnforced::Partly(obstacles)),
        },
        held_back: outcome.plan.held_back_line(),
    })
}

/// What else of the option is not in force: remedies that wait for the holder, or else what the
/// plan ignores.
fn waiting_or_ignored(outcome: &mut EnforceOutcome, options: &Options) -> Option<Obstacle> {
    let Some(why) = outcome.holder_unknown.take() else {
        let ignored = outcome.plan.ignored.clone();
        return (!ignored.is_empty()).then_some(Obstacle::Ignored(ignored));
    };
    // An account for TLS alone needs to read no Secret, and changes nothing else.
    let remedies = options.enforce.iter().copied().filter(|remedy| !remedy.about().is_of_tls());
    let remedies: Vec<Remedy> = remedies.collect();
    (!remedies.is_empty()).then_some(Obstacle::HolderUnknown { remedies, why })
}

fn first_and_number(reasons: &[String]) -> String {
    let (named, more) = reasons.split_at(reasons.len().min(NAMED));
    let more = match more.len() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    format!("{}{more}", named.join("; "))
}

/// Whether the gateway's configuration changed since this digest.
pub fn has_drifted(digest: &str) -> bool {
    let now = connect().ok().and_then(|cluster| cluster.gateway_digest().ok());
    // The next audit reports why the cluster cannot be read.
    now.is_some_and(|now| now != digest)
}

/// Deletes every managed object of a platform and reverts what was edited, as the charm is
/// removed; unless another application enforces there.
pub fn remove_all(unit: &Unit) -> Result<(), EnforceFailure> {
    let cluster = connect()?;
    let own = cluster.managed_objects(&unit.model)?;
    if let Some(why) = cluster.hold(&unit.model, Some(&holder(unit))).other() {
        info!("nothing is removed: {why}");
        return Ok(());
    }
    let plan = remedies::remove_all(&own);
    for why in &plan.ignored {
        warn!("{why}: it is left as it is");
    }
    // The login is asked for only if something is reverted with it.
    let options = match plan.is_of_juju() {
        true => config::all()?,
        false => config::Options::default(),
    };
    let mut origin = CharmOrigin::of_action(unit, Consent::of_option(&BTreeSet::new()));
    let login = options.secret("juju-credentials");
    let mut outcome = apply(unit, login, &cluster, plan, &mut origin);
    let settled = cluster.settle(&unit.model, Some(&holder(unit)));
    match outcome.take_failure() {
        Some(why) => Err(why.into()),
        None => Ok(settled?),
    }
}
