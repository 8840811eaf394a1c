//! All network policies of a cluster together: those of its administrators, NetworkPolicies and
//! Cilium's own, in the order in which they decide.
//!
//! Source: the Network Policy API of Kubernetes: the tier of administrators goes before
//! NetworkPolicies, and the baseline decides about pods that none selects. Cilium's documentation:
//! its rules and NetworkPolicies add up, what denies goes first, and a pod that one selects refuses
//! what none lets in, unless `enableDefaultDeny` says otherwise.

mod cilium;
mod cluster;
mod core;
mod found;
mod matching;
mod parties;
mod rules;
mod survey;

pub use self::parties::{At, Client, ClientPod, Decision};
pub use self::rules::{Lists, NetworkRules};
pub use self::survey::Opening;
