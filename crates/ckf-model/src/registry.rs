//! Images of the platform in their registries.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dpkg::Packages;
use crate::known::Known;

/// Images in their registries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Rocks {
    /// Time at which the registries were queried.
    pub asked_at: Timestamp,
    /// Images by reference, as [`ImageReference`] prints it.
    pub images: BTreeMap<String, Known<Rock>>,
    /// Number of requests sent.
    pub requests: usize,
}

/// An image in its registry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Rock {
    /// Digest to which the reference resolves, `sha256:…`.
    pub digest: String,
    /// Digest of this platform's manifest, if `digest` is that of an index; nodes report either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest_digest: Option<String>,
    /// Build time, from the image's configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Whether the registry has a signature of it.
    pub signed: bool,
    /// Whether the registry has an attestation of it.
    pub attested: bool,
    /// Packages, if they were requested and the image has a package list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages: Option<Packages>,
}

impl Rock {
    /// Whether this is its digest or that of its index.
    pub fn is(&self, digest: &str) -> bool {
        self.digest == digest || self.manifest_digest.as_deref() == Some(digest)
    }
}
