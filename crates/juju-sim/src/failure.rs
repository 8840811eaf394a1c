//! How a hook tool fails.

/// Why a tool refuses.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// Exit status 1 or 2 with a message.
    Exit {
        /// The status.
        code: u8,
        /// The message.
        message: String,
    },
    /// It must read its input first.
    NeedsInput,
}

impl Failure {
    /// The call was wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Exit { code: 2, message: message.into() }
    }

    /// It cannot be done.
    pub fn run(message: impl Into<String>) -> Self {
        Self::Exit { code: 1, message: message.into() }
    }
}
