//! Options of the mesh: istiod's MeshConfig, in the ConfigMap `istio` of the platform's namespace.

use serde::de::DeserializeOwned;
use serde_yaml::{Mapping, Value};

use super::{Context, MissingFact};
use crate::facts::istio::reference;
use crate::facts::object::ObjectRef;

/// Some of the options; `None` if the ConfigMap is not there. istiod takes each name in camelCase
/// and in snake_case.
pub fn mesh_options<T: DeserializeOwned + Default>(
    context: &Context<'_>,
) -> Result<Option<T>, MissingFact> {
    let mut maps = context.config_maps()?.iter();
    let Some(map) = maps.find(|map| map.metadata.name == "istio") else {
        return Ok(None);
    };
    let text = map.data.get("mesh").map(String::as_str).unwrap_or_default();
    let wrong =
        |error| MissingFact(format!("ConfigMap istio: its key mesh is no MeshConfig: {error}"));
    let options: Value = serde_yaml::from_str(text).map_err(wrong)?;
    let options: Option<T> = serde_yaml::from_value(in_camel_case(options)).map_err(wrong)?;
    Ok(Some(options.unwrap_or_default()))
}

/// Where the options are.
pub fn options_reference(context: &Context<'_>) -> ObjectRef {
    reference("v1", "ConfigMap", context.namespace(), "istio")
}

/// The same value with the names of fields in camelCase; nulls are as if they were not there.
fn in_camel_case(value: Value) -> Value {
    match value {
        Value::Mapping(map) => {
            let fields = map.into_iter().filter(|(_, value)| !value.is_null());
            let fields = fields.map(|(name, value)| {
                let name = match name {
                    Value::String(name) => Value::String(camel(&name)),
                    other => other,
                };
                (name, in_camel_case(value))
            });
            Value::Mapping(fields.collect::<Mapping>())
        }
        Value::Sequence(items) => items.into_iter().map(in_camel_case).collect(),
        other => other,
    }
}

fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        all.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        all.push_str(letters.as_str());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_both_spellings() {
        let text = "root_namespace: a\ntrustDomain: b\nextension_providers: [{envoy_ext_authz_http: {fail_open: true}}]\nx: null";
        let value: Value = serde_yaml::from_str(text).unwrap();
        let options = serde_json::to_value(in_camel_case(value)).unwrap();
        let wanted = serde_json::json!({"rootNamespace": "a", "trustDomain": "b",
            "extensionProviders": [{"envoyExtAuthzHttp": {"failOpen": true}}]});
        assert_eq!(options, wanted);
    }
}
