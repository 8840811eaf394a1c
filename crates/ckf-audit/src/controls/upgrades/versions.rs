//! Security upgrades: releases and the versions of Kubernetes, Juju and Istio.

use crate::controls::check::Check;
use crate::facts::core::Pod;
use crate::facts::image::ImageReference;
use crate::facts::object::{Object as _, ObjectRef};
use crate::finding::{Finding, Outcome, finding, outcome};
use crate::views::ingress::Ingress;
use crate::views::{Context, Detected, MissingFact, major_minor, minor_version, takes_kubernetes};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("UPG-02", release_is_supported),
    ("UPG-04", istio_fits),
    ("UPG-05", kubernetes_and_juju_fit),
];

/// UPG-02: The Charmed Kubeflow release is supported
fn release_is_supported(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let object = ObjectRef::new("v1", "Namespace", "", context.namespace());
    let wanted = "one of the two newest numbered releases";
    if let Detected::Past(name) = context.detected()? {
        return Ok(Outcome::Fail(vec![finding(object, "release", name, wanted)]));
    }
    let release = context.release()?;
    let findings =
        (!release.supported).then(|| finding(object, "release", release.name.clone(), wanted));
    Ok(outcome(findings.into_iter().collect(), format!("Charmed Kubeflow {}", release.name)))
}

/// Version of an image's tag, as `major.minor`, its object and the image.
fn version_of(pod: &Pod, container: &str) -> Option<Result<(u32, u32), MissingFact>> {
    let container = pod.all_containers().find(|c| c.name == container)?;
    let parsed =
        ImageReference::parse(&container.image).and_then(|i| i.tag).and_then(|t| minor_version(&t));
    Some(parsed.ok_or_else(|| {
        let image = &container.image;
        MissingFact(format!("{} has no version in its image {image}", pod.reference()))
    }))
}

/// UPG-04: istiod and the gateway have compatible versions
fn istio_fits(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let ingress = Ingress::find(context)?;
    if ingress.running.is_empty() {
        return Ok(Outcome::NotApplicable("there is no ingress gateway pod".into()));
    }
    let is_istiod = |p: &&Pod| {
        p.metadata.namespace == *context.namespace()
            && p.all_containers().any(|c| c.name == "discovery")
    };
    let Some(pilot) =
        context.pods()?.iter().filter(is_istiod).find_map(|p| version_of(p, "discovery"))
    else {
        return Ok(Outcome::NotAssessed("there is no istiod pod".into()));
    };
    let pilot = pilot?;
    let mut findings = Vec::new();
    for pod in &ingress.running {
        match version_of(pod, "istio-proxy").transpose()? {
            // Proxies may be one minor version behind istiod, and never ahead of it.
            Some(proxy)
                if proxy.0 == pilot.0 && matches!(pilot.1.checked_sub(proxy.1), Some(0 | 1)) => {}
            Some((major, minor)) => {
                let wanted =
                    format!("istiod's {}.{}, or one minor version behind it", pilot.0, pilot.1);
                findings.push(finding(
                    pod.reference(),
                    "container istio-proxy",
                    format!("{major}.{minor}"),
                    wanted,
                ));
            }
            None => {
                return Ok(Outcome::NotAssessed(format!(
                    "{} has no container istio-proxy",
                    pod.reference()
                )));
            }
        }
    }
    Ok(outcome(findings, format!("istiod and gateway are {}.{}", pilot.0, pilot.1)))
}

/// Findings on the Kubernetes version against the release's support table.
pub fn kubernetes_findings(context: &Context<'_>) -> Result<Vec<Finding>, MissingFact> {
    let release = context.release()?;
    let version = context.version()?;
    let Some(is_taken) = takes_kubernetes(release, &version.git_version) else {
        let why = format!("the API server reports no version: {:?}", version.git_version);
        return Err(MissingFact(why));
    };
    let (low, high) = &release.kubernetes;
    let object = ObjectRef::new("v1", "Service", "default", "kubernetes");
    let wanted = format!("{low} to {high} for Charmed Kubeflow {}", release.name);
    let finding =
        (!is_taken).then(|| finding(object, "version", version.git_version.clone(), wanted));
    Ok(finding.into_iter().collect())
}

/// UPG-05: Kubernetes and Juju are supported by this release
fn kubernetes_and_juju_fit(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let mut findings = kubernetes_findings(context)?;
    let release = context.release()?;
    let mut juju = None;
    for pod in context.pods()?.iter().filter(|p| p.metadata.namespace == *context.namespace()) {
        let agents = pod
            .all_containers()
            .filter_map(|c| ImageReference::parse(&c.image))
            .filter(|i| i.repository.ends_with("/jujud-operator"));
        for tag in agents.filter_map(|i| i.tag) {
            let version = major_minor(&tag);
            if version.as_ref().is_none_or(|v| !release.juju.contains(v))
                && !findings.iter().any(|f| f.field == "Juju agent")
            {
                let wanted = format!(
                    "Juju {} for Charmed Kubeflow {}",
                    release.juju.join(" or "),
                    release.name
                );
                findings.push(finding(pod.reference(), "Juju agent", tag.clone(), wanted));
            }
            juju = Some(tag);
        }
    }
    match juju {
        None if findings.is_empty() => {
            Ok(Outcome::NotAssessed("no pod shows Juju's version".into()))
        }
        juju => Ok(outcome(
            findings,
            format!(
                "Kubernetes {}, Juju {}",
                context.version()?.git_version,
                juju.unwrap_or_default()
            ),
        )),
    }
}
