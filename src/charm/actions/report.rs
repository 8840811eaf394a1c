//! The actions `audit`, `get-report` and `explain`.

use anyhow::Context as _;
use clap::ValueEnum as _;
use juju_charm::action;
use log::warn;
use serde::Deserialize;

use super::results::{LONGEST, Results};
use crate::catalog;
use crate::charm::assess::AuditResult;
use crate::charm::hook::Hook;
use crate::charm::{assess, gather, status};
use crate::facts::kubernetes::ReadError;
use crate::report::{self, Format, Report};

/// Where the whole report is.
const WHOLE: &str =
    "get-report format=json complete=true returns all, and `ckf-hardening audit` prints it";

/// Advice for a report that is too long for Juju.
const NOT_KEPT: &str = "leave out complete=true for a report with less evidence, or write the whole \
    one to a file: `ckf-hardening audit --output FILE`";

/// The action `audit`.
pub fn audit(hook: Hook<'_>) -> anyhow::Result<()> {
    let report = assess_cluster(hook)?;
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

/// The action `get-report`.
pub fn get_report(hook: Hook<'_>) -> anyhow::Result<()> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Parameters {
        format: Option<String>,
        complete: bool,
    }
    let parameters: Parameters = action::parameters()?;
    let format = match parameters.format.as_deref() {
        None => Format::default(),
        Some(name) => Format::from_str(name, false).map_err(|_| {
            let all = Format::value_variants().iter().filter_map(Format::to_possible_value);
            let names: Vec<String> = all.map(|value| value.get_name().to_owned()).collect();
            anyhow::anyhow!("format {name:?} is not one of {}", names.join(", "))
        })?,
    };
    let report = assess_cluster(hook)?;
    let results = match (parameters.complete, format.is_for_programs()) {
        (true, true) => {
            Results::default().whole("report", &format.render(&report)).context(NOT_KEPT)?
        }
        (true, false) => Results::default().lines("report", &format.render(&report), WHOLE),
        (false, true) => {
            Results::default().whole("report", &report::fit(&report, format, LONGEST))?
        }
        (false, false) => {
            Results::default().lines("report", &report::fit(&report, format, LONGEST), WHOLE)
        }
    };
    Ok(results.set()?)
}

/// Audits the cluster, changes nothing in it, and updates the unit's status.
fn assess_cluster(mut hook: Hook<'_>) -> anyhow::Result<Report> {
    action::log(&format!("reading the cluster of model {}", hook.unit.model))?;
    let result = gather_and_assess(&hook)?;
    hook.state.set_audit(&result, &hook.options, crate::now());
    if let Err(error) = &result {
        warn!("{error}");
    }
    status::publish(hook, false)?;
    let report = result?.report;
    action::log(&format!("assessed {} controls", report.controls.len()))?;
    Ok(report)
}

fn gather_and_assess(hook: &Hook<'_>) -> anyhow::Result<Result<AuditResult, ReadError>> {
    let mut facts = match gather::platform(hook.unit, &hook.options) {
        Ok(facts) => facts,
        Err(why) => return Ok(Err(why)),
    };
    // The record that it returns is not written: an action that reads leaves no trace.
    gather::complete(hook.unit, &hook.options, hook.is_leader, &mut facts)?;
    Ok(Ok(assess::assess(hook.unit, &hook.options, &hook.option_problems, facts)))
}

/// The action `explain`.
pub fn explain() -> anyhow::Result<()> {
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
