//! A violation of a standard, and what the standards share.

use crate::facts::core::{Container, Pod};

/// Violation of a Pod Security standard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation<'a> {
    /// The reason, as Kubernetes words it.
    pub reason: &'static str,
    /// The container; `None` for the pod itself.
    pub container: Option<&'a Container>,
    /// The field, as findings name it.
    pub field: String,
    /// Value in the pod.
    pub seen: String,
    /// Permitted values.
    pub wanted: &'static str,
}

/// A violation of a pod's or a container's field.
pub(super) fn violation<'a>(
    reason: &'static str,
    container: Option<&'a Container>,
    field: &str,
    seen: impl Into<String>,
    wanted: &'static str,
) -> Violation<'a> {
    let field = match container {
        Some(container) => format!("container {} {field}", container.name),
        None => format!("spec.{field}"),
    };
    Violation { reason, container, field, seen: seen.into(), wanted }
}

/// Whether its users are not the node's, so that root in it has no rights on the node.
pub(super) fn has_own_users(pod: &Pod) -> bool {
    pod.spec.host_users == Some(false)
}

pub(super) fn is_windows(pod: &Pod) -> bool {
    pod.spec.os.as_ref().is_some_and(|os| os.name == "windows")
}
