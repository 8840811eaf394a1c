//! Where an entrance leads, as data.

use serde::Serialize;

use crate::facts::object::ObjectRef;

/// Where an entrance leads.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Destination {
    /// The route, or the object itself.
    pub route: ObjectRef,
    /// Path, or what else the route matches.
    pub path: String,
    /// Host, or name of the pods.
    pub host: String,
    /// Namespace of the pods.
    pub namespace: String,
    /// Whether they are the platform's or a profile's.
    pub is_ours: bool,
    /// Whether they are the platform's.
    #[serde(skip)]
    pub is_platform: bool,
    /// Whether it gets copies only.
    pub is_mirror: bool,
    /// Header of the user's identity that the route sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sets: Option<String>,
    /// Foreign origins whose pages read the answers with the user's session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origins: Option<String>,
}

impl Destination {
    /// Pods of this name in a namespace that is not known to be the platform's or a profile's.
    pub fn new(route: ObjectRef, host: String, namespace: &str) -> Self {
        Self {
            route,
            path: String::new(),
            host,
            namespace: namespace.to_owned(),
            is_ours: false,
            is_platform: false,
            is_mirror: false,
            sets: None,
            origins: None,
        }
    }
}
