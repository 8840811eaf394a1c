//! `ckf-hardening plan`: what remedies would change.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

use super::Remedies;
use super::origin::AdminOrigin;
use super::saved::{SCHEMA, SavedPlan};
use crate::cli::output::DataOutput;
use crate::cli::shared::{NOTHING_OPEN, OPEN, connect, print, read};
use crate::cli::terminal;
use crate::pipeline;
use crate::remedies::Plan;

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

/// Shows a plan.
pub(super) fn show(plan: &Plan, left_out: Option<String>) -> anyhow::Result<()> {
    print(&terminal::prose(&shown(plan, left_out)))
}

/// A plan in words: its changes, what they reach, and what it leaves out.
fn shown(plan: &Plan, left_out: Option<String>) -> String {
    let mut lines = plan.reach();
    lines.extend(left_out);
    match lines.as_slice() {
        [] => format!("{plan}\n"),
        lines => format!("{plan}\n\n{}\n", lines.join("\n")),
    }
}

/// A plan as JSON.
fn data(plan: &Plan) -> Value {
    let texts = |lines: Vec<String>| Value::from(lines);
    let notes = plan.notes.iter().map(|(remedy, why)| format!("{remedy}: {why}"));
    serde_json::json!({
        "changes": plan.data(),
        "skipped": texts(notes.collect()),
        "heldBack": texts(plan.held_back.iter().map(ToString::to_string).collect()),
        "impact": texts(plan.reach()),
        "ignored": texts(plan.ignored.clone()),
    })
}
