//! Subjects of changes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::facts::object::ObjectRef;

/// Subject of a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// An object of the cluster.
    Object(ObjectRef),
    /// An application of the model.
    Application(String),
    /// A relation of the model.
    Relation(String),
    /// Configuration of the controller or the model.
    Configuration(Configured),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(object) => object.fmt(f),
            Self::Application(name) => write!(f, "application {name}"),
            Self::Relation(endpoints) => write!(f, "relation {endpoints}"),
            Self::Configuration(of) => of.fmt(f),
        }
    }
}

/// Configuration in Juju that is not an application's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Configured {
    /// The controller's configuration.
    Controller,
    /// The configuration of the platform's model.
    Model,
    /// Sets of commands that are disabled in the platform's model; the value is the message.
    Commands,
}

impl fmt::Display for Configured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Controller => "the controller's configuration",
            Self::Model => "the model's configuration",
            Self::Commands => "the model's disabled commands",
        })
    }
}

/// A value as a person reads it; `none` says what its absence means.
pub(super) fn shown<'a>(value: Option<&'a str>, none: &'a str) -> &'a str {
    match value {
        None => none,
        Some("") => "\"\"",
        Some(value) => value,
    }
}
