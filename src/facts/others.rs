//! Objects of kinds that only the policy's own controls read.

use std::collections::{BTreeMap, BTreeSet};

use kube::Client;
use serde::Deserialize;
use serde_json::Value;

use super::known::{Known, Unknown};
use super::kubernetes::{Failure, each, get};
use super::path::{ApiPath, PathError};
use crate::policy::custom::ObjectKind;

/// Those that were read, by their kind's name; `null` of a kind that is not installed.
pub type Others = BTreeMap<String, Known<Option<Vec<Value>>>>;

/// What a group serves in a version.
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

/// Reads kinds, one after the other.
pub(super) async fn read(client: &Client, kinds: &BTreeSet<ObjectKind>) -> Others {
    let mut others = Others::new();
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
    let refused = |error: PathError| Failure::from(error).into_unknown();
    let served = ApiPath::of(&kind.api_version).map_err(refused)?;
    let resources: Resources = match get(client, &served).await {
        Ok(resources) => resources,
        Err(Failure::NotFound) => return Ok(None),
        Err(failure) => return Err(failure.into_unknown()),
    };
    let of_kind = |resource: &&Resource| resource.kind == kind.kind && !resource.name.contains('/');
    let Some(resource) = resources.resources.iter().find(of_kind) else {
        return Ok(None);
    };
    let path = served.join(&resource.name).map_err(refused)?;
    match pages(client, &path, kind).await {
        // It changed while it was read.
        Err(Failure::Gone) => pages(client, &path, kind).await,
        read => read,
    }
    .map(Some)
    .map_err(Failure::into_unknown)
}

async fn pages(client: &Client, path: &ApiPath, kind: &ObjectKind) -> Result<Vec<Value>, Failure> {
    let mut objects = Vec::new();
    let read = each(client, path, |item| {
        let mut object = serde_json::from_str(item)?;
        reduce(&mut object, kind);
        objects.push(object);
        Ok(())
    });
    read.await?;
    Ok(objects)
}

/// Takes away what is long and says nothing, and what nobody may see: of a Secret its keys are
/// kept, and of its values that they are there.
fn reduce(object: &mut Value, kind: &ObjectKind) {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        let annotations = metadata
            .get_mut("annotations")
            .and_then(Value::as_object_mut);
        if let Some(annotations) = annotations {
            // It repeats the object, a Secret's values with it.
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    if kind.kind == "Secret" {
        for field in ["data", "stringData"] {
            let values = object.get_mut(field).and_then(Value::as_object_mut);
            values
                .into_iter()
                .flat_map(|map| map.values_mut())
                .for_each(|value| {
                    *value = "hidden".into();
                });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::reduce;
    use crate::policy::custom::ObjectKind;

    #[test]
    fn of_a_secret_nothing_but_its_keys_is_kept() {
        let mut secret = json!({
            "metadata": {"name": "s", "managedFields": [1], "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "aGVhcnQ=", "mine": "1"}},
            "data": {"password": "aGVhcnQ="}, "stringData": {"more": "heart"},
        });
        let kind = ObjectKind {
            api_version: "v1".into(),
            kind: "Secret".into(),
        };
        reduce(&mut secret, &kind);
        assert_eq!(
            secret,
            json!({"metadata": {"name": "s", "annotations": {"mine": "1"}},
                "data": {"password": "hidden"}, "stringData": {"more": "hidden"}})
        );
    }
}
