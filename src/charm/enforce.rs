//! Keeps what the option `enforce` names as it should be, and takes it away again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use juju_charm::{Unit, config};
use log::{info, warn};

use super::login::Access;
use crate::cluster::{Cluster, Hold, Holder};
use crate::config::Options;
use crate::facts::Facts;
use crate::facts::kubernetes::Source;
use crate::hands::Hands;
use crate::policy::Policy;
use crate::remedies::{self, Consent, Plan, Remedy};
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
    consent: &Consent,
) -> Result<Plan, String> {
    let own = cluster.own_objects(&facts.about.namespace);
    let own = own.map_err(|why| why.to_string())?;
    Ok(remedies::plan(facts, policy, &own, remedies, consent))
}

/// This application, as it holds a platform.
pub fn holder(unit: &Unit) -> Holder {
    Holder::new(&unit.model_uuid, unit.application())
}

/// Carries out a plan, all of it that can be, and tells what could not. `login` is the
/// secret of the option `juju-credentials`, for what Juju's API changes. Where another
/// application enforces, nothing is changed.
pub fn carry_out(
    unit: &Unit,
    login: Option<&str>,
    cluster: &Cluster,
    plan: &Plan,
) -> Result<(), String> {
    if let Some(why) = cluster.hold(&unit.model, Some(&holder(unit))).other() {
        return Err(why);
    }
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
    /// Stands for the gateway's configuration after it; or what an operator must look at.
    pub mark: Result<String, String>,
    /// What waits for consent, in a line.
    pub held_back: Option<String>,
}

/// How many reasons the status names: it is short.
const NAMED: usize = 1;

/// Has the remedies of the option hold. While the options are frozen, all stays as it is.
pub fn keep(unit: &Unit, options: &Options, facts: &Facts) -> Result<Kept, String> {
    let cluster = connect()?;
    if options.is_frozen() {
        return Ok(Kept { changed: false, mark: Ok(mark(&cluster)?), held_back: None });
    }
    let (own, platform) = (holder(unit), &*facts.about.namespace);
    let hold = match options.enforce.is_empty() {
        // What another application keeps is its own.
        true => cluster.hold(platform, Some(&own)),
        false => cluster.claim(platform, &own).map_err(|why| why.to_string())?,
    };
    if let Some(why) = hold.other() {
        return match options.enforce.is_empty() {
            true => {
                mark(&cluster).map(|mark| Kept { changed: false, mark: Ok(mark), held_back: None })
            }
            false => Err(why),
        };
    }
    let (policy, enforced) = (&options.policy, &options.enforce);
    let consent = Consent::of_option(&options.allow_disruption);
    let mut plan = plan(&cluster, facts, policy, enforced, &consent)?;
    let mut refused = Vec::new();
    match &hold {
        // An account for TLS alone needs to read no Secret, and changes nothing else.
        Hold::Unknown(why) => {
            plan.changes.retain(|change| change.remedy.about().is_of_tls());
            let others = enforced.iter().filter(|remedy| !remedy.about().is_of_tls());
            let others: Vec<_> = others.map(ToString::to_string).collect();
            if !others.is_empty() {
                refused.push(format!(
                    "{} are not enforced while it is not known who enforces here: {why}",
                    others.join(", ")
                ));
            }
        }
        _ => refused.extend(some(&plan.ignored)),
    }
    let login = options.juju_credentials.as_deref();
    let done = carry_out(unit, login, &cluster, &plan);
    if enforced.is_empty() && done.is_ok() {
        // Another application may enforce here from now on.
        if let Err(why) = cluster.settle(platform, Some(&own)) {
            warn!("that this application enforces nothing could not be noted: {why}");
        }
    }
    refused.splice(0..0, done.err());
    Ok(Kept {
        changed: !plan.changes.is_empty(),
        mark: match refused.is_empty() {
            true => Ok(mark(&cluster)?),
            false => Err(refused.join("; ")),
        },
        held_back: plan.held_back_line(),
    })
}

fn mark(cluster: &Cluster) -> Result<String, String> {
    cluster.mark().map_err(|why| why.to_string())
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
/// charm goes; unless another application enforces there.
pub fn remove_all(unit: &Unit) -> Result<(), String> {
    let cluster = connect()?;
    let own = cluster.own_objects(&unit.model);
    let own = own.map_err(|why| why.to_string())?;
    if let Some(why) = cluster.hold(&unit.model, Some(&holder(unit))).other() {
        info!("nothing is taken away: {why}");
        return Ok(());
    }
    let plan = remedies::remove_all(&own);
    for why in &plan.ignored {
        warn!("{why}: it is left as it is");
    }
    // The login is asked for only if something is put back with it.
    let options = match plan.is_of_juju() {
        true => config::all().map_err(|why| why.to_string())?,
        false => config::Options::default(),
    };
    let done = carry_out(unit, options.secret("juju-credentials"), &cluster, &plan);
    let settled = cluster.settle(&unit.model, Some(&holder(unit)));
    done.and(settled.map_err(|why| why.to_string()))
}
