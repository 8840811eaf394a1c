//! Leadership: `is-leader`.

use crate::tool::{self, Reading, ToolError};

/// Whether this unit is the leader; if so it stays it for 30 seconds at least.
pub fn is_leader() -> Result<bool, ToolError> {
    tool::json("is-leader", &[])
}

/// Starts [`is_leader`], to read other things meanwhile; [`Reading::finish`] has the answer.
pub fn start() -> Reading<bool> {
    Reading::start("is-leader")
}
