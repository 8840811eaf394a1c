//! Identities to the API server, and those that can be taken.

use std::fmt;

/// An identity as the API server authenticates it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// A user.
    User(String),
    /// A member of a group.
    Group(String),
    /// A service account: namespace and name.
    Account(String, String),
    /// Any user: impersonation is allowed.
    AnyUser,
}

impl Identity {
    /// The user names and groups that bindings may name.
    pub(super) fn subjects(&self) -> Vec<(&'static str, String)> {
        let group = |name: &str| ("Group", name.to_owned());
        match self {
            Self::User(name) => vec![("User", name.clone()), group("system:authenticated")],
            Self::Group(name) => vec![("Group", name.clone()), group("system:authenticated")],
            Self::Account(namespace, name) => vec![
                ("ServiceAccount", format!("{namespace}/{name}")),
                ("User", format!("system:serviceaccount:{namespace}:{name}")),
                group(&format!("system:serviceaccounts:{namespace}")),
                group("system:serviceaccounts"),
                group("system:authenticated"),
            ],
            Self::AnyUser => Vec::new(),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user {name}"),
            Self::Group(name) => write!(f, "group {name}"),
            Self::Account(namespace, name) => write!(f, "service account {namespace}/{name}"),
            Self::AnyUser => f.write_str("any user"),
        }
    }
}

/// A step of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it is, in words.
    pub says: String,
    /// The object to change to close this way, if it is one object's doing.
    pub change: Option<String>,
}

impl Step {
    /// A step that an object makes possible.
    pub(super) fn by(says: impl Into<String>, object: impl ToString) -> Self {
        Self { says: says.into(), change: Some(object.to_string()) }
    }

    /// A step without such an object.
    pub(super) fn only(says: impl Into<String>) -> Self {
        Self { says: says.into(), change: None }
    }
}

/// An identity that can be had, and the steps that lead to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The identity.
    pub identity: Identity,
    /// The steps.
    pub chain: Vec<Step>,
}
