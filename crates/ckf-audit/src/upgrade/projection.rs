//! The facts as they would be after an upgrade, if only images and channels change.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::catalog::Release;
use crate::facts::Facts;
use crate::facts::image::ImageReference;
use crate::facts::known::Known;

/// The facts with the images and channels of another release. What does not show what it would be
/// is left as it is.
pub(super) fn upgraded(facts: &Facts, from: &Release, to: &Release) -> Facts {
    let mut after = facts.clone();
    let images = images(from, to);
    if let Known::Known(pods) = &after.pods
        && let Ok(mut json) = serde_json::to_value(pods)
    {
        replace(&mut json, &images);
        if let Ok(pods) = serde_json::from_value(json) {
            after.pods = Known::Known(pods);
        }
    }
    if let Known::Known(juju) = &mut after.juju
        && let Known::Known(applications) = &mut juju.applications
    {
        for application in applications {
            if let Some(known) = to.applications.get(&application.name) {
                application.channel.clone_from(&known.channel);
                application.can_upgrade_to = None;
            }
        }
    }
    after
}

/// Images of one release, each with what takes its place in the other.
fn images(from: &Release, to: &Release) -> BTreeMap<String, String> {
    let mut images = BTreeMap::new();
    for (name, application) in &from.applications {
        let Some(after) = to.applications.get(name) else { continue };
        for (container, workload) in &application.containers {
            let after = after.containers.get(container).and_then(|it| it.image.clone());
            if let (Some(image), Some(after)) = (&workload.image, after) {
                images.insert(image.clone(), after);
            }
        }
    }
    let of_platform = from.platform_images.iter().chain(&from.started_images);
    let after: Vec<&String> = to.platform_images.iter().chain(&to.started_images).collect();
    for image in of_platform {
        let repository = |image: &str| ImageReference::parse(image).map(|it| it.repository);
        let same = after.iter().find(|other| repository(other) == repository(image));
        if let Some(other) = same {
            images.insert(image.clone(), (*other).clone());
        }
    }
    images
}

/// Replaces the images of containers, wherever these are.
fn replace(json: &mut Value, images: &BTreeMap<String, String>) {
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(image) if name == "image" => {
                        if let Some(after) = images.get(image.as_str()) {
                            image.clone_from(after);
                        }
                    }
                    other => replace(other, images),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, images)),
        _ => {}
    }
}
