//! The actions of `actions.yaml`.

use anyhow::{Context as _, bail};
use juju_charm::{Unit, action, leader};
use serde::Deserialize;

use super::audit::Duty;
use super::login::LoginProblem;
use super::results::{LONGEST, Results, WIDTH};
use super::status::brief;
use super::{Charm, audit, remedy_actions, rocks, rotation_actions};
use crate::catalog;
use crate::facts::known::Known;
use crate::report::{self, Format, Report};

/// Longest message of a failure, in characters.
const LONGEST_FAILURE: usize = 2000;
/// Where the whole report is.
const WHOLE: &str =
    "get-report format=json complete=true returns all, and `ckf-hardening audit` prints it";

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
        Err(error) => action::fail(&brief(&format!("{error:#}"), LONGEST_FAILURE))
            .context("failing the action"),
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
    let results =
        counts.iter().fold(Results::default(), |results, (key, number)| results.value(key, number));
    let results = results.value("summary", &report.status_line()).lines(
        "problems",
        &report.problems.join("\n"),
        "see get-report",
    );
    Ok(results.set()?)
}

fn get_report(unit: &Unit) -> anyhow::Result<()> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Parameters {
        format: Option<String>,
        complete: bool,
    }
    let parameters: Parameters = action::parameters()?;
    let format = match parameters.format.as_deref() {
        None => Format::default(),
        Some(name) => clap::ValueEnum::from_str(name, false).map_err(|_| {
            anyhow::anyhow!("format {name:?} is not one of table, json, markdown, html")
        })?,
    };
    let report = read(unit)?;
    let results = match (parameters.complete, format.is_for_programs()) {
        (true, true) => Results::default().whole("report", &format.render(&report)),
        (true, false) => Results::default().lines("report", &format.render(&report), WHOLE),
        (false, true) => Results::default().whole("report", &report::fit(&report, format, LONGEST)),
        (false, false) => {
            Results::default().lines("report", &report::fit(&report, format, LONGEST), WHOLE)
        }
    };
    Ok(results.set()?)
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
    let table = users.table_within(WIDTH);
    let elsewhere = "`ckf-hardening users` prints all";
    let json = |rows: &[report::UserRow]| users.json_of(rows);
    let results =
        Results::default().lines("users", &table, elsewhere).json("json", &users.users, json);
    Ok(results.set()?)
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
    let text = report::explain(control);
    let results = Results::default().lines("explanation", &text, "see docs/reference/controls");
    Ok(results.set()?)
}
