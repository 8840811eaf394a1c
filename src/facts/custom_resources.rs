//! Objects of kinds that only custom controls read.

pub use ckf_model::custom_resources::*;

use std::collections::BTreeSet;

use kube::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use super::known::{Known, Unknown};
use super::path::{ApiPath, PathError};
use super::request::{Failure, each, get};

/// The part that is parsed of an object that is nested too deeply.
#[derive(Deserialize)]
struct Named {
    metadata: Name,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Name {
    namespace: String,
    name: String,
}

/// Resources that the API server serves in a group version.
#[derive(Deserialize)]
struct Resources {
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    name: String,
    kind: String,
}

/// Lists kinds, one after the other.
pub(super) async fn read(client: &Client, kinds: &BTreeSet<ObjectKind>) -> CustomResources {
    let mut others = CustomResources::new();
    for kind in kinds {
        let known = match list(client, kind).await {
            Ok(objects) => Known::Known(objects),
            Err(why) => Known::Unknown(why),
        };
        others.insert(kind.to_string(), known);
    }
    others
}

async fn list(client: &Client, kind: &ObjectKind) -> Result<Option<Vec<Value>>, Unknown> {
    let Some(path) = path(client, kind).await? else {
        return Ok(None);
    };
    let read = || async {
        let mut objects = Vec::new();
        each_of(client, &path, kind, |object| objects.push(object)).await?;
        Ok(objects)
    };
    match read().await {
        // The list expired between two pages.
        Err(Failure::Gone) => read().await,
        read => read,
    }
    .map(Some)
    .map_err(Failure::into_unknown)
}

/// Streams the objects of a kind without holding them in memory, as tenants may create any
/// number. `begin` creates the state of a pass, which restarts if the list expires. `None` if
/// the kind is not installed.
pub(super) async fn visit<S>(
    client: &Client,
    kind: &ObjectKind,
    begin: impl Fn() -> S,
    mut take: impl FnMut(&mut S, &Value),
) -> Result<Option<S>, Unknown> {
    let Some(path) = path(client, kind).await? else {
        return Ok(None);
    };
    let mut state = begin();
    let mut read = each_of(client, &path, kind, |object| take(&mut state, &object)).await;
    if let Err(Failure::Gone) = read {
        state = begin();
        read = each_of(client, &path, kind, |object| take(&mut state, &object)).await;
    }
    read.map(|()| Some(state)).map_err(Failure::into_unknown)
}

/// The path of a kind's list, if the cluster serves it.
async fn path(client: &Client, kind: &ObjectKind) -> Result<Option<ApiPath>, Unknown> {
    let invalid = |error: PathError| Failure::from(error).into_unknown();
    let served = ApiPath::of(&kind.api_version).map_err(invalid)?;
    let resources: Resources = match get(client, &served).await {
        Ok(resources) => resources,
        Err(Failure::NotFound) => return Ok(None),
        Err(failure) => return Err(failure.into_unknown()),
    };
    let of_kind = |resource: &&Resource| resource.kind == kind.kind && !resource.name.contains('/');
    let resource = resources.resources.iter().find(of_kind);
    let path = resource.map(|resource| served.join(&resource.name));
    path.transpose().map_err(invalid)
}

async fn each_of(
    client: &Client,
    path: &ApiPath,
    kind: &ObjectKind,
    mut take: impl FnMut(Value),
) -> Result<(), Failure> {
    let read = each(client, path, |item| {
        take(understand(item, kind)?);
        Ok(())
    });
    read.await.map(drop)
}

/// Parses an object. One that is nested too deeply is reduced to its name, so that it does not
/// fail the whole list.
fn understand(item: &str, kind: &ObjectKind) -> serde_json::Result<Value> {
    match serde_json::from_str(item) {
        Ok(mut object) => {
            reduce(&mut object, kind);
            Ok(object)
        }
        Err(_) => {
            let Named { metadata } = serde_json::from_str(item)?;
            let Name { namespace, name } = metadata;
            Ok(json!({"metadata": {"namespace": namespace, "name": name}, UNREAD: true}))
        }
    }
}

/// Removes bulky metadata, and replaces the values of Secrets with a placeholder.
fn reduce(object: &mut Value, kind: &ObjectKind) {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        let annotations = metadata.get_mut("annotations").and_then(Value::as_object_mut);
        if let Some(annotations) = annotations {
            // It repeats the object, including a Secret's values.
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    if kind.kind == "Secret" {
        for field in ["data", "stringData"] {
            let values = object.get_mut(field).and_then(Value::as_object_mut);
            values.into_iter().flat_map(|map| map.values_mut()).for_each(|value| {
                *value = "hidden".into();
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{UNREAD, reduce, understand};
    use ckf_model::custom_resources::ObjectKind;

    #[test]
    fn deeply_nested_object_is_reduced_to_its_name() {
        let kind = ObjectKind { api_version: "example.com/v1".into(), kind: "Rocket".into() };
        let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
        let item = format!(
            "{{\"spec\": {deep}, \"metadata\": {{\"namespace\": \"a\", \"name\": \"b\"}}}}"
        );
        let object = understand(&item, &kind).unwrap();
        let expected = json!({"metadata": {"namespace": "a", "name": "b"}, UNREAD: true});
        assert_eq!(object, expected);
        assert!(understand("{\"spec\": 1}", &kind).is_ok());
    }

    #[test]
    fn secret_values_are_replaced() {
        let mut secret = json!({
            "metadata": {"name": "s", "managedFields": [1], "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "aGVhcnQ=", "mine": "1"}},
            "data": {"password": "aGVhcnQ="}, "stringData": {"more": "heart"},
        });
        let kind = ObjectKind { api_version: "v1".into(), kind: "Secret".into() };
        reduce(&mut secret, &kind);
        assert_eq!(
            secret,
            json!({"metadata": {"name": "s", "annotations": {"mine": "1"}},
                "data": {"password": "hidden"}, "stringData": {"more": "hidden"}})
        );
    }
}
