//! Keeps what the option `enforce` names as it should be, and takes it away again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use juju_charm::{Unit, config};
use log::{info, warn};

use super::login::Access;
use crate::cluster::Cluster;
use crate::config::Options;
use crate::facts::Facts;
use crate::facts::kubernetes::Source;
use crate::hands::Hands;
use crate::policy::Policy;
use crate::remedies::{self, Asker, Plan, Remedy};
use crate::rotation::owner::Owners as _;

/// How long enforcing may take in one hook.
const DEADLINE: Duration = Duration::from_secs(60);

/// A connection to the API server for the changes of a hook.
pub fn connect() -> Result<Cluster, String> {
    let deadline = Instant::now() + DEADLINE;
    Cluster::connect(&Source::default(), deadline).map_err(|error| error.to_string())
}

/// What is to be changed for remedies to hold.
pub fn plan(
    cluster: &Cluster,
    facts: &Facts,
    policy: &Policy,
    remedies: &BTreeSet<Remedy>,
    asker: Asker,
) -> Result<Plan, String> {
    let own = cluster.own_objects(&facts.about.namespace);
    let own = own.map_err(|why| why.to_string())?;
    Ok(remedies::plan(facts, policy, &own, remedies, asker))
}

/// Carries out a plan, all of it that can be, and tells what could not. `login` is the
/// secret of the option `juju-credentials`, for what Juju's API changes.
pub fn carry_out(
    unit: &Unit,
    login: Option<&str>,
    cluster: &Cluster,
    plan: &Plan,
) -> Result<(), String> {
    let mut access = match plan.is_of_juju() {
        true => Access::read(unit, login).map_err(|why| why.to_string()),
        false => Err("nothing is changed by Juju".into()),
    };
    let juju = match &mut access {
        Ok(access) => access.model().map_err(|why| why.to_string()),
        Err(why) => Err(why.clone()),
    };
    let mut hands = Hands { cluster, juju };
    let mut refused = Vec::new();
    for change in &plan.changes {
        match hands.carry_out(change) {
            Ok(()) => info!("{change}"),
            Err(why) => {
                warn!("{}: {why}", change.remedy);
                refused.push(why);
            }
        }
    }
    match refused.is_empty() {
        true => Ok(()),
        false => Err(super::results::first_reasons(&refused)),
    }
}

/// What came of enforcing.
#[derive(Debug)]
pub struct Kept {
    /// Whether anything was changed.
    pub changed: bool,
    /// Stands for the gateway's configuration after it.
    pub mark: String,
}

/// Has the remedies of the option hold.
pub fn keep(unit: &Unit, options: &Options, facts: &Facts) -> Result<Kept, String> {
    let cluster = connect()?;
    let plan = plan(
        &cluster,
        facts,
        &options.policy,
        &options.enforce,
        Asker::Option,
    )?;
    carry_out(unit, options.juju_credentials.as_deref(), &cluster, &plan)?;
    Ok(Kept {
        changed: !plan.changes.is_empty(),
        mark: cluster.mark().map_err(|why| why.to_string())?,
    })
}

/// Whether the gateway's configuration is another than that which the mark stands for.
pub fn has_drifted(mark: &str) -> bool {
    let now = connect().and_then(|cluster| cluster.mark().map_err(|why| why.to_string()));
    match now {
        Ok(now) => now != mark,
        // The next audit tells what keeps the cluster from being read.
        Err(_) => false,
    }
}

/// Takes away every object of ours of a platform, and puts back what was edited, as the
/// charm goes.
pub fn remove_all(unit: &Unit) -> Result<(), String> {
    let cluster = connect()?;
    let own = cluster.own_objects(&unit.model);
    let own = own.map_err(|why| why.to_string())?;
    let plan = remedies::remove_all(&own);
    // The login is asked for only if something is put back with it.
    let options = match plan.is_of_juju() {
        true => config::all().map_err(|why| why.to_string())?,
        false => config::Options::default(),
    };
    carry_out(unit, options.secret("juju-credentials"), &cluster, &plan)
}
