//! What kinds of Istio select: pods by labels, targets by reference.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::labels::Labels;
use crate::object::Meta;
use crate::text::Interned;
use crate::wire::wire;

wire! {
/// A selector of pods by label.
WorkloadSelector {
    /// Labels that pods must have.
    match_labels: Labels,
}}

wire! {
/// Reference to the target of a policy.
TargetRef {
    /// API group; empty for Kubernetes' own kinds.
    #[serde(skip_serializing_if = "str::is_empty")] group: Interned,
    /// Kind.
    kind: Interned,
    /// Name.
    name: Interned,
    /// Namespace, if it differs from the policy's.
    #[serde(skip_serializing_if = "str::is_empty")] namespace: Interned,
}}

/// Metadata with UID and creation time.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IdentifiedMeta {
    #[serde(flatten)]
    pub(super) meta: Meta,
    #[serde(default)]
    pub(super) uid: Interned,
    #[serde(default)]
    pub(super) creation_timestamp: Option<Timestamp>,
}

/// Whether a selector matches pods with these labels; an absent one matches all.
pub fn selects(selector: Option<&WorkloadSelector>, labels: &Labels) -> bool {
    selector.is_none_or(|s| labels.include(&s.match_labels))
}
