//! Interned values, for those that repeat thousands of times in a cluster.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::Interned;

thread_local! {
    static INTERNED: RefCell<HashMap<TypeId, Box<dyn Any>>> = RefCell::default();
}

/// A value that shares its allocation with every equal value read on this thread: the pods of
/// 2,000 profiles have few distinct specs.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct SharedValue<T>(Arc<T>);

impl<T: Eq + Hash + 'static> From<T> for SharedValue<T> {
    fn from(value: T) -> Self {
        INTERNED.with_borrow_mut(|tables| {
            let table = tables
                .entry(TypeId::of::<T>())
                .or_insert_with(|| Box::new(HashSet::<Arc<T>>::new()))
                .downcast_mut::<HashSet<Arc<T>>>();
            let Some(table) = table else {
                return Self(Arc::new(value));
            };
            match table.get(&value) {
                Some(interned) => Self(interned.clone()),
                None => {
                    let interned = Arc::new(value);
                    table.insert(interned.clone());
                    Self(interned)
                }
            }
        })
    }
}

/// Drops the tables of interned values and strings; those in use stay valid.
pub fn clear_interned() {
    INTERNED.with_borrow_mut(HashMap::clear);
    Interned::clear_interned();
}

impl<T> Deref for SharedValue<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for SharedValue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Serialize> Serialize for SharedValue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de> + Eq + Hash + 'static> Deserialize<'de> for SharedValue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_one_allocation() {
        let a = SharedValue::from(vec![1, 2]);
        let b: SharedValue<Vec<i32>> = serde_json::from_str("[1, 2]").unwrap();
        let c: SharedValue<Vec<u8>> = serde_json::from_str("[1, 2]").unwrap();
        assert!(Arc::ptr_eq(&a.0, &b.0));
        assert_eq!(c.len(), 2);
    }
}
