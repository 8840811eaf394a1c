//! `ckf-hardening apply`: applies remedies, and shows the verdicts before and after.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::bail;
use juju_charm::printable::line;

use super::arguments::Remedies;
use super::model::OperatorModel;
use super::origin::AdminOrigin;
use super::outcome::check;
use super::saved::SavedPlan;
use crate::cli::shared::{NOTHING_OPEN, connect, print, read};
use crate::controls::{Context, assess_named};
use crate::effects::Executor;
use crate::facts::Facts;
use crate::pipeline;
use crate::policy::Policy;
use crate::remedies::{Plan, Remedy};

/// Arguments of `apply`.
#[derive(clap::Args)]
#[command(after_help = crate::cli::help::APPLY)]
pub struct Apply {
    #[command(flatten)]
    remedies: Remedies,
    /// Apply a plan that `plan --out` wrote, if it is still the same.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["remedies", "all", "tls_min_version", "policy", "strict", "allow_disruption", "profiles"])]
    plan: Option<PathBuf>,
    /// Do not ask for confirmation; required without a terminal.
    #[arg(short, long)]
    yes: bool,
}

impl Apply {
    /// Applies the changes, and shows the verdicts before and after.
    pub fn run(mut self) -> anyhow::Result<u8> {
        let saved = self.plan.as_deref().map(SavedPlan::read).transpose()?;
        if let Some(saved) = &saved {
            let own = &self.remedies.cluster.kubernetes.namespace;
            if saved.namespace != *own {
                bail!("the plan is for namespace {}, and this is {own}", saved.namespace);
            }
            self.remedies.remedies = saved.remedies()?;
            self.remedies.tls_min_version = saved.tls_min_version()?;
            self.remedies.strict = saved.strict;
            self.remedies.allow_disruption = saved.allow_disruption;
            self.remedies.profiles.clone_from(&saved.profiles);
        }
        let policy = match (&saved, &self.plan) {
            (Some(saved), Some(file)) => self.remedies.policy(&saved.policy, file)?,
            _ => {
                let file = self.remedies.policy.as_deref().unwrap_or(Path::new(""));
                self.remedies.policy(&self.remedies.policy_text()?, file)?
            }
        };
        let facts = read(&self.remedies.cluster, &policy)?;
        let cluster = connect(&self.remedies.cluster)?;
        let remedies = self.remedies.asked();
        let mut origin =
            AdminOrigin { remedies: &self.remedies, saved: saved.as_ref(), yes: self.yes };
        let mut model = OperatorModel::new(&self.remedies.cluster);
        let mut executor = Executor { cluster: &cluster, model: &mut model };
        let outcome = pipeline::enforce(&facts, &policy, &remedies, &mut origin, &mut executor)?;
        if outcome.is_approved {
            check(&outcome)?;
            self.verify(&facts, &policy, &outcome.plan)?;
        }
        Ok(NOTHING_OPEN)
    }

    /// Assesses the controls of the remedies again.
    fn verify(&self, before: &Facts, policy: &Policy, plan: &Plan) -> anyhow::Result<()> {
        let after = read(&self.remedies.cluster, policy)?;
        let remedies: BTreeSet<Remedy> = plan.changes.iter().map(|change| change.remedy).collect();
        let was = Context::new(before, policy, None);
        let is = Context::new(&after, policy, None);
        let ids: BTreeSet<&str> =
            remedies.iter().flat_map(|remedy| remedy.about().controls).copied().collect();
        for id in ids {
            let (was, is) = (assess_named(id, &was), assess_named(id, &is));
            let (from, to) = (was.verdict.name(), is.verdict.name());
            print(&format!("{id}: {from} -> {to}: {}\n", line(&is.reason)))?;
        }
        Ok(())
    }
}
