//! Kubernetes' Pod Security Standards, baseline and restricted, in full and in their newest
//! version.
//!
//! Source: Kubernetes' own library, `k8s.io/pod-security-admission/policy`. A test holds both to
//! what an API server answers about generated pods.

mod baseline;
mod restricted;
mod violation;

pub use self::violation::Violation;

use crate::facts::core::Pod;

/// Violations of the baseline standard in a pod.
pub fn baseline(pod: &Pod) -> Vec<Violation<'_>> {
    let mut all = Vec::new();
    baseline::check(pod, &mut all);
    all
}

/// Violations of the restricted standard in a pod, beyond those of the baseline.
pub fn restricted(pod: &Pod) -> Vec<Violation<'_>> {
    let mut all = Vec::new();
    restricted::check(pod, &mut all);
    all
}

/// Reasons of the baseline standard for which the restricted one has its own check.
pub const OVERRIDDEN: [&str; 3] = ["hostPath volumes", "non-default capabilities", "procMount"];
