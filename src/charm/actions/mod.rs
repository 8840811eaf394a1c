//! The actions of `actions.yaml`, in files by subject.

mod images;
mod names;
mod remedies;
mod report;
mod results;
mod rotation;
mod users;

use anyhow::Context as _;
use juju_charm::{Event, Unit, action};

use super::hook::Hook;
use super::issue::brief;

/// Longest message of a failure, in characters.
const LONGEST_FAILURE: usize = 2000;

/// Runs an action. An error fails the action, not the process.
pub fn run(unit: &Unit, event: &Event, name: &str) -> anyhow::Result<()> {
    match dispatch(unit, event, name) {
        Ok(()) => Ok(()),
        Err(error) => action::fail(&brief(&format!("{error:#}"), LONGEST_FAILURE))
            .context("failing the action"),
    }
}

fn dispatch(unit: &Unit, event: &Event, name: &str) -> anyhow::Result<()> {
    let hook = || Hook::read(unit, event);
    match name {
        "audit" => report::audit(hook()?),
        "get-report" => report::get_report(hook()?),
        "explain" => report::explain(),
        "plan" => remedies::plan(&hook()?),
        "apply" => remedies::apply(&hook()?),
        "undo" => remedies::undo(&hook()?),
        "enforce-tls" => remedies::enforce_tls(&hook()?),
        "list-users" => users::list(&hook()?),
        "check-rocks" => images::check(&hook()?),
        "rotate-credentials" => rotation::rotate(&hook()?),
        "rotation-status" => rotation::status(&hook()?),
        other => anyhow::bail!("this version has no action {other}"),
    }
}
