//! Images of the platform's containers.

use crate::catalog;
use crate::controls::check::Check;
use crate::facts::core::{Container, Pod};
use crate::facts::object::Object as _;
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::image::{Image, PINNED, is_mutable_tag, is_rock_home, is_within};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("IMG-01", pinned),
    ("IMG-02", not_mutable),
    ("IMG-04", approved_registry),
    ("IMG-05", rocks_only),
    ("IMG-08", pull_policy),
];

/// Containers of the platform's pods, and of those that it makes in profiles.
pub(super) fn containers<'a>(
    context: &Context<'a>,
) -> Result<Vec<(&'a Pod, &'a Container)>, MissingFact> {
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

fn each_container(
    context: &Context<'_>,
    evidence: &str,
    each_container: impl Fn(&Container, &Image) -> Option<(String, String)>,
) -> Result<Outcome, MissingFact> {
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
                if let Some((seen, wanted)) = each_container(container, &image) {
                    findings.push(finding(pod.reference(), &field(container), seen, wanted));
                }
            }
        }
    }
    Ok(outcome(findings, format!("{} {evidence}", count(containers.len(), "container"))))
}

/// IMG-01: Every platform image is pinned to a rock revision or digest
fn pinned(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    each_container(context, "pinned", |container, image| {
        (!image.is_pinned()).then(|| (container.image.to_string(), PINNED.into()))
    })
}

/// IMG-02: No platform image has a mutable tag
fn not_mutable(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    each_container(context, "without a mutable tag", |container, image| {
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
    "public.ecr.aws/juju/",
    "docker.io/istio/",
];

/// IMG-04: Every platform image comes from an approved registry
fn approved_registry(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    each_container(context, "from approved registries", |container, image| {
        let within = |prefix: &str| is_within(&image.repository, prefix);
        let approved = APPROVED.iter().any(|p| within(p))
            || context.policy.allow.registries.iter().any(|p| within(p));
        (!approved).then(|| {
            (container.image.to_string(), "an approved registry or configured mirror".into())
        })
    })
}

/// IMG-05: Platform images are rocks
fn rocks_only(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    each_container(context, "rocks, or Juju's own", |container, image| {
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

/// IMG-08: No tag is pulled again at every start
fn pull_policy(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    // The admission plugin AlwaysPullImages, which CIS asks for, sets it on every container.
    let running = || Ok(context.pods()?.iter().filter(|p| !p.is_finished()));
    let is_always = |pod: &Pod| pod.all_containers().all(|c| c.image_pull_policy == "Always");
    if running()?.next().is_some() && running()?.all(is_always) {
        let why = "every container of the cluster has Always, as the admission plugin sets it";
        return Ok(Outcome::Pass(why.into()));
    }
    each_container(context, "without repeated pulls", |container, image| {
        let pulls = image.digest.is_none() && container.image_pull_policy == "Always";
        pulls.then(|| {
            (
                format!("{} with imagePullPolicy Always", container.image),
                "IfNotPresent, or a digest".into(),
            )
        })
    })
}
