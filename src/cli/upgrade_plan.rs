//! `upgrade-plan`: what an upgrade of Charmed Kubeflow needs and changes, before it is begun.

use anyhow::{Context as _, bail};
use juju_charm::printable::line;

use super::shared::{FactsArguments, NOT_ASSESSED, NOTHING_OPEN, OPEN, print, print_data};
use super::{suggest, terminal};
use crate::catalog::{self, Release};
use crate::policy::Policy;
use crate::report::table::{new_table_within, trimmed, wrapped};
use crate::upgrade::{self, Step, UpgradePlan};

/// Which cluster, and to which release.
#[derive(clap::Args)]
#[command(after_help = super::help::UPGRADE_PLAN)]
pub struct ShowUpgradePlan {
    /// Release of Charmed Kubeflow; else the next one.
    #[arg(long, value_name = "RELEASE")]
    to: Option<String>,
    /// Policy file in YAML.
    #[arg(long, value_name = "FILE")]
    policy: Option<std::path::PathBuf>,
    /// Tables that assess versions, as `bundle-data` writes them.
    #[arg(long, value_name = "FILE")]
    data: Option<std::path::PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    facts: FactsArguments,
}

impl ShowUpgradePlan {
    /// Shows the plan; status 1 while something keeps the upgrade from being begun.
    pub fn run(self) -> anyhow::Result<u8> {
        let to = self.to.as_deref().map(target).transpose()?;
        let mut policy = match &self.policy {
            Some(path) => super::shared::sound(&super::shared::policy_text(path)?, path)?,
            None => Policy::default(),
        };
        if let Some(path) = &self.data {
            policy.tables = super::data::read(path)?;
        }
        let mut facts = self.facts.read()?;
        facts.charmhub = policy.tables.newest_of_charmhub(std::mem::take(&mut facts.charmhub));
        let plan = upgrade::of(&facts, &policy, to).context("no plan of an upgrade")?;
        match self.json {
            true => print_data(&format!("{}\n", serde_json::to_string_pretty(&plan)?))?,
            false => show(&plan)?,
        }
        Ok(match (plan.blockers.is_empty(), plan.is_ready()) {
            (false, _) => OPEN,
            (true, false) => NOT_ASSESSED,
            (true, true) => NOTHING_OPEN,
        })
    }
}

fn target(name: &str) -> anyhow::Result<&'static Release> {
    let known: Vec<&str> = catalog::releases().iter().map(|r| r.name.as_str()).collect();
    let hint = suggest::hint(name, known.iter().copied());
    match catalog::release(name) {
        Some(release) => Ok(release),
        None => bail!("--to {name:?} is not one of {}{hint}", known.join(", ")),
    }
}

fn show(plan: &UpgradePlan) -> anyhow::Result<()> {
    let mut text = format!("Charmed Kubeflow {} -> {}\n\n", plan.from, plan.to);
    for (label, lines) in
        [("blocked", &plan.blockers), ("not known", &plan.unknown), ("note", &plan.notes)]
    {
        for why in lines {
            text.push_str(&format!("{label}: {}\n", line(why)));
        }
    }
    print(&wrapped(&text, terminal::width()))?;
    let mut table = new_table_within(&["", "command", "from", "advisories"], terminal::width());
    for (index, step) in plan.steps.iter().enumerate() {
        table.add_row([
            (index + 1).to_string(),
            line(&step.command).to_string(),
            line(step.from.as_deref().unwrap_or("-")).to_string(),
            line(&advisories(step)).to_string(),
        ]);
    }
    print(&format!("\n{}\n", trimmed(&table.to_string())))?;
    if plan.verdicts.is_empty() {
        return print("\nNo verdict would change.\n");
    }
    let mut table = new_table_within(&["control", "now", "then", "title"], terminal::width());
    for change in &plan.verdicts {
        let (before, after) = (change.before.name(), change.after.name());
        table.add_row([&*change.control, before, after, &change.title]);
    }
    let table = trimmed(&table.to_string());
    print(&format!("\nVerdicts, if only images and channels change:\n{table}\n"))
}

/// What a step does to known vulnerabilities, in a line.
fn advisories(step: &Step) -> String {
    let count = |what: &str, names: &std::collections::BTreeSet<String>| {
        let first = names.iter().next()?;
        let more = match names.len() {
            1 => String::new(),
            number => format!(" and {} more", number - 1),
        };
        Some(format!("{what} {first}{more}"))
    };
    let parts = [
        count("fixes", &step.fixed),
        count("leaves", &step.left),
        count("adds", &step.added),
        count("not known for", &step.unknown),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "-".into() } else { parts.join("; ") }
}
