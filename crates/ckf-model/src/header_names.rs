//! Names of the headers that a route sets, in lower case; their values are dropped, as they may be
//! secrets.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::text::Interned;

/// Names of headers, from Istio's map by name, from a list of the Gateway API's pairs, or from a
/// list of names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct HeaderNames(pub Vec<Interned>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Item {
    Name(String),
    Pair { name: String },
}

impl<'de> Deserialize<'de> for HeaderNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = HeaderNames;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("headers by name, or a list of them")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderNames, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                    names.push(name.to_ascii_lowercase().as_str().into());
                }
                Ok(HeaderNames(names))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<HeaderNames, A::Error> {
                let mut names = Vec::new();
                while let Some(Item::Name(name) | Item::Pair { name }) = list.next_element()? {
                    names.push(name.to_ascii_lowercase().as_str().into());
                }
                Ok(HeaderNames(names))
            }
        }
        deserializer.deserialize_any(Names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_maps_and_lists_without_values() {
        for json in [
            r#"{"Kubeflow-UserID": "secret"}"#,
            r#"[{"name": "kubeflow-userid", "value": "secret"}]"#,
            r#"["kubeflow-userid"]"#,
        ] {
            let names: HeaderNames = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&names).unwrap(), r#"["kubeflow-userid"]"#);
        }
    }
}
