//! Signatures and attestations beside an image, as cosign leaves them. That they are there
//! is reported, not that they hold.

use serde::Deserialize;

use crate::{Client, Digest, Error};

/// What is beside an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signatures {
    /// A signature.
    pub signed: bool,
    /// An attestation, as of how it was built.
    pub attested: bool,
}

impl Client {
    /// Looks for signatures and attestations of an image, by cosign's tags and by OCI's
    /// referrers.
    pub fn signatures(&self, repository: &str, image: &Digest) -> Result<Signatures, Error> {
        let tag = |end: &str| format!("sha256-{}.{end}", image.hex());
        let mut found = Signatures {
            signed: self.has(repository, &tag("sig"))?,
            attested: self.has(repository, &tag("att"))?,
        };
        let path = format!("referrers/{image}");
        let what = format!("what refers to {repository}@{image}");
        match self.small(repository, &path, &what) {
            Ok(bytes) => {
                let index: Index = serde_json::from_slice(&bytes).unwrap_or_default();
                for referrer in index.manifests {
                    let kind = referrer.artifact_type;
                    found.signed |= kind.contains("cosign") || kind.contains("notary");
                    found.attested |= kind.contains("in-toto") || kind.contains("sigstore");
                }
            }
            // Registries need not have it.
            Err(Error::NotFound(_) | Error::Server { .. }) => {}
            Err(other) => return Err(other),
        }
        Ok(found)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Index {
    manifests: Vec<Referrer>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Referrer {
    artifact_type: String,
}
