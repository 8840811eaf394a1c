//! Goal state of the model: `goal-state`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::tool::{self, ToolError};

/// The units and relations that there will be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct GoalState {
    /// Units of this application.
    pub units: BTreeMap<String, Goal>,
    /// By endpoint, the remote applications and their units.
    pub relations: BTreeMap<String, BTreeMap<String, Goal>>,
}

/// Status of a unit or relation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Goal {
    /// For example `active`, or `dying`.
    pub status: String,
    /// Since when, RFC 3339.
    pub since: String,
}

/// Reads it.
pub fn state() -> Result<GoalState, ToolError> {
    tool::json("goal-state", &[])
}

impl GoalState {
    /// Planned number of units.
    pub fn planned_units(&self) -> usize {
        self.units.values().filter(|u| u.status != "dying").count()
    }
}
