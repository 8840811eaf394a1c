//! `ckf-hardening plan`: what remedies would change.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::arguments::Remedies;
use super::origin::AdminOrigin;
use super::outcome::{data, shown};
use super::saved::{SCHEMA, SavedPlan};
use crate::cli::output::DataOutput;
use crate::cli::shared::{NOTHING_OPEN, OPEN, connect, read};
use crate::pipeline;

/// Arguments of `plan`.
#[derive(clap::Args)]
#[command(after_help = crate::cli::help::PLAN)]
pub struct ShowPlan {
    #[command(flatten)]
    remedies: Remedies,
    /// Write the plan to a file too, for `apply --plan`.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    output: DataOutput,
}

impl ShowPlan {
    /// Shows the changes. Exit status 1 if there are any.
    pub fn run(self) -> anyhow::Result<u8> {
        let text = self.remedies.policy_text()?;
        let file = self.remedies.policy.as_deref().unwrap_or(Path::new(""));
        let policy = self.remedies.policy(&text, file)?;
        let facts = read(&self.remedies.cluster, &policy)?;
        let cluster = connect(&self.remedies.cluster)?;
        let remedies = self.remedies.asked();
        let mut origin = AdminOrigin { remedies: &self.remedies, saved: None, yes: false };
        let plan = pipeline::plan(&facts, &policy, &remedies, &mut origin, &cluster)?;
        match self.output.is_json() {
            true => self.output.data(&data(&plan))?,
            false => self.output.text(&shown(&plan, self.remedies.left_out()))?,
        }
        if let Some(path) = &self.out {
            let saved = SavedPlan {
                schema: SCHEMA.into(),
                remedies: remedies.iter().map(ToString::to_string).collect(),
                namespace: self.remedies.cluster.kubernetes.namespace.clone(),
                tls_min_version: self.remedies.tls_min_version.number().to_owned(),
                policy: text,
                strict: self.remedies.strict,
                allow_disruption: self.remedies.allow_disruption,
                profiles: self.remedies.profiles.clone(),
                changes: plan.data(),
            };
            let text = serde_json::to_string_pretty(&saved)?;
            crate::files::write(path, (text + "\n").as_bytes())
                .with_context(|| format!("plan file {}", path.display()))?;
        }
        Ok(match plan.changes.is_empty() {
            true => NOTHING_OPEN,
            false => OPEN,
        })
    }
}
