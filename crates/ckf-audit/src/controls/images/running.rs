//! Running images, compared with the requested ones.

use std::collections::HashMap;

use crate::controls::check::Check;
use crate::controls::images::containers::containers;
use crate::facts::object::Object;
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("IMG-07", running_digest), ("IMG-09", as_the_workload_says)];

/// IMG-07: The running digest is the requested one
fn running_digest(context: &Context<'_>) -> Result<Outcome, MissingFact> {
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
            // Some runtimes report the digest of the image's configuration, which is another one.
            None => {
                unknown = Some(format!(
                    "{} reports no digest for container {}",
                    pod.reference(),
                    container.name
                ))
            }
        }
    }
    Ok(match (findings.is_empty(), unknown, compared) {
        (true, Some(why), _) => Outcome::NotAssessed(why),
        (true, None, 0) => Outcome::NotApplicable("no image is requested by digest".into()),
        _ => outcome(findings, format!("{} as requested", count(compared, "digest"))),
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

/// IMG-09: Pods run what their workload specifies
fn as_the_workload_says(context: &Context<'_>) -> Result<Outcome, MissingFact> {
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
            "there is no pod of a StatefulSet or Deployment to compare".into(),
        ));
    }
    Ok(outcome(findings, format!("{} as in their workload", count(compared, "container"))))
}
