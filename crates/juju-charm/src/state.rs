//! State of a unit from one event to the next: `state-get`, `state-set`,
//! `state-delete`. The controller keeps it, so it outlives the pod. Writes are
//! buffered.

use std::collections::BTreeMap;

use crate::tool::{self, Reading, ToolError};

/// Longest value in bytes.
pub const LONGEST_VALUE: usize = 64 * 1024;

/// Reads everything.
pub fn all() -> Result<BTreeMap<String, String>, ToolError> {
    tool::json("state-get", &[])
}

/// Starts [`all`], to read other things meanwhile; [`Reading::finish`] has the answer.
pub fn start() -> Reading<BTreeMap<String, String>> {
    Reading::start("state-get")
}

/// Sets values. They go by the tool's input, so their length is not that of an
/// argument and no user sees them in the list of processes.
pub fn set(values: &BTreeMap<&str, String>) -> Result<(), ToolError> {
    // JSON is YAML; a map of strings cannot fail to be written.
    let text = serde_json::to_vec(values).unwrap_or_default();
    tool::run_with_input("state-set", &["--file", "-"], &text).map(drop)
}

/// Deletes a value; one that is not there is no error.
pub fn delete(key: &str) -> Result<(), ToolError> {
    tool::run("state-delete", &["--", key]).map(drop)
}
