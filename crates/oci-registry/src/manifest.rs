//! Manifests and configurations of images, of OCI and of Docker.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Digest, Error};

/// Media types that are asked for.
pub(crate) const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, \
application/vnd.oci.image.manifest.v1+json, \
application/vnd.docker.distribution.manifest.list.v2+json, \
application/vnd.docker.distribution.manifest.v2+json";

/// Platform of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Operating system, by Go's name.
    pub os: String,
    /// Architecture, by Go's name.
    pub architecture: String,
}

impl Default for Platform {
    fn default() -> Self {
        Self { os: "linux".into(), architecture: "amd64".into() }
    }
}

/// Where something is in a repository.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Media type.
    #[serde(default)]
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes, as is claimed.
    pub size: u64,
}

/// An image's manifest: its configuration and its layers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Its configuration.
    pub config: Descriptor,
    /// Its layers, the lowest first.
    #[serde(default)]
    pub layers: Vec<Descriptor>,
    /// Annotations.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// Parses a manifest of an image; an index is none.
    pub fn parse(what: &str, bytes: &[u8]) -> Result<Self, Error> {
        match parse(what, bytes)? {
            Document::Manifest(manifest) => Ok(manifest),
            Document::Index(_) => {
                Err(Error::Malformed { what: what.to_owned(), why: "it is an index".into() })
            }
        }
    }
}

/// An image as it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// What the tag leads to: of the index, where there is one.
    pub digest: Digest,
    /// Of the manifest for the platform.
    pub manifest_digest: Digest,
    /// The manifest.
    pub manifest: Manifest,
}

/// An image's configuration, as far as it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// When it was built.
    pub created: Option<jiff::Timestamp>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// User that it runs as, as is written there.
    pub user: String,
}

/// Either kind of document.
pub(crate) enum Document {
    Index(Vec<Entry>),
    Manifest(Manifest),
}

/// An image of an index.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Entry {
    #[serde(flatten)]
    pub(crate) descriptor: Descriptor,
    platform: Option<PlatformWire>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct PlatformWire {
    os: String,
    architecture: String,
}

impl Entry {
    pub(crate) fn is_for(&self, platform: &Platform) -> bool {
        self.platform
            .as_ref()
            .is_some_and(|own| own.os == platform.os && own.architecture == platform.architecture)
    }
}

pub(crate) fn parse(what: &str, bytes: &[u8]) -> Result<Document, Error> {
    #[derive(Deserialize)]
    struct Wire {
        manifests: Option<Vec<Entry>>,
        config: Option<serde_json::Value>,
    }
    let malformed = |why: String| Error::Malformed { what: what.to_owned(), why };
    let wire: Wire = serde_json::from_slice(bytes).map_err(|e| malformed(e.to_string()))?;
    match (wire.manifests, wire.config) {
        (Some(entries), None) => Ok(Document::Index(entries)),
        (None, Some(_)) => serde_json::from_slice(bytes)
            .map(Document::Manifest)
            .map_err(|e| malformed(e.to_string())),
        (Some(_), Some(_)) => Err(malformed("it is an index and a manifest at once".into())),
        (None, None) => Err(malformed("it is neither an index nor a manifest".into())),
    }
}

pub(crate) fn parse_config(what: &str, bytes: &[u8]) -> Result<Config, Error> {
    #[derive(Deserialize)]
    struct Wire {
        created: Option<String>,
        #[serde(default)]
        config: Option<Inner>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Inner {
        #[serde(rename = "User")]
        user: String,
        #[serde(rename = "Labels")]
        labels: Option<BTreeMap<String, String>>,
    }
    let wire: Wire = serde_json::from_slice(bytes)
        .map_err(|e| Error::Malformed { what: what.to_owned(), why: e.to_string() })?;
    let inner = wire.config.unwrap_or_default();
    Ok(Config {
        created: wire.created.and_then(|text| text.parse().ok()),
        labels: inner.labels.unwrap_or_default(),
        user: inner.user,
    })
}
