//! Actions: `action-get`, `action-set`, `action-log`, `action-fail`.

use serde::de::DeserializeOwned;

use crate::tool::{self, ToolError};
use printable;

/// The parameters, with the defaults of `actions.yaml`.
pub fn parameters<T: DeserializeOwned + Default>() -> Result<T, ToolError> {
    tool::json("action-get", &[])
}

/// Sets results. A key is lower case, digits and inner hyphens; dots nest. A
/// value longer than [`tool::LONGEST_ARGUMENT`] cannot be passed on.
pub fn set(results: &[(&str, &str)]) -> Result<(), ToolError> {
    // Each in a call of its own: together they might be longer than the kernel allows.
    for (key, value) in results {
        let value = printable::text(value);
        tool::run("action-set", &["--".to_owned(), format!("{key}={value}")])?;
    }
    Ok(())
}

/// Reports the action's progress to the user who waits for it. It takes effect at once.
pub fn log(message: &str) -> Result<(), ToolError> {
    tool::run("action-log", &["--", &printable::line(message)]).map(drop)
}

/// Fails the action with a message. `dispatch` should exit with 0 all the same.
pub fn fail(message: &str) -> Result<(), ToolError> {
    tool::run("action-fail", &["--", &printable::text(message)]).map(drop)
}
