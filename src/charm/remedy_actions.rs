//! The actions `plan`, `apply`, `undo` and `enforce-tls`.

use std::collections::BTreeSet;

use anyhow::bail;
use juju_charm::{Unit, action};
use serde::Deserialize;

use super::{Charm, audit, enforce};
use crate::cluster::Cluster;
use crate::remedies::{self, Asker, Plan, Remedy};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Parameters {
    remedies: Vec<String>,
}

impl Parameters {
    /// The remedies that are named; without any, those of the option.
    fn remedies(&self, option: &BTreeSet<Remedy>) -> anyhow::Result<BTreeSet<Remedy>> {
        if self.remedies.is_empty() {
            return Ok(option.clone());
        }
        let names = self.remedies.iter().map(|name| name.parse::<Remedy>());
        names.collect::<Result<_, _>>().map_err(anyhow::Error::msg)
    }
}

/// Shows what would be changed.
pub fn plan(unit: &Unit) -> anyhow::Result<()> {
    let charm = Charm::read(unit)?;
    let parameters: Parameters = action::parameters()?;
    let remedies = parameters.remedies(&charm.options.enforce)?;
    let (_, plan) = plan_of(&charm, &remedies)?;
    told(&plan)
}

/// Changes what is to be changed.
pub fn apply(unit: &Unit) -> anyhow::Result<()> {
    let charm = Charm::read(unit)?;
    let parameters: Parameters = action::parameters()?;
    let remedies = parameters.remedies(&charm.options.enforce)?;
    apply_those(&charm, &remedies)
}

/// Refuses to change anything by options that are not understood.
fn refuse_if_frozen(charm: &Charm<'_>) -> anyhow::Result<()> {
    match charm.options.freeze_reason() {
        Some(why) => bail!("{why}"),
        None => Ok(()),
    }
}

/// The same for what makes the gateway's TLS safe.
pub fn enforce_tls(unit: &Unit) -> anyhow::Result<()> {
    let charm = Charm::read(unit)?;
    apply_those(
        &charm,
        &BTreeSet::from([Remedy::TlsFloor, Remedy::HttpsRedirect]),
    )
}

/// Takes remedies away that somebody applied.
pub fn undo(unit: &Unit) -> anyhow::Result<()> {
    let charm = Charm::read(unit)?;
    refuse_if_frozen(&charm)?;
    let parameters: Parameters = action::parameters()?;
    let remedies = parameters.remedies(&charm.options.enforce)?;
    if let Some(kept) = remedies.intersection(&charm.options.enforce).next() {
        bail!("the charm keeps {kept}, and would put it back; take it out of the option enforce");
    }
    let cluster = enforce::connect().map_err(anyhow::Error::msg)?;
    let own = cluster.own_objects(&unit.model)?;
    let plan = remedies::undo(&own, &remedies).map_err(anyhow::Error::msg)?;
    carry_out(&charm, &cluster, &plan)?;
    told(&plan)
}

fn apply_those(charm: &Charm<'_>, remedies: &BTreeSet<Remedy>) -> anyhow::Result<()> {
    refuse_if_frozen(charm)?;
    let (cluster, plan) = plan_of(charm, remedies)?;
    carry_out(charm, &cluster, &plan)?;
    told(&plan)
}

fn carry_out(charm: &Charm<'_>, cluster: &Cluster, plan: &Plan) -> anyhow::Result<()> {
    let login = charm.options.juju_credentials.as_deref();
    enforce::carry_out(charm.unit, login, cluster, plan).map_err(anyhow::Error::msg)
}

fn plan_of(charm: &Charm<'_>, remedies: &BTreeSet<Remedy>) -> anyhow::Result<(Cluster, Plan)> {
    action::log(&format!(
        "reading the cluster of model {}",
        charm.unit.model
    ))?;
    let facts = audit::read(charm.unit, &charm.options)?;
    let cluster = enforce::connect().map_err(anyhow::Error::msg)?;
    let policy = &charm.options.policy;
    let plan = enforce::plan(&cluster, &facts, policy, remedies, Asker::Person);
    Ok((cluster, plan.map_err(anyhow::Error::msg)?))
}

/// The plan as the action's result.
fn told(plan: &Plan) -> anyhow::Result<()> {
    let changes = plan.changes.len().to_string();
    Ok(action::set(&[
        ("changes", &changes),
        ("plan", &plan.to_string()),
        ("reach", &plan.reach().join("\n")),
    ])?)
}
