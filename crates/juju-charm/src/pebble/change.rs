//! A change, as Pebble describes it.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A change.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Change {
    /// Id.
    pub id: String,
    /// For example `replan` or `exec`.
    pub kind: String,
    /// A line about it.
    pub summary: String,
    /// For example `Doing`, `Done` or `Error`.
    pub status: String,
    /// Whether it has ended.
    pub ready: bool,
    /// Why it failed.
    #[serde(default)]
    pub err: Option<String>,
    /// Its steps.
    #[serde(default)]
    pub tasks: Vec<Task>,
}

/// A step of a change.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Task {
    /// Id.
    pub id: String,
    /// Kind.
    pub kind: String,
    /// A line about it.
    pub summary: String,
    /// Status.
    pub status: String,
    /// Its log, with the output of a service that failed.
    #[serde(default)]
    pub log: Vec<String>,
    /// Its data.
    #[serde(default)]
    pub data: Map<String, Value>,
}

impl Change {
    /// Why it failed, with the log of the tasks that did.
    pub fn error(&self) -> String {
        let mut lines = vec![self.err.clone().unwrap_or_else(|| self.summary.clone())];
        let failed = self.tasks.iter().filter(|t| t.status == "Error");
        lines.extend(failed.flat_map(|t| t.log.iter().cloned()));
        lines.join("\n")
    }
}
