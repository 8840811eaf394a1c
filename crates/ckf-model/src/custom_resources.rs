//! Objects of kinds that only the policy's own controls read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::known::Known;

/// Objects by kind, as [`ObjectKind`] prints it; `null` for a kind that is not installed.
pub type CustomResources = BTreeMap<String, Known<Option<Vec<Value>>>>;

/// Marks an object that could not be parsed and is reduced to its name.
pub const UNREAD: &str = "ckf-hardening/unread";

/// A kind of objects, as in manifests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectKind {
    /// Group and version, for example `apps/v1`; `v1` for the core group.
    pub api_version: String,
    /// Kind, for example `Deployment`.
    pub kind: String,
}

impl std::fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.api_version, self.kind)
    }
}
