//! The cloud and its credential: `credential-get`, for applications deployed
//! with `--trust`. On Kubernetes from Juju 3.6.10 on.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::secret::Value;
use crate::tool::{self, ToolError};

/// A cloud and how to log in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Cloud {
    /// For example `kubernetes`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Name.
    pub name: String,
    /// Address of its API.
    pub endpoint: String,
    /// CA certificates of its API, PEM.
    #[serde(rename = "cacertificates")]
    pub ca_certificates: Vec<String>,
    /// Authentication type and its values.
    pub credential: Credential,
}

/// Authentication to a cloud.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Credential {
    /// For example `oauth2`.
    pub auth_type: String,
    /// Names and secret values.
    #[serde(rename = "attrs")]
    pub attributes: BTreeMap<String, Value>,
}

/// Reads it.
pub fn get() -> Result<Cloud, ToolError> {
    tool::json("credential-get", &[])
}
