//! Facts that may be unknown, with the reason.

use serde::{Deserialize, Serialize};

use super::object::ObjectRef;

/// Reason for which a fact is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "why", content = "detail")]
pub enum Unknown {
    /// The server denied access; holds its message.
    Forbidden(String),
    /// No response within the deadline.
    TimedOut(String),
    /// Any other failure.
    Failed(String),
    /// It was never collected, for example in an older snapshot.
    NotCollected,
}

impl std::fmt::Display for Unknown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Forbidden(detail) => write!(f, "forbidden: {detail}"),
            Self::TimedOut(detail) => write!(f, "timed out: {detail}"),
            Self::Failed(detail) => write!(f, "could not be read: {detail}"),
            Self::NotCollected => write!(f, "not collected"),
        }
    }
}

impl std::error::Error for Unknown {}

/// A fact, or the reason for which it is unknown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known<T> {
    /// The fact.
    Known(T),
    /// Reason for which it is unknown.
    Unknown(Unknown),
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self::Unknown(Unknown::NotCollected)
    }
}

/// An object that exists but could not be parsed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unread {
    /// The object.
    pub object: ObjectRef,
    /// Parse error.
    pub error: String,
}

/// All objects of a kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed<T> {
    /// Whether the cluster serves the kind; if not, there are no objects.
    pub installed: bool,
    /// The objects, sorted by namespace and name.
    pub items: Vec<T>,
    /// Objects that could not be parsed.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { installed: true, items: Vec::new(), unread: Vec::new() }
    }
}

/// A kind's objects, or the reason for which they are unknown.
pub type Kind<T> = Known<Listed<T>>;
