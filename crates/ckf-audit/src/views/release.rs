//! The release of Charmed Kubeflow that runs, or is planned: by its images, and where these leave it
//! open by the channels of its applications.

use std::collections::HashSet;

use crate::catalog;
use crate::catalog::{Mesh, Release};
use crate::facts::core::Pod;
use crate::facts::image::ImageReference;
use crate::facts::juju::Application;

/// A release that was detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detected {
    /// One of the catalogue, by name.
    Known(&'static str),
    /// One that gets no fixes any more, and of which the catalogue has no more than its name.
    Past(&'static str),
}

/// Fewest applications whose channels tell a release.
const FEWEST: usize = 3;

/// The release that images and channels show. Istio's version decides between numbered releases;
/// channels decide where the mesh is ambient, which several have, or Istio shows no version; without
/// channels, the other images do.
pub fn detect_release(pods: &[Pod], applications: &[Application]) -> Option<Detected> {
    let mesh = running_mesh(pods);
    let releases = catalog::releases().iter();
    let fits = |release: &&'static Release| match &mesh {
        Running::Ambient => release.has_mesh(Mesh::Ambient),
        Running::Sidecar(minors) => {
            release.mesh == Mesh::Sidecar && minors.contains(&release.istio)
        }
        Running::Unknown => true,
    };
    let candidates: Vec<&Release> = releases.filter(fits).collect();
    if let ([only], false) = (candidates.as_slice(), matches!(mesh, Running::Unknown)) {
        return Some(Detected::Known(&only.name));
    }
    let known = candidates.iter().map(|release| {
        let tracks = |charm: &str| release.tracks_of(charm).map(str::to_owned).collect();
        (Detected::Known(&release.name), agreeing(applications, tracks))
    });
    let past = catalog::past_releases().iter().filter(|(_, past)| match &mesh {
        Running::Ambient => false,
        Running::Sidecar(minors) => minors.contains(&past.istio),
        Running::Unknown => true,
    });
    let by_istio = past.clone().next();
    let past = past.map(|(name, past)| {
        let tracks = |charm: &str| past.tracks.get(charm).cloned().into_iter().collect();
        (Detected::Past(name), agreeing(applications, tracks))
    });
    let mut ranked: Vec<_> =
        known.chain(past).filter_map(|(release, n)| Some((n?, release))).collect();
    ranked.sort_by_key(|(share, _)| std::cmp::Reverse(*share));
    match (ranked.as_slice(), &mesh) {
        ([(_, only)], _) => Some(*only),
        ([(first, best), (second, _), ..], _) if first > second => Some(*best),
        (_, Running::Ambient) => of_most_images(&candidates, pods).map(Detected::Known),
        (_, Running::Sidecar(_)) => by_istio.map(|(name, _)| Detected::Past(name)),
        (_, Running::Unknown) => None,
    }
}

/// Without channels: of these releases, the one that has most of the running images for itself.
fn of_most_images(candidates: &[&'static Release], pods: &[Pod]) -> Option<&'static str> {
    let running: HashSet<&str> =
        pods.iter().flat_map(Pod::all_containers).map(|container| &*container.image).collect();
    let known = |release: &'static Release| {
        // The ambient forms of releases have the mesh's own images in common.
        let is_of_mesh = |image: &&str| release.platform_images.iter().any(|of| of == image);
        let own = release.images().filter(|image| !is_of_mesh(image));
        let running = own.filter(|image| running.contains(image));
        running.collect::<HashSet<_>>().len()
    };
    let mut ranked: Vec<(usize, &'static Release)> =
        candidates.iter().map(|release| (known(release), *release)).collect();
    ranked.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    match ranked.as_slice() {
        [(first, best), (second, _), ..] if first > second => Some(&best.name),
        _ => None,
    }
}

/// In thousandths, the share of the applications that a release knows whose track is one of it;
/// `None` if it is less than half, or too few to tell.
fn agreeing(applications: &[Application], tracks: impl Fn(&str) -> Vec<String>) -> Option<usize> {
    let (mut known, mut agree) = (0, 0);
    for application in applications {
        let tracks = tracks(&application.charm);
        let track = application.channel.split('/').next().unwrap_or_default();
        known += usize::from(!tracks.is_empty());
        agree += usize::from(tracks.iter().any(|known| known == track));
    }
    (known >= FEWEST && agree * 2 >= known).then(|| agree * 1000 / known)
}

/// Release of the mesh by its images.
enum Running {
    Ambient,
    /// Versions of istiod, `major.minor`.
    Sidecar(Vec<String>),
    Unknown,
}

fn running_mesh(pods: &[Pod]) -> Running {
    let mut minors = Vec::new();
    let mut seen = HashSet::new();
    for container in pods.iter().flat_map(Pod::all_containers) {
        if !seen.insert((&container.name, &container.image)) {
            continue;
        }
        let Some(image) = ImageReference::parse(&container.image) else {
            continue;
        };
        // Upstream's, and a rock's: `ubuntu/istio-ztunnel`.
        let name = image.repository.rsplit('/').next().unwrap_or_default();
        if name == "ztunnel" || name == "istio-ztunnel" {
            return Running::Ambient;
        }
        if container.name == "discovery" && image.repository.ends_with("/pilot") {
            minors.extend(image.tag.as_deref().and_then(major_minor));
        }
    }
    match minors.is_empty() {
        true => Running::Unknown,
        false => Running::Sidecar(minors),
    }
}

/// `1.24` of `1.24.2-distroless`.
pub fn major_minor(version: &str) -> Option<String> {
    let mut parts = version.trim_start_matches('v').split(['.', '-', '+']);
    let (major, minor) = (parts.next()?, parts.next()?);
    let digits = |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit());
    (digits(major) && digits(minor)).then(|| format!("{major}.{minor}"))
}

/// The same, as numbers that can be compared.
pub fn minor_version(version: &str) -> Option<(u32, u32)> {
    let text = major_minor(version)?;
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// A release takes this version of Kubernetes; `None` if it is not understood.
pub fn takes_kubernetes(release: &Release, version: &str) -> Option<bool> {
    let running = minor_version(version)?;
    let (low, high) = &release.kubernetes;
    Some(minor_version(low)? <= running && running <= minor_version(high)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A release's applications on other tracks than its own.
    fn planned(name: &str, others: &[(&str, &str)]) -> Vec<Application> {
        let release = catalog::release(name).unwrap();
        let track = |charm: &str| others.iter().find(|(known, _)| *known == charm);
        let application = |known: &catalog::Application| Application {
            charm: known.charm.clone(),
            channel: match track(&known.charm) {
                Some((_, track)) => format!("{track}/stable"),
                None => known.channel.clone(),
            },
            ..Application::default()
        };
        release.applications.values().map(application).collect()
    }

    #[test]
    fn channels_identify_the_release_of_a_bundle() {
        for name in ["1.10", "1.11", "latest"] {
            let detected = detect_release(&[], &planned(name, &[]));
            assert_eq!(detected, Some(Detected::Known(name)));
        }
        let release = catalog::release("1.11").unwrap();
        let later: Vec<(&str, &str)> =
            release.also[0].tracks.iter().map(|(c, t)| (c.as_str(), t.as_str())).collect();
        assert_eq!(detect_release(&[], &planned("1.11", &later)), Some(Detected::Known("1.11")));
        assert_eq!(detect_release(&[], &[]), None);
        for (name, past) in catalog::past_releases() {
            let all = past.tracks.iter().map(|(charm, track)| Application {
                charm: charm.clone(),
                channel: format!("{track}/stable"),
                ..Application::default()
            });
            let all: Vec<Application> = all.collect();
            assert_eq!(detect_release(&[], &all), Some(Detected::Past(name)));
        }
    }

    #[test]
    fn ambient_mesh_is_of_the_release_whose_channels_run() {
        let pod = |container: &str, image: &str| -> Pod {
            let pod = serde_json::json!({"metadata": {"name": "p", "namespace": "kubeflow"},
                "spec": {"containers": [{"name": container, "image": image}]}});
            serde_json::from_value(pod).unwrap()
        };
        for image in
            ["docker.io/istio/ztunnel:1.26.1", "docker.io/ubuntu/istio-ztunnel:1.29-24.04_stable"]
        {
            let pods = [pod("istio-proxy", image)];
            assert_eq!(detect_release(&pods, &planned("1.11", &[])), Some(Detected::Known("1.11")));
            assert_eq!(
                detect_release(&pods, &planned("latest", &[])),
                Some(Detected::Known("latest"))
            );
            // Without channels the other images tell it, and ztunnel's alone does not.
            assert_eq!(detect_release(&pods, &[]), None);
            for name in ["1.11", "latest"] {
                let images = catalog::release(name).unwrap().images();
                let all: Vec<Pod> = images
                    .filter(|image| image.contains("charmedkubeflow"))
                    .map(|image| pod("workload", image))
                    .chain([pod("istio-proxy", image)])
                    .collect();
                assert_eq!(detect_release(&all, &[]), Some(Detected::Known(name)), "{image}");
            }
        }
        let pods = [pod("discovery", "docker.io/istio/pilot:1.22.0")];
        assert_eq!(detect_release(&pods, &[]), Some(Detected::Past("1.9")));
        let pods = [pod("discovery", "docker.io/istio/pilot:1.28.0")];
        assert_eq!(detect_release(&pods, &[]), Some(Detected::Known("1.11")));
        let pods = [pod("discovery", "docker.io/istio/pilot:1.99.0")];
        assert_eq!(detect_release(&pods, &[]), None);
    }

    proptest::proptest! {
        #[test]
        fn version_of_any_text_does_not_panic(text: String) {
            let _ = major_minor(&text);
        }
    }
}
