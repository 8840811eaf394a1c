//! Leadership: `is-leader`.

use crate::tool::{self, ToolError};

/// Whether this unit is the leader; if so it stays it for 30 seconds at least.
pub fn is_leader() -> Result<bool, ToolError> {
    tool::json("is-leader", &[])
}
