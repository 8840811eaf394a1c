//! Where an image is named.

use serde::Serialize;

/// Where an image is named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// A container of a pod.
    Container(String),
    /// An option of the application.
    Option(String),
    /// A ConfigMap in the platform.
    ConfigMap(String),
    /// A registry override of Knative's operator.
    Override(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Container(name) => f.write_str(name),
            Self::Option(name) => write!(f, "option {name}"),
            Self::ConfigMap(name) => write!(f, "ConfigMap {name}"),
            Self::Override(name) => write!(f, "override of {name}"),
        }
    }
}
