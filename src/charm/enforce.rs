//! Keeps what the option `enforce` names as it should be, and takes it away again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use log::{info, warn};

use crate::cluster::Cluster;
use crate::facts::Facts;
use crate::facts::kubernetes::Source;
use crate::policy::Policy;
use crate::remedies::{self, Asker, Plan, Remedy};

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

/// Carries out a plan, all of it that can be, and tells what could not.
pub fn carry_out(cluster: &Cluster, plan: &Plan) -> Result<(), String> {
    let mut refused = Vec::new();
    for change in &plan.changes {
        match cluster.carry_out(change) {
            Ok(()) => info!("{change}"),
            Err(why) => {
                warn!("{}: {why}", change.remedy);
                refused.push(why.to_string());
            }
        }
    }
    match refused.is_empty() {
        true => Ok(()),
        false => Err(refused.join("; ")),
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
pub fn keep(facts: &Facts, policy: &Policy, remedies: &BTreeSet<Remedy>) -> Result<Kept, String> {
    let cluster = connect()?;
    let plan = plan(&cluster, facts, policy, remedies, Asker::Option)?;
    carry_out(&cluster, &plan)?;
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

/// Takes away every object of ours in a namespace, as the charm goes.
pub fn remove_all(namespace: &str) -> Result<(), String> {
    let cluster = connect()?;
    let own = cluster.own_objects(namespace);
    let own = own.map_err(|why| why.to_string())?;
    carry_out(&cluster, &remedies::remove_all(&own))
}
