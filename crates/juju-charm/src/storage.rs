//! Storage: `storage-list`, `storage-get`, `storage-add`.

use std::path::PathBuf;

use serde::Deserialize;

use crate::tool::{self, ToolError};

/// A storage that is attached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Storage {
    /// For example `filesystem`.
    pub kind: String,
    /// Where it is in the charm's container.
    pub location: PathBuf,
}

/// Ids of the storages of a name, for example `data/0`.
pub fn list(name: &str) -> Result<Vec<String>, ToolError> {
    tool::json("storage-list", &["--", name])
}

/// Reads one by its id.
pub fn get(id: &str) -> Result<Storage, ToolError> {
    tool::json("storage-get", &["-s", id])
}

/// Asks for so many more; not on Kubernetes. Buffered.
pub fn add(name: &str, count: u32) -> Result<(), ToolError> {
    tool::run("storage-add", &[format!("{name}={count}")]).map(drop)
}
