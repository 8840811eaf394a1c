//! Scope of a report: the program, the cluster, the policy and the selected controls.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::count;
use crate::policy::Policy;

/// A program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Tool {
    /// `ckf-hardening`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Policy and data of an audit, and the selected controls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Scope {
    /// Selected controls, a text for each option; empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub selected: Vec<String>,
    /// Number of controls that the selection leaves out.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out: usize,
    /// `baseline` or `strict`.
    pub profile: String,
    /// Digest of the policy: equal policies have equal digests.
    pub policy: String,
    /// Waivers of the policy.
    pub waivers: usize,
    /// Attestations of the policy.
    pub attestations: usize,
    /// Custom controls of the policy.
    pub custom_controls: usize,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Scope {
    pub(super) fn of(policy: &Policy) -> Self {
        Self {
            profile: policy.profile.name().into(),
            // The policy has no form of its own to hash but the one for developers.
            policy: crate::digest(format!("{policy:?}")),
            waivers: policy.waivers.len(),
            attestations: policy.attestations.len(),
            custom_controls: policy.controls.len(),
            ..Self::default()
        }
    }

    /// One line about the policy.
    pub fn policy_line(&self) -> String {
        format!(
            "policy {} (profile {}): {}, {}, {}",
            self.policy,
            self.profile,
            count(self.waivers, "waiver"),
            count(self.attestations, "attestation"),
            count(self.custom_controls, "custom control"),
        )
    }

    /// One line about a selection, if there is one.
    pub fn selected_line(&self) -> Option<String> {
        (!self.selected.is_empty()).then(|| {
            let left_out = count(self.left_out, "control");
            format!("selected: {}; {left_out} left out", self.selected.join("; "))
        })
    }
}

/// The audited cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Cluster {
    /// Namespace of the platform.
    pub namespace: String,
    /// Time of the audit's facts, RFC 3339.
    pub collected_at: String,
    /// Kubernetes version, null if it could not be read.
    pub version: Option<String>,
    /// Kubernetes distribution.
    pub distribution: String,
    /// URL of the distribution's security guide.
    pub security_guide: String,
    /// Kinds that could not be read, each with the reason.
    pub unknown: Vec<String>,
    /// URL of the API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Context of the kubeconfig.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// UID of the namespace kube-system, which identifies the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}
