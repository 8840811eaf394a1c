//! What a hook tool's process and the simulation say to each other: one request
//! and one answer a connection, each a line of JSON.

use serde::{Deserialize, Serialize};

/// A call of a hook tool.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// `JUJU_CONTEXT_ID` of the caller.
    pub context: String,
    /// Name of the tool.
    pub tool: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The caller's working directory.
    pub directory: String,
    /// The caller's input, once the tool has asked for it.
    pub input: Option<String>,
}

/// What the tool does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// Ends.
    End {
        /// Exit status.
        code: u8,
        /// Standard output.
        stdout: String,
        /// Standard error.
        stderr: String,
    },
    /// Reads its input and asks again.
    NeedsInput,
}
