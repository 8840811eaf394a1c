//! The workload's version that `juju status` shows: `application-version-set`.

use crate::tool::{self, ToolError};

/// Sets it. It takes effect at once.
pub fn set(version: &str) -> Result<(), ToolError> {
    tool::run("application-version-set", &["--", version]).map(drop)
}
