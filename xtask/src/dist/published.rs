//! What names the release's files by address and digest: the manifest for krew, and the action for
//! GitHub.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context as _;
use serde_json::Value;

use crate::pack::Arch;
use crate::run::root;

const KREW: &str = "packaging/krew/ckf-hardening.yaml";
const ACTION: &str = "packaging/github/action.yml";

/// The release that is referred to.
pub struct Release<'a> {
    pub version: &'a str,
    /// The URL below which its files are published.
    pub address: &'a str,
    /// Digests of the binaries' archives.
    pub digests: &'a BTreeMap<Arch, String>,
}

impl Release<'_> {
    /// The manifest for krew, with the platforms that the release has.
    pub fn krew(&self) -> anyhow::Result<String> {
        let text = fs::read_to_string(root().join(KREW)).context(KREW)?;
        let mut text = text.replace("vVERSION", &format!("v{}", self.version));
        for arch in Arch::ALL {
            let upper = arch.name().to_uppercase();
            let name = super::archive_name(self.version, arch);
            text = text.replace(&format!("ADDRESS_{upper}"), &format!("{}/{name}", self.address));
            text = text.replace(&format!("DIGEST_{upper}"), self.digest(arch));
        }
        let mut manifest: Value = serde_yaml::from_str(&text).context(KREW)?;
        let platforms = manifest["spec"]["platforms"].as_array_mut();
        platforms.context("the manifest for krew has no platforms")?.retain(|platform| {
            let digest = platform["sha256"].as_str();
            digest != Some(NONE)
        });
        Ok(serde_yaml::to_string(&manifest)?)
    }

    /// The action for GitHub; it refuses runners whose binary the release has not.
    pub fn action(&self) -> anyhow::Result<String> {
        let text = fs::read_to_string(root().join(ACTION)).context(ACTION)?;
        // Without the comment that calls it a template.
        let (_, text) = text.split_once('\n').unwrap_or(("", &text));
        let text = text.replace("ADDRESS", self.address).replace("VERSION", self.version);
        let arches = Arch::ALL.into_iter();
        Ok(arches.fold(text, |text, arch| {
            let upper = arch.name().to_uppercase();
            text.replace(&format!("DIGEST_{upper}"), self.digest(arch))
        }))
    }

    fn digest(&self, arch: Arch) -> &str {
        self.digests.get(&arch).map_or(NONE, String::as_str)
    }
}

/// In place of a digest, where there is no binary.
const NONE: &str = "none";
