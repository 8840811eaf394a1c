//! The release of Charmed Kubeflow that runs, as its images show it.

use std::collections::HashSet;

use crate::catalog;
use crate::catalog::Release;
use crate::facts::core::Pod;
use crate::facts::image::ImageReference;

/// The release that the running images show: Istio's version decides between
/// numbered releases.
pub fn detect_release(pods: &[Pod]) -> Option<&'static Release> {
    let mut ambient = false;
    let mut minors = Vec::new();
    let mut seen = HashSet::new();
    for container in pods.iter().flat_map(Pod::all_containers) {
        if !seen.insert((&container.name, &container.image)) {
            continue;
        }
        let Some(image) = ImageReference::parse(&container.image) else {
            continue;
        };
        if image.repository.ends_with("/istio/ztunnel") || image.repository.ends_with("/ztunnel") {
            ambient = true;
        }
        if container.name == "discovery" && image.repository.ends_with("/pilot") {
            minors.extend(image.tag.as_deref().and_then(major_minor));
        }
    }
    let releases = catalog::releases().iter();
    if ambient {
        return releases.into_iter().find(|r| r.mesh == "ambient");
    }
    releases.into_iter().find(|r| r.mesh == "sidecar" && minors.contains(&r.istio))
}

/// `1.24` of `1.24.2-distroless`.
pub fn major_minor(version: &str) -> Option<String> {
    let mut parts = version.trim_start_matches('v').split(['.', '-', '+']);
    let (major, minor) = (parts.next()?, parts.next()?);
    let digits = |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit());
    (digits(major) && digits(minor)).then(|| format!("{major}.{minor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn version_of_any_text_does_not_panic(text: String) {
            let _ = major_minor(&text);
        }
    }
}
