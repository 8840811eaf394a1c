//! Protection in front of an entrance: TLS, login, policies.

use serde::Serialize;

/// Whether something stands in front of an entrance, and what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "detail")]
pub enum Front {
    /// Protected.
    There(String),
    /// Not protected, for this reason.
    Missing(String),
    /// Unknown, for this reason.
    Unknown(String),
}

impl Front {
    /// Whether it is missing.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }

    /// Its detail.
    pub fn detail(&self) -> &str {
        match self {
            Self::There(detail) | Self::Missing(detail) | Self::Unknown(detail) => detail,
        }
    }
}

impl std::fmt::Display for Front {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::There(detail) => write!(f, "{detail}"),
            Self::Missing(detail) => write!(f, "no: {detail}"),
            Self::Unknown(detail) => write!(f, "unknown: {detail}"),
        }
    }
}
