//! Kubernetes' Pod Security Standards, baseline and restricted, in full and in their newest
//! version.
//!
//! Source: Kubernetes' own library, `k8s.io/pod-security-admission/policy`. A test holds both to
//! what an API server answers about generated pods.

mod baseline;
mod restricted;

use crate::facts::core::{Container, Pod};

/// What a standard refuses in a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation<'a> {
    /// The reason, as Kubernetes words it.
    pub reason: &'static str,
    /// The container; `None` for the pod itself.
    pub container: Option<&'a Container>,
    /// The field, as findings name it.
    pub field: String,
    /// What is there.
    pub seen: String,
    /// What may be there.
    pub wanted: &'static str,
}

/// What the baseline standard refuses in a pod.
pub fn baseline(pod: &Pod) -> Vec<Violation<'_>> {
    let mut all = Vec::new();
    baseline::check(pod, &mut all);
    all
}

/// What the restricted standard refuses in a pod, beyond what the baseline does.
pub fn restricted(pod: &Pod) -> Vec<Violation<'_>> {
    let mut all = Vec::new();
    restricted::check(pod, &mut all);
    all
}

/// Reasons of the baseline standard for which the restricted one has its own check.
pub const OVERRIDDEN: [&str; 3] = ["hostPath volumes", "non-default capabilities", "procMount"];

/// A violation of a pod's or a container's field.
fn violation<'a>(
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
fn has_own_users(pod: &Pod) -> bool {
    pod.spec.host_users == Some(false)
}

fn is_windows(pod: &Pod) -> bool {
    pod.spec.os.as_ref().is_some_and(|os| os.name == "windows")
}
