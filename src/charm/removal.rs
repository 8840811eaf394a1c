//! Removal of a unit. What this charm made is deleted with the application's last unit and is not
//! restored: the agent is stopped first.

use anyhow::Context as _;
use juju_charm::{Status, ToolError, Unit, goal, status as juju_status};
use log::{info, warn};

use super::enforce;
use super::fate::Fate;
use super::state::UnitState;
use super::workload::Workload;
use crate::remedies::MANAGED_BY;

/// The status message of a unit that is being removed.
const MESSAGE: &str = "the unit is being removed";

/// A hook of a unit that is being removed: no step begins, and the agent is stopped.
pub fn leave(unit: &Unit, state: &mut UnitState, fate: Fate) -> anyhow::Result<()> {
    stop_agent(unit);
    if state.fate() == Some(fate) {
        return Ok(());
    }
    if !state.is_going() {
        info!("{MESSAGE}; no step begins");
        // Not blocked: of such a unit Juju removes relations before their hooks have run.
        if let Err(error) = juju_status::set(Status::Maintenance, MESSAGE) {
            warn!("the status could not be set: {error}");
        } else {
            state.set_status(Status::Maintenance, MESSAGE);
        }
    }
    state.set_fate(fate);
    if fate == Fate::EndsLast && is_gone() {
        // No further hook may come.
        take_away(unit);
    }
    state.write()
}

/// Whether Juju has forgotten the application.
fn is_gone() -> bool {
    matches!(goal::state(), Err(ToolError::NotFound { .. }))
}

/// The hook `stop`, which a pod that restarts has as well.
pub fn stop(unit: &Unit) -> anyhow::Result<()> {
    let fate = Fate::of(unit);
    if !fate.is_going() {
        return Ok(());
    }
    stop_agent(unit);
    if fate.takes_away() {
        take_away(unit);
    }
    // What `remove` cannot learn any more once Juju has forgotten the unit.
    let written = UnitState::read().and_then(|mut state| {
        state.set_fate(fate);
        state.write()
    });
    if let Err(error) = written.context("noting the removal") {
        warn!("{error:#}");
    }
    Ok(())
}

/// The hook `remove`. Juju may have forgotten the unit by then, and fails a hook that writes
/// anything; so nothing is written.
pub fn remove(unit: &Unit) -> anyhow::Result<()> {
    let fate = match Fate::of_removed(unit) {
        Fate::Unknown => match UnitState::read() {
            Ok(state) => state.fate().unwrap_or(Fate::Unknown),
            Err(_) => Fate::Unknown,
        },
        fate => fate,
    };
    stop_agent(unit);
    match fate {
        Fate::Unknown => warn!(
            "whether other units stay is not known, and they need what this charm made; if none \
             does, delete what has the label {}={}",
            MANAGED_BY.0, MANAGED_BY.1
        ),
        fate if fate.takes_away() => take_away(unit),
        _ => {}
    }
    Ok(())
}

/// Stops the agent, which would restore deleted objects.
fn stop_agent(unit: &Unit) {
    // Without its container there is no agent.
    let Some(workload) = Workload::connect() else {
        return;
    };
    if let Err(why) = workload.stop(&unit.model) {
        warn!("the agent could not be stopped: {why}");
    }
}

/// Deletes what this charm made. If the cluster cannot be reached, the unit is removed all the
/// same.
fn take_away(unit: &Unit) {
    match enforce::remove_all(unit) {
        Ok(()) => info!("deleted what this charm made"),
        Err(why) => warn!(
            "what this charm made may be left over, with the label {}={}: {why}",
            MANAGED_BY.0, MANAGED_BY.1
        ),
    }
}
