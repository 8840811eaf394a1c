//! The end of a unit. What this charm made goes with the application's last unit, and does not
//! come back: the agent is stopped first.
//!
//! Juju gives little warning. It may take the peer relation away before it fires a hook, drop
//! the unit before `stop` or `remove`, and forget the unit while `remove` runs. So each hook
//! that may be of a removal asks what is to become of the unit, and none needs a databag.

use anyhow::Context as _;
use juju_charm::event::{Lifecycle, RelationChange, WorkloadEvent};
use juju_charm::{Event, Status, ToolError, Unit, goal, leader, status as juju_status};
use log::{info, warn};
use serde::{Deserialize, Serialize};

use super::enforce;
use super::memory::Memory;
use super::workload::Workload;
use crate::remedies::MANAGED_BY;

/// What a unit that is being removed says.
const MESSAGE: &str = "the unit is being removed";

/// What is to become of this unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It stays.
    Stays,
    /// It goes, and others of the application stay.
    Leaves,
    /// The application goes, and other units of it are not gone yet.
    Ends,
    /// The application goes, and no other unit of it is left.
    EndsLast,
    /// Juju does not tell.
    Unknown,
}

impl Fate {
    /// Asks Juju.
    pub fn of(unit: &Unit) -> Self {
        let goal = match goal::state() {
            Ok(goal) => goal,
            // So Juju says once the application is gone from its store, also of one that was
            // removed by force.
            Err(ToolError::NotFound { message, .. }) if message.starts_with("application ") => {
                return Self::EndsLast;
            }
            Err(error) => {
                warn!("whether the unit stays is not known: {error}");
                return Self::Unknown;
            }
        };
        match goal.units.get(&unit.name) {
            Some(own) if own.status == "dying" => Self::beside(unit, &goal),
            Some(_) => Self::Stays,
            None => Self::Unknown,
        }
    }

    /// That of a unit that goes for certain, as in its hook `remove`.
    fn of_removed(unit: &Unit) -> Self {
        match goal::state() {
            Ok(goal) => Self::beside(unit, &goal),
            Err(ToolError::NotFound { message, .. }) if message.starts_with("application ") => {
                Self::EndsLast
            }
            Err(error) => {
                warn!("whether other units stay is not known: {error}");
                Self::Unknown
            }
        }
    }

    fn beside(unit: &Unit, goal: &goal::GoalState) -> Self {
        let mut others = goal.units.iter().filter(|(name, _)| **name != unit.name);
        let Some(first) = others.next() else {
            return Self::EndsLast;
        };
        match [first].into_iter().chain(others).all(|(_, other)| other.status == "dying") {
            true => Self::Ends,
            false => Self::Leaves,
        }
    }

    /// Whether the unit goes.
    pub fn is_going(self) -> bool {
        matches!(self, Self::Leaves | Self::Ends | Self::EndsLast)
    }

    /// Whether this unit takes away what the application made. While others are not gone yet,
    /// the leader does, whose agent is the one that would restore it.
    fn takes_away(self) -> bool {
        match self {
            Self::EndsLast => true,
            Self::Ends => leader::is_leader().unwrap_or(true),
            Self::Leaves | Self::Stays | Self::Unknown => false,
        }
    }
}

/// Whether an event may be one of a removal, or begins work that a unit that goes must not begin.
pub fn may_be_of_removal(event: &Event) -> bool {
    match event {
        Event::Relation(relation) => {
            matches!(relation.what, RelationChange::Departed | RelationChange::Broken)
        }
        Event::Lifecycle(lifecycle) => matches!(
            lifecycle,
            Lifecycle::Start | Lifecycle::UpgradeCharm | Lifecycle::LeaderElected
        ),
        Event::Workload { what, .. } => *what == WorkloadEvent::Ready,
        _ => false,
    }
}

/// A hook of a unit that goes: nothing is begun, and the agent ends.
pub fn leave(unit: &Unit, memory: &mut Memory, fate: Fate) -> anyhow::Result<()> {
    stop_agent(unit);
    if memory.fate() == Some(fate) {
        return Ok(());
    }
    if !memory.is_going() {
        info!("{MESSAGE}; nothing more is begun");
        // Not blocked: of such a unit Juju takes away relations before their hooks have run.
        if let Err(error) = juju_status::set(Status::Maintenance, MESSAGE) {
            warn!("the status could not be set: {error}");
        } else {
            memory.said(Status::Maintenance, MESSAGE);
        }
    }
    memory.set_fate(fate);
    if fate == Fate::EndsLast && is_gone() {
        // No further hook may come.
        take_away(unit);
    }
    memory.write()
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
    let written = Memory::read().and_then(|mut memory| {
        memory.set_fate(fate);
        memory.write()
    });
    if let Err(error) = written.context("noting that the unit goes") {
        warn!("{error:#}");
    }
    Ok(())
}

/// The hook `remove`. Juju may have forgotten the unit by then, and fails a hook that writes
/// anything; so nothing is written.
pub fn remove(unit: &Unit) -> anyhow::Result<()> {
    let fate = match Fate::of_removed(unit) {
        Fate::Unknown => match Memory::read() {
            Ok(memory) => memory.fate().unwrap_or(Fate::Unknown),
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

/// Ends the agent, which restores what is taken away while it runs.
fn stop_agent(unit: &Unit) {
    // Without its container there is no agent.
    let Some(workload) = Workload::connect() else {
        return;
    };
    if let Err(why) = workload.stop(&unit.model) {
        warn!("the agent could not be stopped: {why}");
    }
}

/// Takes away what this charm made. Without the cluster that cannot be, and the unit must go all
/// the same.
fn take_away(unit: &Unit) {
    match enforce::remove_all(unit) {
        Ok(()) => info!("what this charm made is taken away"),
        Err(why) => warn!(
            "what this charm made may be left, with the label {}={}: {why}",
            MANAGED_BY.0, MANAGED_BY.1
        ),
    }
}
