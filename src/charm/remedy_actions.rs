//! The actions `plan`, `apply`, `undo` and `enforce-tls`.

use std::collections::BTreeSet;

use anyhow::bail;
use juju_charm::{Unit, action};
use serde::Deserialize;

use super::{Charm, audit, enforce};
use crate::cluster::Cluster;
use crate::config::Options;
use crate::remedies::{self, Consent, Plan, Remedy};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Parameters {
    remedies: Vec<String>,
    /// Names of profiles, comma-separated.
    profiles: String,
    allow_disruption: bool,
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

    /// Profiles to which changes are confined, if any are named.
    fn profiles(&self) -> Option<BTreeSet<String>> {
        let names = self.profiles.split(',').map(str::trim);
        let names: BTreeSet<String> = names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        (!names.is_empty()).then_some(names)
    }

    /// What the person who asks agrees to.
    fn consent(&self, remedies: &BTreeSet<Remedy>, options: &Options) -> Consent {
        let mut disruption = options.allow_disruption.clone();
        if self.allow_disruption {
            disruption.extend(remedies);
        }
        let mut consent = Consent::of_person(&disruption);
        if self.remedies.is_empty() {
            consent = consent.unnamed();
        }
        match self.profiles() {
            Some(names) => consent.only_in(names),
            None => consent,
        }
    }
}

/// Shows what would be changed.
pub fn plan(unit: &Unit) -> anyhow::Result<()> {
    let charm = Charm::read(unit)?;
    let parameters: Parameters = action::parameters()?;
    let remedies = parameters.remedies(&charm.options.enforce)?;
    let consent = parameters.consent(&remedies, &charm.options);
    let (_, plan) = plan_of(&charm, &remedies, &consent)?;
    told(&plan)
}

/// Changes what is to be changed.
pub fn apply(unit: &Unit) -> anyhow::Result<()> {
    let charm = Charm::read(unit)?;
    let parameters: Parameters = action::parameters()?;
    let remedies = parameters.remedies(&charm.options.enforce)?;
    let consent = parameters.consent(&remedies, &charm.options);
    apply_those(&charm, &remedies, &consent)
}

/// The same for what makes the gateway's TLS safe.
pub fn enforce_tls(unit: &Unit) -> anyhow::Result<()> {
    let charm = Charm::read(unit)?;
    apply_those(
        &charm,
        &BTreeSet::from([Remedy::TlsFloor, Remedy::HttpsRedirect]),
        &Consent::of_person(&BTreeSet::new()),
    )
}

/// Takes remedies away that somebody applied.
pub fn undo(unit: &Unit) -> anyhow::Result<()> {
    let charm = Charm::read(unit)?;
    let parameters: Parameters = action::parameters()?;
    let remedies = parameters.remedies(&charm.options.enforce)?;
    if let Some(kept) = remedies.intersection(&charm.options.enforce).next() {
        bail!("the charm keeps {kept}, and would put it back; take it out of the option enforce");
    }
    let cluster = enforce::connect().map_err(anyhow::Error::msg)?;
    let own = cluster.own_objects(&unit.model)?;
    let mut plan = remedies::undo(&own, &remedies).map_err(anyhow::Error::msg)?;
    if let Some(profiles) = parameters.profiles() {
        plan.confine(&profiles);
    }
    carry_out(&charm, &cluster, &plan)?;
    told(&plan)
}

fn apply_those(
    charm: &Charm<'_>,
    remedies: &BTreeSet<Remedy>,
    consent: &Consent,
) -> anyhow::Result<()> {
    let (cluster, plan) = plan_of(charm, remedies, consent)?;
    carry_out(charm, &cluster, &plan)?;
    told(&plan)
}

fn carry_out(charm: &Charm<'_>, cluster: &Cluster, plan: &Plan) -> anyhow::Result<()> {
    let login = charm.options.juju_credentials.as_deref();
    enforce::carry_out(charm.unit, login, cluster, plan).map_err(anyhow::Error::msg)
}

fn plan_of(
    charm: &Charm<'_>,
    remedies: &BTreeSet<Remedy>,
    consent: &Consent,
) -> anyhow::Result<(Cluster, Plan)> {
    action::log(&format!(
        "reading the cluster of model {}",
        charm.unit.model
    ))?;
    let facts = audit::read(charm.unit, &charm.options)?;
    let cluster = enforce::connect().map_err(anyhow::Error::msg)?;
    let policy = &charm.options.policy;
    let plan = enforce::plan(&cluster, &facts, policy, remedies, consent);
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
