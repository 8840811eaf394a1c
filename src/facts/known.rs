//! What is known, what is not, and why.

use serde::{Deserialize, Serialize};

use super::object::ObjectRef;

/// Why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "why", content = "detail")]
pub enum Unknown {
    /// The API server refused; the text is its message.
    Forbidden(String),
    /// No answer within the deadline.
    TimedOut(String),
    /// Any other failure.
    Failed(String),
    /// Nothing tried to read it, for example an older snapshot.
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

/// A fact, or the reason that it is not known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known<T> {
    /// The fact.
    Known(T),
    /// Why it is not known.
    Unknown(Unknown),
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self::Unknown(Unknown::NotCollected)
    }
}

/// One object that is there but could not be understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unread {
    /// The object.
    pub object: ObjectRef,
    /// What was wrong with it.
    pub error: String,
}

/// All objects of a kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listed<T> {
    /// Whether the cluster serves the kind; without it there are no objects.
    pub installed: bool,
    /// The objects, by namespace and name.
    pub items: Vec<T>,
    /// Objects that could not be understood.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { installed: true, items: Vec::new(), unread: Vec::new() }
    }
}

/// A kind's objects, or the reason that they are not known.
pub type Kind<T> = Known<Listed<T>>;
