//! Kubeflow's Profile.

use serde::{Deserialize, Serialize};

use super::selection::IdentifiedMeta;
use crate::core::Condition;
use crate::object::{Meta, object};
use crate::rbac::Subject;
use crate::text::Interned;
use crate::wire::wire;

/// A Profile, in the API server's format.
#[derive(Deserialize)]
pub struct ProfileWire {
    metadata: IdentifiedMeta,
    #[serde(default)]
    spec: ProfileSpec,
    #[serde(default)]
    status: ProfileStatus,
}

impl From<ProfileWire> for Profile {
    fn from(wire: ProfileWire) -> Self {
        Self {
            metadata: wire.metadata.meta,
            uid: wire.metadata.uid,
            spec: wire.spec,
            status: wire.status,
        }
    }
}

wire! {
/// A Kubeflow Profile.
Profile {
    /// Metadata.
    metadata: Meta,
    /// UID; empty if unknown.
    #[serde(skip_serializing_if = "str::is_empty")] uid: Interned,
    /// Desired state.
    spec: ProfileSpec,
    /// Observed state.
    status: ProfileStatus,
}}
object!(Profile, "kubeflow.org/v1", "Profile");

wire! {
/// Spec of a Profile.
ProfileSpec {
    /// The owner.
    owner: Subject,
}}

wire! {
/// Status of a Profile.
ProfileStatus {
    /// Conditions.
    conditions: Vec<Condition>,
}}
