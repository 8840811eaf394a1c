//! Counts of repairs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Counts of repairs, shared with their readers.
#[derive(Clone, Default)]
pub struct Outcomes(Arc<Mutex<Repaired>>);

/// Counts of repairs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Repaired {
    /// Objects that were repaired.
    pub done: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Objects that are not repaired until then, because another client keeps reverting the repair.
    pub(super) resting: BTreeMap<String, Instant>,
    /// Why the last try failed, if it did.
    pub refused: Option<String>,
    /// What waited for consent at the last try, in a line.
    pub held_back: Option<String>,
    /// Number of the charm's input that was enforced last.
    pub seen_to: Option<u64>,
}

impl Outcomes {
    pub(super) fn lock(&self) -> MutexGuard<'_, Repaired> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current numbers.
    pub fn now(&self) -> Repaired {
        self.lock().clone()
    }
}

impl Repaired {
    /// Number of objects that are not repaired for now.
    pub fn given_up(&self) -> usize {
        let now = Instant::now();
        self.resting.values().filter(|until| **until > now).count()
    }
}
