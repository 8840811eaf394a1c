//! Resources: `resource-get`.

use std::path::PathBuf;

use crate::tool::{self, ToolError};

/// Path of a resource's file. Of an OCI image it is YAML with registrypath,
/// username and password.
pub fn path(name: &str) -> Result<PathBuf, ToolError> {
    let printed = tool::run("resource-get", &["--", name])?;
    Ok(String::from_utf8_lossy(&printed).trim_end().into())
}
