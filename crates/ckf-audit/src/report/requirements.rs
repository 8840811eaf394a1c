//! Verdicts by the requirements of another framework, as data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::controls::Verdict;

/// Verdicts by the requirements of a framework.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FrameworkReport {
    /// Name of the framework.
    pub name: String,
    /// Number of requirements that are assessed.
    pub assessed: usize,
    /// Requirements that controls map to.
    pub requirements: Vec<Requirement>,
}

/// Verdict of a requirement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Requirement {
    /// Id in the framework.
    pub id: String,
    /// Title; empty if the id says all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Worst verdict of its controls.
    pub verdict: Verdict,
    /// Controls that map to it.
    pub controls: Vec<String>,
    /// Those of them that fail.
    pub failing: Vec<String>,
}
