//! The fate of the unit: whether it stays, or goes, and whether others of its application stay.
//!
//! Juju gives little warning. It may take the peer relation away before it fires a hook, drop
//! the unit before `stop` or `remove`, and forget the unit while `remove` runs. So each hook
//! that may be of a removal reads the goal state, and none needs a databag.

use juju_charm::event::{Lifecycle, RelationChange, WorkloadEvent};
use juju_charm::{Event, ToolError, Unit, goal, leader};
use log::warn;
use serde::{Deserialize, Serialize};

/// What becomes of this unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It stays.
    Stays,
    /// It is removed, and other units of the application stay.
    Leaves,
    /// The application is removed, and other units of it are still there.
    Ends,
    /// The application is removed, and no other unit of it is left.
    EndsLast,
    /// Juju does not say.
    Unknown,
}

impl Fate {
    /// Reads it from the goal state.
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

    /// The fate of a unit that is certainly removed, as in its hook `remove`.
    pub fn of_removed(unit: &Unit) -> Self {
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

    /// Whether the unit is being removed.
    pub fn is_going(self) -> bool {
        matches!(self, Self::Leaves | Self::Ends | Self::EndsLast)
    }

    /// Whether this unit deletes what the application made. While others are still there, the
    /// leader does, whose agent would restore it.
    pub fn takes_away(self) -> bool {
        match self {
            Self::EndsLast => true,
            Self::Ends => leader::is_leader().unwrap_or(true),
            Self::Leaves | Self::Stays | Self::Unknown => false,
        }
    }
}

/// Whether an event may be of a removal, or begins work that a unit in removal must not begin.
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
