//! Errors of calls to Pebble.

use std::path::PathBuf;

use super::change::Change;

/// Why Pebble did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing listens: the container has not started, or starts again.
    #[error("pebble {}: {source}", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// No answer within the deadline.
    #[error("pebble {}: no answer to {request} in time", socket.display())]
    TimedOut {
        /// The socket.
        socket: PathBuf,
        /// The request.
        request: String,
    },
    /// Pebble refused.
    #[error("pebble: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Kind, for example `not-found`; empty if Pebble gives none.
        kind: String,
        /// Pebble's words.
        message: String,
    },
    /// A change ended with an error. Its request had been taken: HTTP knows no failure.
    #[error("pebble: {}", .0.error())]
    Change(Box<Change>),
    /// A file could not be read or written.
    #[error("pebble: {path}: {message}")]
    File {
        /// The path.
        path: String,
        /// `not-found`, `permission-denied` or `generic-file-error`.
        kind: String,
        /// Pebble's words.
        message: String,
    },
    /// The answer is not Pebble's.
    #[error("pebble: {what} could not be understood: {why}")]
    Answer {
        /// The answer.
        what: String,
        /// Why.
        why: String,
    },
    /// Input or output of a caller failed.
    #[error("pebble: {0}")]
    Io(#[from] std::io::Error),
}
