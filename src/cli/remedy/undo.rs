//! `ckf-hardening undo`: reverts remedies that were applied by hand.

use std::collections::BTreeSet;

use super::model::OperatorModel;
use super::origin::Undoing;
use super::outcome::check;
use crate::cli::confirm::confirm;
use crate::cli::shared::{ClusterArguments, NOTHING_OPEN, connect, print};
use crate::cli::{suggest, terminal};
use crate::effects::Executor;
use crate::pipeline;
use crate::remedies::{self, Remedy};

/// Arguments of `undo`.
#[derive(clap::Args)]
#[command(after_help = crate::cli::help::UNDO)]
pub struct Undo {
    /// Remedies; `remedies` lists them.
    #[arg(value_name = "REMEDY", required_unless_present = "all", value_parser = suggest::remedy)]
    remedies: Vec<Remedy>,
    /// Every remedy that was applied by hand.
    #[arg(long, conflicts_with = "remedies")]
    all: bool,
    /// Undo them in this profile only; may be repeated.
    #[arg(long = "profile", value_name = "NAME")]
    profiles: Vec<String>,
    #[command(flatten)]
    cluster: ClusterArguments,
    /// Do not ask for confirmation; required without a terminal.
    #[arg(short, long)]
    yes: bool,
}

impl Undo {
    /// Undoes them.
    pub fn run(self) -> anyhow::Result<u8> {
        let cluster = connect(&self.cluster)?;
        let remedies: BTreeSet<Remedy> = self.remedies.iter().copied().collect();
        let own = cluster.managed_objects(&self.cluster.kubernetes.namespace)?;
        let mut plan = match self.all {
            true => remedies::undo_all(&own),
            false => remedies::undo(&own, &remedies).map_err(anyhow::Error::msg)?,
        };
        if !self.profiles.is_empty() {
            plan.confine(&self.profiles.iter().cloned().collect());
        }
        print(&terminal::prose(&format!("{plan}\n")))?;
        // Without changes it goes on: what holds the platform may be left over.
        if !plan.changes.is_empty() && !confirm("undo", self.yes)? {
            return Ok(NOTHING_OPEN);
        }
        let mut model = OperatorModel::new(&self.cluster);
        let mut executor = Executor { cluster: &cluster, model: &mut model };
        let platform = &self.cluster.kubernetes.namespace;
        check(&mut pipeline::apply(plan, platform, &mut Undoing, &mut executor))?;
        // The key of records goes with the last of them.
        cluster.settle(&self.cluster.kubernetes.namespace, None)?;
        Ok(NOTHING_OPEN)
    }
}
