//! Images that no pod names yet: in options of applications, in ConfigMaps, and in what
//! Knative's operator is told to use instead. They are started later.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Place;
use crate::facts::Facts;
use crate::facts::image::ImageReference;
use crate::facts::knative::KnativeSpec;
use crate::facts::known::Known;

/// An image, and where it is named.
pub(super) struct Hidden {
    pub place: Place,
    pub application: String,
    pub image: ImageReference,
}

/// Every image that is named where it is started from later.
pub(super) fn of(facts: &Facts) -> Vec<Hidden> {
    let mut all = Vec::new();
    if let Known::Known(juju) = &facts.juju
        && let Known::Known(applications) = &juju.applications
    {
        for application in applications {
            for (option, setting) in &application.options {
                for image in setting.value.iter().flat_map(|text| images(option, text)) {
                    all.push(Hidden {
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
            let texts = map.data.values().flat_map(|text| images("image", text));
            all.extend(texts.map(|image| Hidden {
                place: Place::ConfigMap(name.clone()),
                application: owner(name).to_owned(),
                image,
            }));
        }
    }
    let mut take = |application: &str, name: &str, spec: &KnativeSpec| {
        let overrides = spec.registry.r#override.values();
        all.extend(overrides.filter_map(|text| {
            Some(Hidden {
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

/// The application that makes a ConfigMap.
fn owner(map: &str) -> &str {
    match map {
        "katib-config" => "katib-controller",
        "inferenceservice-config" => "kserve-controller",
        other => other,
    }
}

/// Whether an option names images, by the names that the platform's charms use.
pub(crate) fn names_images(option: &str) -> bool {
    let words: Vec<&str> = option.split(['-', '_']).collect();
    option == "image-configuration" || matches!(words[..], [.., _, "image" | "images"])
}

/// Images in the text of an option or of a ConfigMap's key: the text itself, or every text
/// of a document in JSON or YAML that looks like one.
fn images(option: &str, text: &str) -> BTreeSet<ImageReference> {
    let mut found = BTreeSet::new();
    if text.is_empty() || !(option == "image" || names_images(option)) {
        return found;
    }
    match serde_yaml::from_str::<Value>(text) {
        Ok(Value::String(text)) => found.extend(ImageReference::parse(text.trim())),
        Ok(Value::Object(parts)) if option == "image-configuration" => istio(&parts, &mut found),
        Ok(document) => walk(&document, &mut found),
        Err(_) => {}
    }
    found
}

/// istio-pilot's: images by name, with a hub and a tag for all that have none.
fn istio(parts: &serde_json::Map<String, Value>, found: &mut BTreeSet<ImageReference>) {
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
        found.extend(ImageReference::parse(&full).filter(|_| !name.is_empty()));
    }
}

fn walk(document: &Value, found: &mut BTreeSet<ImageReference>) {
    match document {
        Value::String(text) => {
            // A word is an image only if it has a path, and a tag or a digest.
            let is_like_one = text.contains('/') && !text.contains("://") && !text.starts_with('/');
            let image = ImageReference::parse(text).filter(|_| is_like_one);
            found.extend(image.filter(|image| image.tag.is_some() || image.digest.is_some()));
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "image" => {
                        found.extend(ImageReference::parse(text));
                    }
                    // KServe writes image and tag apart, and documents within documents.
                    Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
                        if let Ok(inner) = serde_json::from_str(text) {
                            walk(&inner, found);
                        }
                    }
                    other => walk(other, found),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(option: &str, text: &str) -> Vec<String> {
        images(option, text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn images_are_found_in_every_form_of_an_option() {
        assert_eq!(
            found("executor-image", "docker.io/charmedkubeflow/argoexec:3.5.14-9761df4"),
            ["docker.io/charmedkubeflow/argoexec:3.5.14-9761df4"]
        );
        assert_eq!(found("cache-image", "registry.k8s.io/busybox"), ["registry.k8s.io/busybox"]);
        assert_eq!(
            found(
                "jupyter-images",
                "- charmedkubeflow/jupyter-scipy:1.10.0-1234abc\n- ghcr.io/x/y:v1\n"
            ),
            ["docker.io/charmedkubeflow/jupyter-scipy:1.10.0-1234abc", "ghcr.io/x/y:v1"]
        );
        assert_eq!(
            found("custom_images", r#"{"visualization_server": "", "frontend": "me/frontend:2"}"#),
            ["docker.io/me/frontend:2"]
        );
        let istio = "{pilot-image: pilot, global-tag: 1.24.2, global-hub: docker.io/istio, global-proxy-image: proxyv2, grpc-bootstrap-init: 'busybox:1.28'}";
        assert_eq!(
            found("image-configuration", istio),
            [
                "docker.io/istio/busybox:1.28",
                "docker.io/istio/pilot:1.24.2",
                "docker.io/istio/proxyv2:1.24.2"
            ]
        );
        assert_eq!(found("static-username", "a/b:c"), [""; 0]);
        assert_eq!(found("executor-image", ": : {"), [""; 0]);
    }

    #[test]
    fn documents_in_config_maps_are_searched() {
        let katib = "runtime:\n  suggestions:\n  - algorithmName: random\n    image: ghcr.io/kubeflow/katib/suggestion-hyperopt:v0.18.0\n  webhook: /mutate\n";
        assert_eq!(found("image", katib), ["ghcr.io/kubeflow/katib/suggestion-hyperopt:v0.18.0"]);
        let agent =
            r#"{"image": "kserve/agent:v0.14.1", "url": "http://x/y:8080/z", "memory": "1/2"}"#;
        assert_eq!(found("image", agent), ["docker.io/kserve/agent:v0.14.1"]);
    }
}
