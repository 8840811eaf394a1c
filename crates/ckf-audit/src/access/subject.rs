//! The subject and the target of a question, as users name them.

use std::fmt;
use std::str::FromStr;

/// The subject of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A user, by the name that login gives.
    User(String),
    /// Members of a group.
    Group(String),
    /// A service account.
    Account {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// What runs in a profile, by default as its `default-editor`.
    Profile(String),
}

/// The target of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// A profile.
    Profile(String),
    /// The platform itself.
    Platform,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user {name}"),
            Self::Group(name) => write!(f, "group {name}"),
            Self::Account { namespace, name } => {
                write!(f, "service account {namespace}/{name}")
            }
            Self::Profile(name) => write!(f, "pods of profile {name}"),
        }
    }
}

/// A text that names neither a subject nor a target of access.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A service account as the API server calls it, without a part.
    #[error("{0:?}: expected system:serviceaccount:NAMESPACE:NAME")]
    AccountUser(String),
    /// A service account without a part.
    #[error("{0:?}: expected account/NAMESPACE/NAME")]
    Account(String),
    /// No name.
    #[error("{0:?} names no subject")]
    Empty(String),
    /// No kind of subject.
    #[error("{0:?} is not NAME, user/NAME, group/NAME, profile/NAME or account/NAMESPACE/NAME")]
    Subject(String),
    /// No target.
    #[error("{0:?} is neither profile/NAME nor platform")]
    Target(String),
}

impl FromStr for Who {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        // As the API server calls an account.
        let user = text.strip_prefix("user/").unwrap_or(text);
        if let Some(account) = user.strip_prefix("system:serviceaccount:") {
            return match account.split_once(':') {
                Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
                    Ok(Self::Account { namespace: namespace.into(), name: name.into() })
                }
                _ => Err(NameError::AccountUser(text.to_owned())),
            };
        }
        let (kind, name) = text.split_once('/').unwrap_or(("user", text));
        if name.is_empty() {
            return Err(NameError::Empty(text.to_owned()));
        }
        match kind {
            "user" => Ok(Self::User(name.into())),
            "group" => Ok(Self::Group(name.into())),
            "profile" => Ok(Self::Profile(name.into())),
            "account" => match name.split_once('/') {
                Some((namespace, name)) => {
                    Ok(Self::Account { namespace: namespace.into(), name: name.into() })
                }
                None => Err(NameError::Account(text.to_owned())),
            },
            _ => Err(NameError::Subject(text.to_owned())),
        }
    }
}

impl FromStr for To {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split_once('/') {
            None if text == "platform" => Ok(Self::Platform),
            Some(("profile", name)) if !name.is_empty() => Ok(Self::Profile(name.into())),
            _ => Err(NameError::Target(text.to_owned())),
        }
    }
}
