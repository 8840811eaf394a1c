//! Labels and label selectors.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::Interned;

/// Labels of an object, sorted by key; compact, as every object has some.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Labels(Box<[(Interned, Interned)]>);

impl Labels {
    /// The value of a label.
    pub fn get(&self, key: &str) -> Option<&Interned> {
        let position = self.0.binary_search_by(|(known, _)| (**known).cmp(key));
        position.ok().map(|index| &self.0[index].1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All labels, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&Interned, &Interned)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Whether they include every label of a selector.
    pub fn include(&self, selector: &Self) -> bool {
        selector.iter().all(|(key, value)| self.get(key) == Some(value))
    }
}

impl FromIterator<(Interned, Interned)> for Labels {
    fn from_iter<I: IntoIterator<Item = (Interned, Interned)>>(labels: I) -> Self {
        // The last of duplicate keys wins, as in Kubernetes.
        let mut labels: Vec<_> = labels.into_iter().collect();
        labels.reverse();
        labels.sort_by(|(a, _), (b, _)| a.cmp(b));
        labels.dedup_by(|(later, _), (first, _)| later == first);
        Self(labels.into_boxed_slice())
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Labels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of labels")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
                let mut labels = Vec::new();
                while let Some(label) = map.next_entry()? {
                    labels.push(label);
                }
                Ok(labels.into_iter().collect())
            }
        }
        deserializer.deserialize_map(Map)
    }
}

/// A label selector, as in NetworkPolicies and webhooks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Labels that an object must have.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub match_labels: Labels,
    /// Further requirements.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<Requirement>,
}

/// One requirement of a [`LabelSelector`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Requirement {
    /// The label.
    pub key: Interned,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: Interned,
    /// Values of `In` and `NotIn`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Interned>,
}

impl LabelSelector {
    /// Whether it is empty, and selects everything.
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// Whether it selects an object with these labels.
    pub fn matches(&self, labels: &Labels) -> bool {
        labels.include(&self.match_labels)
            && self.match_expressions.iter().all(|r| {
                let value = labels.get(&r.key);
                match &*r.operator {
                    "In" => value.is_some_and(|v| r.values.contains(v)),
                    "NotIn" => !value.is_some_and(|v| r.values.contains(v)),
                    "Exists" => value.is_some(),
                    "DoesNotExist" => value.is_none(),
                    _ => false,
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(json: &str) -> Labels {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn labels_are_looked_up_by_key_in_any_order() {
        let all = labels(r#"{"b": "2", "a": "1", "c": "3", "a": "0"}"#);
        assert_eq!(all.get("a").map(|v| &**v), Some("0"));
        assert_eq!(all.get("d"), None);
        assert!(all.include(&labels(r#"{"c": "3", "b": "2"}"#)));
        assert!(!all.include(&labels(r#"{"c": "2"}"#)));
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(json, r#"{"a":"0","b":"2","c":"3"}"#);
    }
}
