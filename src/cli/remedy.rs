//! `ckf-hardening plan`, `apply` and `undo`: how things are put right, by hand.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::{ClusterArguments, NOTHING_OPEN, OPEN, print};
use crate::cluster::Cluster;
use crate::policy::Policy;
use crate::remedies::{self, Asker, Plan, Remedy};

/// Longest time for the changes.
const DEADLINE: Duration = Duration::from_secs(120);

/// Which remedies, on which cluster, by which policy.
#[derive(clap::Args)]
pub struct Remedies {
    /// Remedies: tls-floor, https-redirect, hsts.
    #[arg(value_name = "REMEDY", default_values = ["tls-floor", "https-redirect"])]
    remedies: Vec<Remedy>,
    #[command(flatten)]
    cluster: ClusterArguments,
    /// Lowest TLS version of the gateway.
    #[arg(long, value_name = "VERSION", default_value = "1.2", value_parser = ["1.2", "1.3"])]
    tls_min_version: String,
}

/// Which remedies are to go, from which cluster.
#[derive(clap::Args)]
pub struct Undo {
    /// Remedies: tls-floor, https-redirect, hsts.
    #[arg(value_name = "REMEDY", required = true)]
    remedies: Vec<Remedy>,
    #[command(flatten)]
    cluster: ClusterArguments,
}

impl Remedies {
    /// Shows what would be changed. Exit status 1 if something would.
    pub fn plan(self) -> anyhow::Result<u8> {
        let (_, plan) = self.make()?;
        print(&format!("{plan}\n"))?;
        Ok(if plan.changes.is_empty() {
            NOTHING_OPEN
        } else {
            OPEN
        })
    }

    /// Changes it.
    pub fn apply(self) -> anyhow::Result<u8> {
        let (cluster, plan) = self.make()?;
        carry_out(&cluster, &plan)
    }

    fn make(&self) -> anyhow::Result<(Cluster, Plan)> {
        let policy = Policy {
            tls_minimum: if self.tls_min_version == "1.3" { 3 } else { 2 },
            ..Policy::default()
        };
        let facts = super::read(&self.cluster, &policy.options)?;
        let cluster = connect(&self.cluster)?;
        let own = cluster.own_objects(&self.cluster.kubernetes.namespace)?;
        let remedies = self.remedies.iter().copied().collect();
        let plan = remedies::plan(&facts, &policy, &own, &remedies, Asker::Person);
        Ok((cluster, plan))
    }
}

impl Undo {
    /// Takes them away.
    pub fn run(self) -> anyhow::Result<u8> {
        let cluster = connect(&self.cluster)?;
        let remedies: BTreeSet<Remedy> = self.remedies.iter().copied().collect();
        let own = cluster.own_objects(&self.cluster.kubernetes.namespace)?;
        let plan = remedies::undo(&own, &remedies).map_err(anyhow::Error::msg)?;
        carry_out(&cluster, &plan)
    }
}

fn connect(arguments: &ClusterArguments) -> anyhow::Result<Cluster> {
    let source = arguments.kubernetes.source();
    Ok(Cluster::connect(&source, Instant::now() + DEADLINE)?)
}

fn carry_out(cluster: &Cluster, plan: &Plan) -> anyhow::Result<u8> {
    print(&format!("{plan}\n"))?;
    let refused = plan
        .changes
        .iter()
        .filter_map(|change| cluster.carry_out(change).err());
    let refused: Vec<String> = refused.map(|why| why.to_string()).collect();
    if !refused.is_empty() {
        bail!("{}", refused.join("; "));
    }
    Ok(NOTHING_OPEN)
}
