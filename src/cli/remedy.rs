//! `ckf-hardening plan`, `apply` and `undo`: how things are put right, by hand.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use juju_charm::printable::line;
use juju_client::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ClusterArguments, NOTHING_OPEN, OPEN, connect, print, print_data};
use crate::cluster::Cluster;
use crate::controls::{Context, assess_named};
use crate::facts::Facts;
use crate::hands::Hands;
use crate::policy::{Policy, Profile};
use crate::remedies::{self, Asker, Plan, Remedy};

/// Which remedies, on which cluster, by which policy.
#[derive(clap::Args)]
pub struct Remedies {
    /// Remedies; `remedies` lists them.
    #[arg(value_name = "REMEDY", default_values = ["tls-floor", "https-redirect"])]
    remedies: Vec<Remedy>,
    /// Every remedy that takes nothing away that somebody made.
    #[arg(long, conflicts_with = "remedies")]
    all: bool,
    #[command(flatten)]
    cluster: ClusterArguments,
    /// Policy: what findings are waived, and what options are to be, in YAML.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Judge warnings as failures.
    #[arg(long)]
    strict: bool,
    /// Lowest TLS version of the gateway.
    #[arg(long, value_name = "VERSION", default_value = "1.2", value_parser = ["1.2", "1.3"])]
    tls_min_version: String,
}

/// What would be changed.
#[derive(clap::Args)]
pub struct ShowPlan {
    #[command(flatten)]
    remedies: Remedies,
    /// Write the plan to a file too, for `apply --plan`.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What is to be changed.
#[derive(clap::Args)]
pub struct Apply {
    #[command(flatten)]
    remedies: Remedies,
    /// Do what a plan says that `plan --out` wrote, if that is still what there is to do.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["remedies", "all", "tls_min_version", "policy", "strict"])]
    plan: Option<PathBuf>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// Which remedies are to go, from which cluster.
#[derive(clap::Args)]
pub struct Undo {
    /// Remedies; `remedies` lists them.
    #[arg(value_name = "REMEDY", required_unless_present = "all")]
    remedies: Vec<Remedy>,
    /// Every remedy that was applied by hand.
    #[arg(long, conflicts_with = "remedies")]
    all: bool,
    #[command(flatten)]
    cluster: ClusterArguments,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// The remedies, and what they may break.
#[derive(clap::Args)]
pub struct List {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// The name of a plan's form and version.
const SCHEMA: &str = "ckf-hardening/plan/v1";

/// A plan that is kept in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Kept {
    schema: String,
    remedies: Vec<String>,
    namespace: String,
    tls_min_version: String,
    /// The policy that it was made with, as its file had it.
    policy: String,
    strict: bool,
    changes: Value,
}

/// What was read, and what follows from it.
struct Made {
    facts: Facts,
    policy: Policy,
    cluster: Cluster,
    remedies: BTreeSet<Remedy>,
    plan: Plan,
}

impl Remedies {
    fn asked(&self) -> BTreeSet<Remedy> {
        match self.all {
            true => Remedy::additive().collect(),
            false => self.remedies.iter().copied().collect(),
        }
    }

    fn policy_text(&self) -> anyhow::Result<String> {
        let text = self.policy.as_deref().map(super::policy_text);
        Ok(text.transpose()?.unwrap_or_default())
    }

    /// The policy of a text that is from a file.
    fn policy(&self, text: &str, file: &Path) -> anyhow::Result<Policy> {
        let mut policy = super::sound(text, file)?;
        policy.tls_minimum = if self.tls_min_version == "1.3" { 3 } else { 2 };
        if self.strict {
            policy.profile = Profile::Strict;
        }
        Ok(policy)
    }

    fn make(&self, policy: Policy) -> anyhow::Result<Made> {
        let facts = super::read(&self.cluster, &policy)?;
        let cluster = connect(&self.cluster)?;
        let own = cluster.own_objects(&self.cluster.kubernetes.namespace)?;
        let remedies = self.asked();
        let plan = remedies::plan(&facts, &policy, &own, &remedies, Asker::Person);
        Ok(Made {
            facts,
            policy,
            cluster,
            remedies,
            plan,
        })
    }
}

impl ShowPlan {
    /// Shows what would be changed. Exit status 1 if something would.
    pub fn run(self) -> anyhow::Result<u8> {
        let text = self.remedies.policy_text()?;
        let file = self.remedies.policy.as_deref().unwrap_or(Path::new(""));
        let made = self.remedies.make(self.remedies.policy(&text, file)?)?;
        show(&made.plan)?;
        if let Some(path) = &self.out {
            let kept = Kept {
                schema: SCHEMA.into(),
                remedies: made.remedies.iter().map(ToString::to_string).collect(),
                namespace: self.remedies.cluster.kubernetes.namespace.clone(),
                tls_min_version: self.remedies.tls_min_version.clone(),
                policy: text,
                strict: self.remedies.strict,
                changes: made.plan.data(),
            };
            let text = serde_json::to_string_pretty(&kept)?;
            crate::files::write(path, (text + "\n").as_bytes())
                .with_context(|| format!("plan file {}", path.display()))?;
        }
        Ok(match made.plan.changes.is_empty() {
            true => NOTHING_OPEN,
            false => OPEN,
        })
    }
}

impl Apply {
    /// Changes it, and tells what the controls say of it then.
    pub fn run(mut self) -> anyhow::Result<u8> {
        let kept = self.plan.as_deref().map(Kept::read).transpose()?;
        if let Some(kept) = &kept {
            let own = &self.remedies.cluster.kubernetes.namespace;
            if kept.namespace != *own {
                bail!(
                    "the plan is for namespace {}, and this is {own}",
                    kept.namespace
                );
            }
            self.remedies.remedies = kept.remedies()?;
            self.remedies
                .tls_min_version
                .clone_from(&kept.tls_min_version);
            self.remedies.strict = kept.strict;
        }
        let policy = match (&kept, &self.plan) {
            (Some(kept), Some(file)) => self.remedies.policy(&kept.policy, file)?,
            _ => {
                let file = self.remedies.policy.as_deref().unwrap_or(Path::new(""));
                self.remedies.policy(&self.remedies.policy_text()?, file)?
            }
        };
        let made = self.remedies.make(policy)?;
        if let Some(kept) = &kept
            && kept.changes != made.plan.data()
        {
            let now = &made.plan;
            bail!(
                "the cluster is not as it was when this was planned; plan again. Now it would be:\n{now}"
            );
        }
        show(&made.plan)?;
        if made.plan.changes.is_empty() || !(self.yes || is_agreed("apply")?) {
            return Ok(NOTHING_OPEN);
        }
        carry_out(&self.remedies.cluster, &made.cluster, &made.plan)?;
        self.verify(&made)?;
        Ok(NOTHING_OPEN)
    }

    /// Judges the controls of the remedies once more.
    fn verify(&self, before: &Made) -> anyhow::Result<()> {
        let after = super::read(&self.remedies.cluster, &before.policy)?;
        let remedies = before.plan.changes.iter().map(|change| change.remedy);
        let remedies: BTreeSet<Remedy> = remedies.collect();
        let was = Context::new(&before.facts, &before.policy, None);
        let is = Context::new(&after, &before.policy, None);
        let ids: BTreeSet<&str> = remedies
            .iter()
            .flat_map(|remedy| remedy.about().controls)
            .copied()
            .collect();
        for id in ids {
            let (was, is) = (assess_named(id, &was), assess_named(id, &is));
            let (from, to) = (was.verdict.name(), is.verdict.name());
            print(&format!("{id}: {from} -> {to}: {}\n", line(&is.reason)))?;
        }
        Ok(())
    }
}

impl Kept {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let what = || format!("plan file {}", path.display());
        let text = crate::files::read(path, crate::files::LARGEST_REPORT).with_context(what)?;
        let kept: Self = serde_json::from_str(&text).with_context(what)?;
        match kept.schema == SCHEMA {
            true => Ok(kept),
            false => bail!("{}: its schema is {}, not {SCHEMA}", what(), kept.schema),
        }
    }

    fn remedies(&self) -> anyhow::Result<Vec<Remedy>> {
        let names = self.remedies.iter().map(|name| name.parse::<Remedy>());
        names.collect::<Result<_, _>>().map_err(anyhow::Error::msg)
    }
}

impl Undo {
    /// Takes them away.
    pub fn run(self) -> anyhow::Result<u8> {
        let cluster = connect(&self.cluster)?;
        let remedies: BTreeSet<Remedy> = self.remedies.iter().copied().collect();
        let own = cluster.own_objects(&self.cluster.kubernetes.namespace)?;
        let plan = match self.all {
            true => remedies::undo_all(&own),
            false => remedies::undo(&own, &remedies).map_err(anyhow::Error::msg)?,
        };
        print(&format!("{plan}\n"))?;
        if plan.changes.is_empty() || !(self.yes || is_agreed("undo")?) {
            return Ok(NOTHING_OPEN);
        }
        carry_out(&self.cluster, &cluster, &plan)?;
        Ok(NOTHING_OPEN)
    }
}

impl List {
    /// Lists them.
    pub fn run(self) -> anyhow::Result<u8> {
        let all = Remedy::ALL.iter().map(|remedy| remedy.about());
        if self.json {
            let all: Value = all
                .map(|about| {
                    serde_json::json!({
                        "name": about.name, "does": about.does, "controls": about.controls,
                        "risk": about.risk.name(), "reach": about.reach,
                        "onlyByName": about.only_by_name,
                    })
                })
                .collect();
            print_data(&format!("{}\n", serde_json::to_string_pretty(&all)?))?;
            return Ok(NOTHING_OPEN);
        }
        for about in all {
            let by_name = if about.only_by_name {
                ", by name only"
            } else {
                ""
            };
            let (controls, risk) = (about.controls.join(", "), about.risk.name());
            print(&format!(
                "{}  ({controls}; risk {risk}{by_name})\n{}{}",
                about.name,
                indented(about.does),
                indented(about.reach)
            ))?;
        }
        Ok(NOTHING_OPEN)
    }
}

/// Shows a plan, and what it reaches.
fn show(plan: &Plan) -> anyhow::Result<()> {
    print(&format!("{plan}\n"))?;
    match plan.reach().as_slice() {
        [] => Ok(()),
        lines => print(&format!("\n{}\n", lines.join("\n"))),
    }
}

/// Asks who sits at a terminal; a script has said what it wants.
fn is_agreed(what: &str) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(true);
    }
    write!(io::stderr(), "\n{what}? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn carry_out(arguments: &ClusterArguments, cluster: &Cluster, plan: &Plan) -> anyhow::Result<()> {
    let mut model: Result<Connection, String> = match plan.is_of_juju() {
        true => arguments
            .controller
            .model(&arguments.kubernetes.namespace)
            .map_err(|why| format!("{why:#}")),
        false => Err("nothing is changed by Juju".into()),
    };
    let juju = model.as_mut().map_err(|why| why.clone());
    let mut hands = Hands { cluster, juju };
    let refused: Vec<String> = plan
        .changes
        .iter()
        .filter_map(|change| hands.carry_out(change).err())
        .collect();
    if !refused.is_empty() {
        bail!("{}", refused.join("; "));
    }
    Ok(())
}

/// A text in lines of 80 columns at most, indented.
fn indented(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > 76 {
            lines.push_str(&format!("   {line}\n"));
            line.clear();
        }
        line.push(' ');
        line.push_str(word);
    }
    format!("{lines}   {line}\n")
}
