//! Interned strings, for those that repeat thousands of times in a cluster.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, de};

thread_local! {
    static INTERNED: RefCell<HashSet<Arc<str>>> = RefCell::new(HashSet::new());
}

/// A string that shares its allocation with every equal string read on this thread: labels,
/// images and namespaces of 20,000 pods cost little more than those of one pod.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interned(Arc<str>);

impl Interned {
    fn intern(value: &str) -> Self {
        INTERNED.with_borrow_mut(|interned| match interned.get(value) {
            Some(text) => Self(text.clone()),
            None => {
                let text: Arc<str> = value.into();
                interned.insert(text.clone());
                Self(text)
            }
        })
    }

    /// Drops the table of interned strings; strings in use stay valid.
    pub fn clear_interned() {
        INTERNED.with_borrow_mut(|interned| *interned = HashSet::new());
    }
}

impl Default for Interned {
    fn default() -> Self {
        Self::intern("")
    }
}

impl From<&str> for Interned {
    fn from(value: &str) -> Self {
        Self::intern(value)
    }
}

impl Deref for Interned {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Interned {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Interned {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for Interned {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl fmt::Display for Interned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Interned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for Interned {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Interned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Interned;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Interned, E> {
                Ok(Interned::intern(value))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_share_one_allocation() {
        let a = Interned::from("kubeflow");
        let b: Interned = serde_json::from_str("\"kubeflow\"").unwrap();
        assert!(Arc::ptr_eq(&a.0, &b.0));
    }
}
