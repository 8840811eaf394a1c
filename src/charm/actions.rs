//! The actions of `actions.yaml`.

use anyhow::{Context as _, bail};
use juju_charm::{Unit, action, leader, tool};
use serde::Deserialize;

use super::audit::Duty;
use super::login::LoginProblem;
use super::{Charm, audit, remedy_actions, rocks, rotation_actions};
use crate::catalog;
use crate::facts::known::Known;
use crate::report::{self, Format, Report};

/// Room for the report's key in the argument that holds both.
const LONGEST_REPORT: usize = tool::LONGEST_ARGUMENT - 64;

/// As much of a text as fits into the argument that holds it.
pub fn cut(text: &str) -> &str {
    let end = (0..=text.len().min(LONGEST_REPORT)).rev();
    let end = end.into_iter().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// Runs an action. What it cannot do it says by failing the action, not the process.
pub fn run(unit: &Unit, name: &str) -> anyhow::Result<()> {
    let result = match name {
        "audit" => audit(unit),
        "get-report" => get_report(unit),
        "explain" => explain(),
        "plan" => remedy_actions::plan(unit),
        "apply" => remedy_actions::apply(unit),
        "undo" => remedy_actions::undo(unit),
        "enforce-tls" => remedy_actions::enforce_tls(unit),
        "list-users" => list_users(unit),
        "check-rocks" => rocks::check(unit),
        "rotate-credentials" => rotation_actions::rotate(unit),
        "rotation-status" => rotation_actions::status(unit),
        other => Err(anyhow::anyhow!("this version has no action {other}")),
    };
    match result {
        Ok(()) => Ok(()),
        Err(error) => action::fail(&format!("{error:#}")).context("failing the action"),
    }
}

fn audit(unit: &Unit) -> anyhow::Result<()> {
    let report = read(unit)?;
    let summary = &report.summary;
    let counts = [
        ("pass", summary.pass),
        ("fail", summary.fail),
        ("waived", summary.waived),
        ("not-applicable", summary.not_applicable),
        ("not-assessed", summary.not_assessed),
    ]
    .map(|(key, number)| (key, number.to_string()));
    let mut results: Vec<(&str, &str)> = counts.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let line = report.status_line();
    results.push(("summary", &line));
    let problems = report.problems.join("\n");
    if !problems.is_empty() {
        results.push(("problems", &problems));
    }
    Ok(action::set(&results)?)
}

fn get_report(unit: &Unit) -> anyhow::Result<()> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Parameters {
        format: Option<String>,
    }
    let parameters: Parameters = action::parameters()?;
    let format = match parameters.format.as_deref() {
        None => Format::default(),
        Some(name) => clap::ValueEnum::from_str(name, false).map_err(|_| {
            anyhow::anyhow!("format {name:?} is not one of table, json, markdown, html")
        })?,
    };
    let report = read(unit)?;
    let text = report::fit(&report, format, LONGEST_REPORT);
    Ok(action::set(&[("report", &text)])?)
}

/// Audits, and lets the status tell what came of it.
fn read(unit: &Unit) -> anyhow::Result<Report> {
    action::log(&format!("reading the cluster of model {}", unit.model))?;
    let mut charm = Charm::read(unit)?;
    let leads = leader::is_leader()?;
    let report = charm.audit(if leads { Duty::Tell } else { Duty::Judge })?;
    charm.finish(leads, false)?;
    let report = report?;
    action::log(&format!("judged {} controls", report.controls.len()))?;
    Ok(report)
}

fn list_users(unit: &Unit) -> anyhow::Result<()> {
    let charm = Charm::read(unit)?;
    let Some(option) = charm.options.juju_credentials.as_deref() else {
        bail!("{}", LoginProblem::NotSet);
    };
    let juju = match audit::read_juju(unit, option, &Default::default()) {
        Known::Known(juju) => juju,
        Known::Unknown(why) => bail!("{why}"),
    };
    let users = report::Users::of(&juju);
    let json = serde_json::to_string(&users).context("the users as JSON")?;
    Ok(action::set(&[("users", &users.table()), ("json", &json)])?)
}

fn explain() -> anyhow::Result<()> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Parameters {
        control: String,
    }
    let parameters: Parameters = action::parameters()?;
    let id = parameters.control.trim().to_ascii_uppercase();
    let control = catalog::control(&id).with_context(|| {
        format!("there is no control {id:?}; get-report lists them all, the first is K8S-01")
    })?;
    Ok(action::set(&[("explanation", &report::explain(control))])?)
}
