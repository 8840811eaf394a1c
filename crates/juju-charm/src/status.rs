//! The status that `juju status` shows: `status-set`. It takes effect at once.

use crate::tool::{self, ToolError};
use printable;

/// Statuses that a charm may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// All is well.
    Active,
    /// Something else must happen first; no user need act.
    Waiting,
    /// It is at work.
    Maintenance,
    /// A user must act.
    Blocked,
}

impl Status {
    /// Juju's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Waiting => "waiting",
            Self::Maintenance => "maintenance",
            Self::Blocked => "blocked",
        }
    }
}

/// The unit's status as it was when the hook first asked, and its message.
pub fn get() -> Result<(String, String), ToolError> {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Answer {
        status: String,
        message: String,
    }
    let answer: Answer = tool::json("status-get", &["--include-data"])?;
    Ok((answer.status, answer.message))
}

/// Sets the unit's status.
pub fn set(status: Status, message: &str) -> Result<(), ToolError> {
    let message = printable::line(message);
    tool::run("status-set", &["--", status.name(), one_argument(&message)]).map(drop)
}

/// Sets the application's status; only the leader may.
pub fn set_application(status: Status, message: &str) -> Result<(), ToolError> {
    let message = printable::line(message);
    let message = one_argument(&message);
    let arguments = ["--application=true", "--", status.name(), message];
    tool::run("status-set", &arguments).map(drop)
}

fn one_argument(message: &str) -> &str {
    let mut end = message.len().min(tool::LONGEST_ARGUMENT);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    &message[..end]
}
