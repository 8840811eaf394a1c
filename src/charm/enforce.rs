//! Enforces the remedies of the option `enforce`, and removes them again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use juju_charm::tool::ToolError;
use juju_charm::{Unit, config};
use juju_client::Connection;
use log::{info, warn};

use super::controller::ControllerSession;
use super::issue::first_reasons;
use crate::config::Options;
use crate::effects::{ApplyError, Cluster, Executor, Holder, JujuError, Model, NotConnected};
use crate::facts::Facts;
use crate::facts::known::Unknown;
use crate::facts::kubernetes::{ReadError, Source};
use crate::pipeline::{self, EnforceError, EnforceOutcome, Origin, Ownership};
use crate::policy::Policy;
use crate::remedies::{self, Change, Consent, Managed, Plan};
use crate::rotation::backend::Backends as _;

/// How long enforcing may take in one hook.
const DEADLINE: Duration = Duration::from_secs(60);

/// Why the charm could not enforce, or not delete what it made.
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
    /// Some changes failed, in one line.
    #[error("{0}")]
    Changes(String),
}

/// A connection to the API server for the changes of a hook.
pub fn connect() -> Result<Cluster, ReadError> {
    Cluster::connect(&Source::default(), Instant::now() + DEADLINE)
}

/// This application, as it holds a platform.
pub fn holder(unit: &Unit) -> Holder {
    Holder::new(&unit.model_uuid, unit.application())
}

/// A hook or an action of this application, which asks for changes.
pub struct CharmOrigin {
    holder: Holder,
    /// Whether the option `enforce` asks for any remedy, so that the platform is claimed.
    claims: bool,
    consent: Consent,
    is_attended: bool,
}

impl CharmOrigin {
    /// The options `enforce` and `allow-disruption`.
    pub fn of_options(unit: &Unit, options: &Options) -> Self {
        Self {
            holder: holder(unit),
            claims: !options.enforce.is_empty(),
            consent: Consent::of_option(&options.allow_disruption),
            is_attended: false,
        }
    }

    /// Whoever runs an action.
    pub fn of_action(unit: &Unit, consent: Consent) -> Self {
        Self { holder: holder(unit), claims: false, consent, is_attended: true }
    }
}

impl Origin for CharmOrigin {
    fn ownership(&self) -> Ownership<'_> {
        match self.claims {
            true => Ownership::Claim(&self.holder),
            false => Ownership::Respect(Some(&self.holder)),
        }
    }

    fn is_attended(&self) -> bool {
        self.is_attended
    }

    fn consent(&mut self, _: &Facts, _: &Policy, _: &Managed) -> anyhow::Result<Consent> {
        Ok(self.consent.clone())
    }

    fn apply(&mut self, change: &Change, executor: &mut Executor<'_>) -> Result<bool, ApplyError> {
        match executor.apply(change) {
            Ok(()) => info!("{change}"),
            Err(why) => {
                warn!("{}: {why}", change.remedy);
                return Err(why);
            }
        }
        Ok(true)
    }
}

/// The platform's model, by the login of the option `juju-credentials`.
pub struct LoginModel<'a> {
    unit: &'a Unit,
    login: Option<&'a str>,
    session: Option<Result<ControllerSession, NotConnected>>,
}

impl<'a> LoginModel<'a> {
    /// Logs in when the first change needs it. `login` is the secret of the option.
    pub fn new(unit: &'a Unit, login: Option<&'a str>) -> Self {
        Self { unit, login, session: None }
    }
}

impl LoginModel<'_> {
    fn session(&mut self) -> Result<&mut ControllerSession, JujuError> {
        let session = self.session.get_or_insert_with(|| {
            let session = ControllerSession::read(self.unit, self.login);
            let mut session = session.map_err(|why| NotConnected(why.to_string()))?;
            session.model().map_err(|why| NotConnected(why.to_string()))?;
            Ok(session)
        });
        session.as_mut().map_err(|why| why.clone().into())
    }
}

impl Model for LoginModel<'_> {
    fn connect(&mut self) -> Result<&mut Connection, JujuError> {
        Ok(self.session()?.model().map_err(|why| NotConnected(why.to_string()))?)
    }

    fn controller(&mut self) -> Result<&mut Connection, JujuError> {
        Ok(self.session()?.controller().map_err(|why| NotConnected(why.to_string()))?)
    }
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

/// What of an outcome failed, in one line.
pub fn failure(outcome: &EnforceOutcome) -> Option<String> {
    match (&outcome.refusal, outcome.failures.is_empty()) {
        (Some(why), _) => Some(why.to_string()),
        (None, true) => None,
        (None, false) => Some(first_reasons(&outcome.reasons())),
    }
}

/// Outcome of enforcing the option `enforce`.
#[derive(Debug)]
pub struct Enforced {
    /// Whether anything was changed.
    pub has_changes: bool,
    /// Digest of the gateway's configuration after it, or what an operator must look at.
    pub digest: Result<String, String>,
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
    let outcome = match pipeline::enforce(facts, policy, enforced, &mut origin, &mut executor) {
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
    let mut refused = Vec::new();
    match &outcome.holder_unknown {
        // An account for TLS alone needs to read no Secret, and changes nothing else.
        Some(why) => {
            let others = enforced.iter().filter(|remedy| !remedy.about().is_of_tls());
            let others: Vec<_> = others.map(ToString::to_string).collect();
            if !others.is_empty() {
                refused.push(format!(
                    "{} are not enforced while it is unknown which application enforces here: {why}",
                    others.join(", ")
                ));
            }
        }
        None => refused.extend(some(&outcome.plan.ignored)),
    }
    let failed = failure(&outcome);
    if enforced.is_empty() && failed.is_none() {
        // Another application may enforce here from now on.
        if let Err(why) = cluster.settle(platform, Some(&holder(unit))) {
            warn!("releasing the platform failed: {why}");
        }
    }
    refused.splice(0..0, failed);
    Ok(Enforced {
        has_changes: !outcome.plan.changes.is_empty(),
        digest: match refused.is_empty() {
            true => Ok(cluster.gateway_digest()?),
            false => Err(refused.join("; ")),
        },
        held_back: outcome.plan.held_back_line(),
    })
}

/// Reasons as one, if there are any.
fn some(reasons: &[String]) -> Option<String> {
    let (named, more) = reasons.split_at(reasons.len().min(NAMED));
    let more = match more.len() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    (!named.is_empty()).then(|| format!("{}{more}", named.join("; ")))
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
    // The login is asked for only if something is put back with it.
    let options = match plan.is_of_juju() {
        true => config::all()?,
        false => config::Options::default(),
    };
    let mut origin = CharmOrigin::of_action(unit, Consent::of_option(&BTreeSet::new()));
    let login = options.secret("juju-credentials");
    let outcome = apply(unit, login, &cluster, plan, &mut origin);
    let settled = cluster.settle(&unit.model, Some(&holder(unit)));
    match failure(&outcome) {
        Some(why) => Err(EnforceFailure::Changes(why)),
        None => Ok(settled?),
    }
}
