//! The action `check-rocks`.

use std::collections::BTreeSet;

use anyhow::Context as _;
use juju_charm::action;
use serde::Deserialize;

use super::results::{Results, WIDTH};
use crate::charm::gather;
use crate::charm::hook::Hook;
use crate::charm::image_record::ImageRecord;
use crate::facts::known::Known;
use crate::images::{self as images, Inventory};
use crate::report::images::Rocks as Report;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    format: Option<String>,
    accept: bool,
}

/// The action `check-rocks`.
pub fn check(hook: &Hook<'_>) -> anyhow::Result<()> {
    let unit = hook.unit;
    let parameters: Parameters = action::parameters()?;
    if !hook.is_leader {
        anyhow::bail!(
            "only the leader knows which digests ran; juju run {}/leader check-rocks",
            unit.application()
        );
    }
    action::log(&format!("reading the cluster of model {}", unit.model))?;
    let mut facts = gather::cluster(unit, &BTreeSet::new())?;
    if let Some(option) = &hook.options.juju_credentials {
        facts.juju = gather::controller(unit, option, &hook.options.policy.options);
    }
    let mut record = ImageRecord::read(unit)?.context("the unit is being removed")?;
    if !hook.options.offline {
        action::log("asking registries and Charmhub")?;
    }
    record.add_to(&mut facts, &hook.options, true, crate::now());
    let mut inventory = Inventory::of(&facts);
    record.note(&inventory, parameters.accept, crate::now())?;
    if parameters.accept {
        record.add_to(&mut facts, &hook.options, false, crate::now());
        inventory = Inventory::of(&facts);
    }
    let requests = match &facts.rocks {
        Known::Known(rocks) => rocks.requests,
        Known::Unknown(_) => 0,
    };
    let report = Report::of(&inventory, images::advice(&facts, &inventory), requests);
    let elsewhere = "`ckf-hardening rocks` prints all";
    let results = match parameters.format.as_deref() {
        None | Some("table") => {
            Results::default().lines("rocks", &report.table_within(WIDTH), elsewhere)
        }
        Some("json") => {
            Results::default().json("rocks", &report.images, |rows| report.json_of(rows))
        }
        Some(other) => anyhow::bail!("format {other:?} is neither table nor json"),
    };
    let results = results.value("unexpected", &inventory.unexpected().count().to_string()).lines(
        "advice",
        &report.advice.join("\n"),
        elsewhere,
    );
    Ok(results.set()?)
}
