//! Images, as the catalogue knows them: pinned, mutable, a rock.

use std::ops::Deref;

use crate::catalog;
use crate::catalog::Release;
use crate::facts::image::ImageReference;

/// An image, and what the catalogue says of it.
#[derive(Debug, PartialEq)]
pub struct Image {
    /// Its reference.
    pub reference: ImageReference,
    /// Whether a release's platform, Juju or Istio, runs it.
    is_platform: bool,
    /// Whether a release's catalogue names it, tag and all.
    is_in_catalogue: bool,
}

impl Deref for Image {
    type Target = ImageReference;

    fn deref(&self) -> &ImageReference {
        &self.reference
    }
}

impl Image {
    /// Parses a reference; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let reference = ImageReference::parse(text)?;
        let (repository, tag) = (&reference.repository, reference.tag.as_deref());
        let full = tag.map(|tag| format!("{repository}:{tag}"));
        Some(Self {
            is_platform: is_platform(repository, tag, full.as_ref()),
            is_in_catalogue: full.is_some_and(|full| {
                let mut named = catalog::releases().iter().flat_map(Release::images);
                named.any(|image| image == full)
            }),
            reference,
        })
    }

    /// Whether what it is cannot change: it has a digest, or a tag that names a build.
    pub fn is_pinned(&self) -> bool {
        let by_rock = |tag: &str| {
            is_rock_home(&self.repository)
                && (is_rock_tag(tag) || (is_known_rock(&self.repository) && has_hash(tag)))
        };
        self.digest.is_some()
            || self.is_platform
            || self.tag.as_deref().is_some_and(|tag| {
                !is_mutable_tag(tag)
                    && (self.is_in_catalogue && is_catalogue_pin(tag, self) || by_rock(tag))
            })
    }
}

/// Whether a tag has the form of a rock's: a version, then the seven hexadecimal
/// digits of a commit, then perhaps the time of a build.
fn is_rock_tag(tag: &str) -> bool {
    let is_hash = |part: &str| {
        part.len() == 7
            && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            // Seven digits are a date more often than a commit, seven letters a word.
            && part.bytes().any(|b| b.is_ascii_digit())
            && part.bytes().any(|b| b.is_ascii_lowercase())
    };
    let is_time = |part: &str| part.len() == 14 && part.bytes().all(|b| b.is_ascii_digit());
    let version = tag.strip_prefix("ckf-").unwrap_or(tag);
    let version = version.strip_prefix('v').unwrap_or(version);
    if !version.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let parts: Vec<&str> = tag.split('-').collect();
    match parts.as_slice() {
        [_, .., hash, time] if is_time(time) && parts.len() > 2 => is_hash(hash),
        [_, .., hash] => is_hash(hash),
        _ => false,
    }
}

/// A release's catalogue names an image of this repository by a tag with a commit's hash, so other
/// tags of it are of that form too.
fn is_known_rock(repository: &str) -> bool {
    let mut all = catalog::releases().iter().flat_map(Release::images);
    all.any(|image| {
        let parts = image.rsplit_once(':');
        parts.is_some_and(|(known, tag)| known == repository && is_rock_tag(tag))
    })
}

/// A version, then seven hexadecimal digits of any kind, then perhaps a variant or a time: the form
/// of a rock's tag, which alone would be that of a date or of a word too.
fn has_hash(tag: &str) -> bool {
    let is_hash = |part: &&str| {
        part.len() == 7 && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let version = tag.trim_start_matches("ckf-").trim_start_matches('v');
    let mut parts = version.split('-');
    let is_version =
        |part: &str| part.starts_with(|c: char| c.is_ascii_digit()) && part.contains('.');
    parts.next().is_some_and(is_version) && parts.any(|part| is_hash(&part))
}

/// Tags that are known to move.
pub(crate) fn is_mutable_tag(tag: &str) -> bool {
    let moving = [
        "latest",
        "edge",
        "stable",
        "beta",
        "candidate",
        "main",
        "master",
        "dev",
        "devel",
        "nightly",
        "rolling",
    ];
    let lower = tag.to_ascii_lowercase();
    moving.contains(&lower.as_str())
        || ["_stable", "_edge", "_beta", "_candidate", "-latest", "-edge", "-stable"]
            .iter()
            .any(|end| lower.ends_with(end))
}

/// Repositories that hold rocks, by their part after the registry or mirror.
pub(crate) fn is_rock_home(repository: &str) -> bool {
    repository.contains("/charmedkubeflow/")
        || repository.starts_with("ghcr.io/canonical/")
        || repository.starts_with("registry.jujucharms.com/charm/")
}

fn is_platform(repository: &String, tag: Option<&str>, full: Option<&String>) -> bool {
    catalog::releases().iter().any(|r| {
        full.is_some_and(|full| r.platform_images.contains(full))
            || (r.platform_repositories.contains(repository)
                && tag.is_some_and(|t| {
                    t.contains(|c: char| c.is_ascii_digit()) && !is_mutable_tag(t)
                }))
    })
}

/// Whether the catalogue's image is pinned by its tag: a rock's hash, whatever
/// its digits, since the catalogue names it.
fn is_catalogue_pin(tag: &str, image: &Image) -> bool {
    is_rock_home(&image.repository) && tag.contains('-')
}

/// Requirement of an image that is not pinned.
pub const PINNED: &str = "a digest, or a rock's VERSION-HASH";

/// Whether a repository is a registry's, or below a prefix of repositories.
pub fn is_within(repository: &str, prefix: &str) -> bool {
    let rest = repository.strip_prefix(prefix.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rock_tag_lookalike_is_no_rock_tag() {
        for tag in [
            "1.10.0-e31a578",
            "v0.18.0-d73ff5e",
            "ckf-1.10-b40ac43",
            "2.0.0-rc.0-ambient-0ec9623",
            "0.15.2-cpu-68c38cb",
            "3.7.17-3487b58-20260723121157",
        ] {
            assert!(is_rock_tag(tag), "{tag}");
        }
        for tag in [
            "1.28.2-ck8",
            "3.12-24.04_stable",
            "latest",
            "1.10.0",
            "1.10.0-2024111",
            "feature-1d3fe19",
            "1.0-defaced",
            "1.0-E31A578",
            "e31a578",
            "1.0-e31a5789",
            "1.0-e31a57",
        ] {
            assert!(!is_rock_tag(tag), "{tag}");
        }
    }

    #[test]
    fn tag_of_a_known_rock_is_pinned_whatever_digits_its_hash_has() {
        for (image, is) in [
            ("docker.io/charmedkubeflow/katib-ui:v0.19.0-1234567", true),
            ("docker.io/charmedkubeflow/katib-ui:v0.19.0-defaced", true),
            ("docker.io/charmedkubeflow/sklearnserver:0.17.0-e2e8641-gpu", true),
            ("docker.io/charmedkubeflow/katib-ui:v0.19.0", false),
            ("docker.io/charmedkubeflow/katib-ui:feature-1234567", false),
            ("docker.io/charmedkubeflow/katib-ui:v0.19.0-20240101", false),
            ("docker.io/charmedkubeflow/unheard-of:v0.19.0-1234567", false),
            ("docker.io/stranger/katib-ui:v0.19.0-1234567", false),
            ("public.ecr.aws/juju/jujud-operator:3.6.9", true),
            ("public.ecr.aws/other/jujud-operator:3.6.9", false),
        ] {
            assert_eq!(Image::parse(image).unwrap().is_pinned(), is, "{image}");
        }
    }

    proptest::proptest! {
        #[test]
        fn tag_of_any_text_does_not_panic(text: String) {
            let _ = (is_rock_tag(&text), is_mutable_tag(&text));
        }
    }
}
