//! Base images: what the platform's pods run.

use std::collections::{HashMap, HashSet};
use std::ops::Deref;

use super::context::{Context, Missing};
use super::{Check, Finding, Outcome, count, finding, outcome};
use crate::catalog::{self, Release};
use crate::facts::core::{Container, Pod};
use crate::facts::image::ImageReference;
use crate::facts::object::Object;

/// The checks of this section.
pub const CHECKS: &[(&str, Check)] = &[
    ("IMG-01", pinned),
    ("IMG-02", not_mutable),
    ("IMG-04", approved_registry),
    ("IMG-05", rocks_only),
    ("IMG-07", running_digest),
    ("IMG-08", pull_policy),
    ("IMG-09", as_the_workload_says),
];

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
        let by_rock = |tag: &str| is_rock_home(&self.repository) && is_rock_tag(tag);
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

/// Tags that are known to move.
fn is_mutable_tag(tag: &str) -> bool {
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
fn is_rock_home(repository: &str) -> bool {
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

/// The release that the running images tell: Istio's version decides between
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

/// Containers of the platform's pods, and of those that it makes in profiles.
fn containers<'a>(context: &Context<'a>) -> Result<Vec<(&'a Pod, &'a Container)>, Missing> {
    let profiles = context.profile_namespaces()?;
    let platform = context.platform_namespaces();
    let pods = context.pods()?.iter().filter(move |pod| {
        let namespace = &*pod.metadata.namespace;
        platform.contains(&namespace)
            || (profiles.contains(namespace) && pod.metadata.name.starts_with("ml-pipeline-"))
    });
    Ok(pods
        .filter(|p| !p.is_finished())
        .flat_map(|pod| pod.all_containers().map(move |c| (pod, c)))
        .collect())
}

fn judge(
    context: &Context<'_>,
    evidence: &str,
    judge: impl Fn(&Container, &Image) -> Option<(String, String)>,
) -> Result<Outcome, Missing> {
    let containers = containers(context)?;
    if containers.is_empty() {
        return Ok(Outcome::NotAssessed("the platform has no pods".into()));
    }
    let field = |container: &Container| format!("container {}", container.name);
    let mut findings = Vec::new();
    for (pod, container) in &containers {
        match context.image(&container.image) {
            None => findings.push(finding(
                pod.reference(),
                &field(container),
                format!("{:?}", container.image),
                "an image reference",
            )),
            Some(image) => {
                if let Some((seen, wanted)) = judge(container, &image) {
                    findings.push(finding(pod.reference(), &field(container), seen, wanted));
                }
            }
        }
    }
    Ok(outcome(findings, format!("{} {evidence}", count(containers.len(), "container"))))
}

fn pinned(context: &Context<'_>) -> Result<Outcome, Missing> {
    judge(context, "pinned", |container, image| {
        (!image.is_pinned()).then(|| (container.image.to_string(), PINNED.into()))
    })
}

/// What is wanted of an image that is not pinned.
pub const PINNED: &str = "a digest, or a rock's VERSION-HASH";

/// Whether the catalogue's image is pinned by its tag: a rock's hash, whatever
/// its digits, since the catalogue names it.
fn is_catalogue_pin(tag: &str, image: &Image) -> bool {
    is_rock_home(&image.repository) && tag.contains('-')
}

fn not_mutable(context: &Context<'_>) -> Result<Outcome, Missing> {
    judge(context, "without a mutable tag", |container, image| {
        let moves = image.digest.is_none() && image.tag.as_deref().is_none_or(is_mutable_tag);
        moves.then(|| (container.image.to_string(), "a tag that does not move, or a digest".into()))
    })
}

/// Registries and repositories that the platform's images come from.
const APPROVED: &[&str] = &[
    "registry.jujucharms.com/charm/",
    "docker.io/charmedkubeflow/",
    "ghcr.io/canonical/",
    "docker.io/ubuntu/",
    "docker.io/jujusolutions/",
    "ghcr.io/juju/",
    "docker.io/istio/",
];

fn approved_registry(context: &Context<'_>) -> Result<Outcome, Missing> {
    judge(context, "from approved registries", |container, image| {
        let within = |prefix: &str| {
            let prefix = prefix.trim_end_matches('/');
            image.repository == prefix
                || image.repository.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
        };
        let approved = APPROVED.iter().any(|p| within(p))
            || context.policy.allow.registries.iter().any(|p| within(p));
        (!approved).then(|| {
            (container.image.to_string(), "an approved registry or configured mirror".into())
        })
    })
}

fn rocks_only(context: &Context<'_>) -> Result<Outcome, Missing> {
    judge(context, "rocks, or Juju's own", |container, image| {
        let juju =
            catalog::releases().iter().any(|r| r.platform_repositories.contains(&image.repository));
        let mirrored = context
            .policy
            .allow
            .registries
            .iter()
            .any(|p| image.repository.starts_with(p.as_str()));
        let rock = is_rock_home(&image.repository)
            || image.repository.starts_with("docker.io/ubuntu/")
            || juju
            || mirrored;
        (!rock).then(|| (container.image.to_string(), "a rock".into()))
    })
}

fn running_digest(context: &Context<'_>) -> Result<Outcome, Missing> {
    let mut findings = Vec::new();
    let mut compared = 0;
    let mut unknown: Option<String> = None;
    for (pod, container) in containers(context)? {
        let Some(asked) = context.image(&container.image).and_then(|i| i.digest.clone()) else {
            continue;
        };
        let running = pod
            .image_id(&container.name)
            .and_then(|id| id.rsplit_once('@'))
            .map(|(_, digest)| digest);
        match running {
            Some(digest) if digest == asked => compared += 1,
            Some(digest) => findings.push(finding(
                pod.reference(),
                &format!("container {} imageID", container.name),
                digest,
                asked,
            )),
            // Some runtimes tell the digest of the image's configuration, which is another one.
            None => {
                unknown = Some(format!(
                    "{} tells no digest for container {}",
                    pod.reference(),
                    container.name
                ))
            }
        }
    }
    Ok(match (findings.is_empty(), unknown, compared) {
        (true, Some(why), _) => Outcome::NotAssessed(why),
        (true, None, 0) => Outcome::NotApplicable("no image is asked for by digest".into()),
        _ => outcome(findings, format!("{} as asked for", count(compared, "digest"))),
    })
}

fn pull_policy(context: &Context<'_>) -> Result<Outcome, Missing> {
    judge(context, "keep what they pulled", |container, image| {
        let pulls = image.digest.is_none() && container.image_pull_policy == "Always";
        pulls.then(|| {
            (
                format!("{} with imagePullPolicy Always", container.image),
                "IfNotPresent, or a digest".into(),
            )
        })
    })
}

/// Objects by namespace and name.
fn by_name<T: Object>(objects: &[T]) -> HashMap<(&str, &str), &T> {
    let names = objects.iter().map(|o| {
        let meta = o.meta();
        ((&*meta.namespace, meta.name.as_str()), o)
    });
    names.collect()
}

fn as_the_workload_says(context: &Context<'_>) -> Result<Outcome, Missing> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut compared = 0;
    let sets = by_name(context.stateful_sets()?);
    let deployments = by_name(context.deployments()?);
    for pod in context.pods()?.iter().filter(|p| !p.is_finished()) {
        if !context.is_ours(&pod.metadata.namespace)? {
            continue;
        }
        let Some(owner) = pod.metadata.owner_references.first() else {
            continue;
        };
        let namespace = &*pod.metadata.namespace;
        let template = match &*owner.kind {
            "StatefulSet" => sets.get(&(namespace, &*owner.name)).map(|s| &s.spec.template),
            // A ReplicaSet has its Deployment's name and a hash.
            "ReplicaSet" => owner
                .name
                .rsplit_once('-')
                .and_then(|(name, _)| deployments.get(&(namespace, name)))
                .map(|d| &d.spec.template),
            _ => None,
        };
        let Some(template) = template else { continue };
        // Injected sidecars are in the pod only.
        for wanted in template.spec.containers.iter().chain(&template.spec.init_containers) {
            if let Some(container) = pod.all_containers().find(|c| c.name == wanted.name) {
                compared += 1;
                if container.image != wanted.image {
                    findings.push(finding(
                        pod.reference(),
                        &format!("container {}", container.name),
                        &*container.image,
                        &*wanted.image,
                    ));
                }
            }
        }
    }
    if compared == 0 {
        return Ok(Outcome::NotAssessed(
            "no pod of a StatefulSet or Deployment is there to compare".into(),
        ));
    }
    Ok(outcome(findings, format!("{} as in their workload", count(compared, "container"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rock_tags_are_told_from_what_looks_like_them() {
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

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = (is_rock_tag(&text), is_mutable_tag(&text), major_minor(&text));
        }
    }
}
