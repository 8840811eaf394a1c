//! Fields of objects of which only the presence is read.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Whether a field is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct IsSet(pub bool);

impl IsSet {
    /// It is not there.
    pub fn no(&self) -> bool {
        !self.0
    }
}

impl<'de> Deserialize<'de> for IsSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::<IgnoredAny>::deserialize(deserializer)?.is_some()))
    }
}

/// Names of fields that are there and have no place in a type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct UnreadFields(Vec<String>);

impl UnreadFields {
    /// Their names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// None is there.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for UnreadFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = BTreeMap::<String, Option<IgnoredAny>>::deserialize(deserializer)?;
        Ok(Self(all.into_iter().filter_map(|(name, value)| value.map(|_| name)).collect()))
    }
}

impl Serialize for UnreadFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|name| (name, true)))
    }
}
