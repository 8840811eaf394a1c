//! A plan in a file, as `plan --out` writes it and `apply --plan` reads it.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::remedies::Remedy;
use crate::tls::TlsVersion;

/// Format and version of a plan file.
pub(super) const SCHEMA: &str = "ckf-hardening/plan/v1";

/// A plan in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SavedPlan {
    pub(super) schema: String,
    pub(super) remedies: Vec<String>,
    pub(super) namespace: String,
    pub(super) tls_min_version: String,
    /// The policy that it was made with, as its file had it.
    pub(super) policy: String,
    pub(super) strict: bool,
    #[serde(default)]
    pub(super) allow_disruption: bool,
    #[serde(default)]
    pub(super) profiles: Vec<String>,
    pub(super) changes: Value,
}

impl SavedPlan {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let what = || format!("plan file {}", path.display());
        let text = crate::files::read(path, crate::files::LARGEST_REPORT).with_context(what)?;
        let saved: Self = serde_json::from_str(&text).with_context(what)?;
        match saved.schema == SCHEMA {
            true => Ok(saved),
            false => bail!("{}: its schema is {}, not {SCHEMA}", what(), saved.schema),
        }
    }

    pub(super) fn tls_min_version(&self) -> anyhow::Result<TlsVersion> {
        self.tls_min_version.parse().context("plan file: tlsMinVersion")
    }

    pub(super) fn remedies(&self) -> anyhow::Result<Vec<Remedy>> {
        let names = self.remedies.iter().map(|name| name.parse::<Remedy>());
        names.collect::<Result<_, _>>().map_err(anyhow::Error::msg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plan_file_with_an_unknown_tls_version_is_refused() {
        let plan = |version: &str| SavedPlan {
            schema: SCHEMA.into(),
            remedies: Vec::new(),
            namespace: "kubeflow".into(),
            tls_min_version: version.into(),
            policy: String::new(),
            strict: false,
            allow_disruption: false,
            profiles: Vec::new(),
            changes: Value::Null,
        };
        assert_eq!(plan("1.3").tls_min_version().unwrap(), TlsVersion::V1_3);
        let why = format!("{:#}", plan("1.31").tls_min_version().unwrap_err());
        assert!(why.contains("tlsMinVersion") && why.contains("1.31"), "{why}");
    }
}
