//! Indirect images, which no pod names yet but which are started later: in application options, in
//! ConfigMaps, and in registry overrides of Knative's operator.

use std::collections::BTreeSet;

use serde_json::Value;

use super::place::Place;
use crate::facts::Facts;
use crate::facts::image::ImageReference;
use crate::facts::juju::options::names_images;
use crate::facts::knative::KnativeSpec;
use crate::facts::known::Known;

/// An image that is named outside of pods, and where.
pub(super) struct IndirectImage {
    pub place: Place,
    pub application: String,
    pub image: ImageReference,
}

/// All indirect images.
pub(super) fn of(facts: &Facts) -> Vec<IndirectImage> {
    let mut all = Vec::new();
    if let Known::Known(juju) = &facts.juju
        && let Known::Known(applications) = &juju.applications
    {
        for application in applications {
            for (option, setting) in &application.options {
                for image in setting.value.iter().flat_map(|text| images(option, text)) {
                    all.push(IndirectImage {
                        place: Place::Option(option.clone()),
                        application: application.name.clone(),
                        image,
                    });
                }
            }
        }
    }
    if let Known::Known(listed) = &facts.config_maps {
        for map in &listed.items {
            let name = &map.metadata.name;
            let Some(application) = owner(name) else { continue };
            let texts = map.data.values().flat_map(|text| images("image", text));
            all.extend(texts.map(|image| IndirectImage {
                place: Place::ConfigMap(name.clone()),
                application: application.to_owned(),
                image,
            }));
        }
    }
    let mut take = |application: &str, name: &str, spec: &KnativeSpec| {
        let overrides = spec.registry.r#override.values();
        all.extend(overrides.filter_map(|text| {
            Some(IndirectImage {
                place: Place::Override(name.to_owned()),
                application: application.to_owned(),
                image: ImageReference::parse(text)?,
            })
        }));
    };
    if let Known::Known(listed) = &facts.knative_servings {
        let items = listed.items.iter();
        items.for_each(|one| take("knative-serving", &one.metadata.name, &one.spec));
    }
    if let Known::Known(listed) = &facts.knative_eventings {
        let items = listed.items.iter();
        items.for_each(|one| take("knative-eventing", &one.metadata.name, &one.spec));
    }
    all
}

/// The application that starts the images of a ConfigMap; `None` for one that starts none.
fn owner(map: &str) -> Option<&'static str> {
    match map {
        "katib-config" => Some("katib-controller"),
        "inferenceservice-config" => Some("kserve-controller"),
        _ => None,
    }
}

/// Images in the value of an option or of a ConfigMap key: the value itself, or every string in a
/// JSON or YAML document that looks like an image.
fn images(option: &str, text: &str) -> BTreeSet<ImageReference> {
    let mut images = BTreeSet::new();
    if text.is_empty() || !(option == "image" || names_images(option)) {
        return images;
    }
    match serde_yaml::from_str::<Value>(text) {
        Ok(Value::String(text)) => images.extend(ImageReference::parse(text.trim())),
        Ok(Value::Object(parts)) if option == "image-configuration" => istio(&parts, &mut images),
        Ok(document) => walk(&document, &mut images),
        Err(_) => {}
    }
    images
}

/// Images of istio-pilot's option: names, with a default hub and tag.
fn istio(parts: &serde_json::Map<String, Value>, images: &mut BTreeSet<ImageReference>) {
    let text = |key: &str| parts.get(key).and_then(Value::as_str).unwrap_or_default();
    let (hub, tag) = (text("global-hub"), text("global-tag"));
    for key in
        ["pilot-image", "global-proxy-image", "global-proxy-init-image", "grpc-bootstrap-init"]
    {
        let name = text(key);
        let full = match name.contains('/') || hub.is_empty() {
            true => name.to_owned(),
            false => format!("{hub}/{name}"),
        };
        let has_tag = full.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
        let full = match has_tag || tag.is_empty() {
            true => full,
            false => format!("{full}:{tag}"),
        };
        images.extend(ImageReference::parse(&full).filter(|_| !name.is_empty()));
    }
}

fn walk(document: &Value, images: &mut BTreeSet<ImageReference>) {
    match document {
        Value::String(text) => {
            // A string is an image only if it has a path, and a tag or a digest.
            let is_like_one = text.contains('/') && !text.contains("://") && !text.starts_with('/');
            let image = ImageReference::parse(text).filter(|_| is_like_one);
            images.extend(image.filter(|image| image.tag.is_some() || image.digest.is_some()));
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, images)),
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "image" => {
                        images.extend(ImageReference::parse(text));
                    }
                    // KServe separates image and tag, and nests documents in strings.
                    Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
                        if let Ok(inner) = serde_json::from_str(text) {
                            walk(&inner, images);
                        }
                    }
                    other => walk(other, images),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(option: &str, text: &str) -> Vec<String> {
        images(option, text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn option_of_every_form_gives_its_images() {
        assert_eq!(
            names("executor-image", "docker.io/charmedkubeflow/argoexec:3.5.14-9761df4"),
            ["docker.io/charmedkubeflow/argoexec:3.5.14-9761df4"]
        );
        assert_eq!(names("cache-image", "registry.k8s.io/busybox"), ["registry.k8s.io/busybox"]);
        assert_eq!(
            names(
                "jupyter-images",
                "- charmedkubeflow/jupyter-scipy:1.10.0-1234abc\n- ghcr.io/x/y:v1\n"
            ),
            ["docker.io/charmedkubeflow/jupyter-scipy:1.10.0-1234abc", "ghcr.io/x/y:v1"]
        );
        assert_eq!(
            names("custom_images", r#"{"visualization_server": "", "frontend": "me/frontend:2"}"#),
            ["docker.io/me/frontend:2"]
        );
        let istio = "{pilot-image: pilot, global-tag: 1.24.2, global-hub: docker.io/istio, global-proxy-image: proxyv2, grpc-bootstrap-init: 'busybox:1.28'}";
        assert_eq!(
            names("image-configuration", istio),
            [
                "docker.io/istio/busybox:1.28",
                "docker.io/istio/pilot:1.24.2",
                "docker.io/istio/proxyv2:1.24.2"
            ]
        );
        assert_eq!(names("static-username", "a/b:c"), [""; 0]);
        assert_eq!(names("executor-image", ": : {"), [""; 0]);
    }

    #[test]
    fn config_map_with_a_document_gives_its_images() {
        let katib = "runtime:\n  suggestions:\n  - algorithmName: random\n    image: ghcr.io/kubeflow/katib/suggestion-hyperopt:v0.18.0\n  webhook: /mutate\n";
        assert_eq!(names("image", katib), ["ghcr.io/kubeflow/katib/suggestion-hyperopt:v0.18.0"]);
        let agent =
            r#"{"image": "kserve/agent:v0.14.1", "url": "http://x/y:8080/z", "memory": "1/2"}"#;
        assert_eq!(names("image", agent), ["docker.io/kserve/agent:v0.14.1"]);
    }
}
