//! `ckf-hardening plan`, `apply` and `undo`: remedies by hand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use juju_charm::printable::line;
use juju_client::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::confirm::confirm;
use super::output::DataOutput;
use super::shared::{ClusterArguments, NOTHING_OPEN, OPEN, connect, print};
use super::{suggest, terminal};
use crate::controls::{Context, assess_named};
use crate::effects::{Executor, JujuError, Model};
use crate::facts::Facts;
use crate::pipeline::{self, EnforceOutcome, Origin, Ownership};
use crate::policy::{Policy, Profile};
use crate::remedies::{self, Consent, Managed, Plan, Remedy};
use crate::tls::TlsVersion;

/// Arguments of `plan` and `apply`.
#[derive(clap::Args)]
pub struct Remedies {
    /// Remedies; `remedies` lists them.
    #[arg(value_name = "REMEDY", default_values = ["tls-floor", "https-redirect"], value_parser = suggest::remedy)]
    remedies: Vec<Remedy>,
    /// Every remedy that deletes nothing people made, where it breaks nothing.
    #[arg(long, conflicts_with = "remedies")]
    all: bool,
    /// Make changes that break present traffic too; `plan` names them.
    #[arg(long)]
    allow_disruption: bool,
    /// Confine the changes to this profile; may be repeated.
    #[arg(long = "profile", value_name = "NAME")]
    profiles: Vec<String>,
    #[command(flatten)]
    cluster: ClusterArguments,
    /// Policy file in YAML: waivers and declared options.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Treat warnings as failures.
    #[arg(long)]
    strict: bool,
    /// Lowest TLS version of the gateway.
    #[arg(long, value_name = "VERSION", default_value = "1.2", value_parser = tls_versions())]
    tls_min_version: TlsVersion,
}

/// The TLS versions that may be the lowest.
fn tls_versions() -> impl TypedValueParser<Value = TlsVersion> {
    PossibleValuesParser::new([TlsVersion::V1_2, TlsVersion::V1_3].map(TlsVersion::number))
        .try_map(|text| text.parse::<TlsVersion>())
}

/// Arguments of `plan`.
#[derive(clap::Args)]
#[command(after_help = super::help::PLAN)]
pub struct ShowPlan {
    #[command(flatten)]
    remedies: Remedies,
    /// Write the plan to a file too, for `apply --plan`.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    output: DataOutput,
}

/// Arguments of `apply`.
#[derive(clap::Args)]
#[command(after_help = super::help::APPLY)]
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

/// Arguments of `undo`.
#[derive(clap::Args)]
#[command(after_help = super::help::UNDO)]
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

/// Arguments of `remedies`.
#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    output: DataOutput,
}

/// Format and version of a plan file.
const SCHEMA: &str = "ckf-hardening/plan/v1";

/// A plan in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SavedPlan {
    schema: String,
    remedies: Vec<String>,
    namespace: String,
    tls_min_version: String,
    /// The policy that it was made with, as its file had it.
    policy: String,
    strict: bool,
    #[serde(default)]
    allow_disruption: bool,
    #[serde(default)]
    profiles: Vec<String>,
    changes: Value,
}

/// The administrator at the command line, who may be asked.
struct AdminOrigin<'a> {
    remedies: &'a Remedies,
    /// The plan of a file, which must still be the one to apply.
    saved: Option<&'a SavedPlan>,
    yes: bool,
}

impl Origin for AdminOrigin<'_> {
    fn ownership(&self) -> Ownership<'_> {
        Ownership::Ignore
    }

    fn is_attended(&self) -> bool {
        true
    }

    fn consent(&mut self, facts: &Facts, policy: &Policy, _: &Managed) -> anyhow::Result<Consent> {
        self.remedies.consent(facts, policy, &self.remedies.asked())
    }

    fn approve(&mut self, plan: &Plan) -> anyhow::Result<bool> {
        if self.saved.is_some_and(|saved| saved.changes != plan.data()) {
            bail!(
                "the cluster is not as it was when this was planned; plan again. Now it would be:\n{plan}"
            );
        }
        show(plan, self.remedies.left_out())?;
        Ok(!plan.changes.is_empty() && confirm("apply", self.yes)?)
    }
}

/// The platform's model, by the operator's own login.
struct OperatorModel<'a> {
    arguments: &'a ClusterArguments,
    connection: Option<Result<Connection, String>>,
    controller: Option<Result<Connection, String>>,
}

impl<'a> OperatorModel<'a> {
    fn new(arguments: &'a ClusterArguments) -> Self {
        Self { arguments, connection: None, controller: None }
    }
}

impl Model for OperatorModel<'_> {
    fn connect(&mut self) -> Result<&mut Connection, JujuError> {
        let connection = self.connection.get_or_insert_with(|| {
            let namespace = &self.arguments.kubernetes.namespace;
            self.arguments.controller.model(namespace).map_err(|why| format!("{why:#}"))
        });
        connection.as_mut().map_err(|why| JujuError::NotConnected(why.clone()))
    }

    fn controller(&mut self) -> Result<&mut Connection, JujuError> {
        let controller = self.controller.get_or_insert_with(|| {
            self.arguments.controller.connect().map_err(|why| format!("{why:#}"))
        });
        controller.as_mut().map_err(|why| JujuError::NotConnected(why.clone()))
    }
}

impl Remedies {
    fn asked(&self) -> BTreeSet<Remedy> {
        match self.all {
            true => Remedy::additive().collect(),
            false => self.remedies.iter().copied().collect(),
        }
    }

    /// What the person who asks agrees to.
    fn consent(
        &self,
        facts: &Facts,
        policy: &Policy,
        remedies: &BTreeSet<Remedy>,
    ) -> anyhow::Result<Consent> {
        let consent = match self.allow_disruption {
            true => Consent::of_person(remedies),
            false => Consent::of_person(&BTreeSet::new()),
        };
        if self.profiles.is_empty() {
            return Ok(consent);
        }
        let context = Context::new(facts, policy, None);
        let known = context.profile_namespaces();
        let known = known.map_err(|missing| anyhow::anyhow!("--profile: {}", missing.0))?;
        let mut named = self.profiles.iter();
        if let Some(name) = named.find(|name| !known.contains(name.as_str())) {
            bail!("there is no Profile {name} that owns its namespace; see AUTHZ-01");
        }
        Ok(consent.only_in(self.profiles.iter().cloned().collect()))
    }

    /// Remedies that `--all` leaves out, and how to have them.
    fn left_out(&self) -> Option<String> {
        let by_name = Remedy::ALL.iter().filter(|remedy| remedy.about().only_by_name);
        let names: Vec<&str> = by_name.map(|remedy| remedy.name()).collect();
        self.all.then(|| {
            format!(
                "left out by --all, since they delete what people made or rely on: {}; name them \
                 to have them",
                names.join(", ")
            )
        })
    }

    fn policy_text(&self) -> anyhow::Result<String> {
        let text = self.policy.as_deref().map(super::shared::policy_text);
        Ok(text.transpose()?.unwrap_or_default())
    }

    /// The policy of a text that is from a file.
    fn policy(&self, text: &str, file: &Path) -> anyhow::Result<Policy> {
        let mut policy = super::shared::sound(text, file)?;
        policy.tls_minimum = self.tls_min_version;
        if self.strict {
            policy.profile = Profile::Strict;
        }
        Ok(policy)
    }
}

impl ShowPlan {
    /// Shows the changes. Exit status 1 if there are any.
    pub fn run(self) -> anyhow::Result<u8> {
        let text = self.remedies.policy_text()?;
        let file = self.remedies.policy.as_deref().unwrap_or(Path::new(""));
        let policy = self.remedies.policy(&text, file)?;
        let facts = super::shared::read(&self.remedies.cluster, &policy)?;
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
        let facts = super::shared::read(&self.remedies.cluster, &policy)?;
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
        let after = super::shared::read(&self.remedies.cluster, policy)?;
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

impl SavedPlan {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let what = || format!("plan file {}", path.display());
        let text = crate::files::read(path, crate::files::LARGEST_REPORT).with_context(what)?;
        let saved: Self = serde_json::from_str(&text).with_context(what)?;
        match saved.schema == SCHEMA {
            true => Ok(saved),
            false => bail!("{}: its schema is {}, not {SCHEMA}", what(), saved.schema),
        }
    }

    fn tls_min_version(&self) -> anyhow::Result<TlsVersion> {
        self.tls_min_version.parse().context("plan file: tlsMinVersion")
    }

    fn remedies(&self) -> anyhow::Result<Vec<Remedy>> {
        let names = self.remedies.iter().map(|name| name.parse::<Remedy>());
        names.collect::<Result<_, _>>().map_err(anyhow::Error::msg)
    }
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
        check(&pipeline::apply(plan, platform, &mut Undoing, &mut executor))?;
        // The key of records goes with the last of them.
        cluster.settle(&self.cluster.kubernetes.namespace, None)?;
        Ok(NOTHING_OPEN)
    }
}

impl List {
    /// Lists them.
    pub fn run(self) -> anyhow::Result<u8> {
        let all = Remedy::ALL.iter().map(|remedy| remedy.about());
        if self.output.is_json() {
            let all: Value = all
                .map(|about| {
                    serde_json::json!({
                        "name": about.name, "does": about.does, "controls": about.controls,
                        "risk": about.risk.name(), "reach": about.reach,
                        "breaks": about.breaks, "worksOn": about.works_on,
                        "source": about.source, "onlyByName": about.only_by_name,
                    })
                })
                .collect();
            self.output.data(&all)?;
            return Ok(NOTHING_OPEN);
        }
        let mut text = String::new();
        for about in all {
            let by_name = if about.only_by_name { ", by name only" } else { "" };
            let (controls, risk) = (about.controls.join(", "), about.risk.name());
            text.push_str(&format!(
                "{}  ({controls}; risk {risk}{by_name})\n{}{}{}{}{}",
                about.name,
                indented(about.does),
                indented(about.reach),
                indented(&format!("may break: {}", about.breaks)),
                indented(&format!("works on: {}", about.works_on)),
                indented(&format!("source: {}", about.source)),
            ));
        }
        self.output.table(&text)?;
        Ok(NOTHING_OPEN)
    }
}

/// Shows a plan.
fn show(plan: &Plan, left_out: Option<String>) -> anyhow::Result<()> {
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

/// The administrator who undoes remedies, and has confirmed it.
struct Undoing;

impl Origin for Undoing {
    fn ownership(&self) -> Ownership<'_> {
        Ownership::Ignore
    }

    fn is_attended(&self) -> bool {
        true
    }

    fn consent(&mut self, _: &Facts, _: &Policy, _: &Managed) -> anyhow::Result<Consent> {
        Ok(Consent::of_person(&BTreeSet::new()))
    }
}

/// Fails if a change did.
fn check(outcome: &EnforceOutcome) -> anyhow::Result<()> {
    match outcome.failures.is_empty() {
        true => Ok(()),
        false => bail!("{}", outcome.reasons().join("; ")),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plan_file_with_an_unknown_tls_version_is_refused() {
        let plan = |version: &str| SavedPlan {
            schema: SCHEMA.into(),
            remedies: Vec::new(),
            namespace: "kubeflow".into(),
            tls_min_version: version.into(),
            policy: String::new(),
            strict: false,
            allow_disruption: false,
            profiles: Vec::new(),
            changes: Value::Null,
        };
        assert_eq!(plan("1.3").tls_min_version().unwrap(), TlsVersion::V1_3);
        let why = format!("{:#}", plan("1.31").tls_min_version().unwrap_err());
        assert!(why.contains("tlsMinVersion") && why.contains("1.31"), "{why}");
    }
}
