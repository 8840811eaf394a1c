//! The current facts, with when each kind was last confirmed, and who listens for changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ckf_model::with_kinds;
use jiff::Timestamp;
use tokio::sync::watch::Sender;

use crate::facts::definitions::Definitions;
use crate::facts::known::{Known, Unknown};
use crate::facts::pace::Timing;
use crate::facts::{About, Facts};

/// The current facts, shared between watches and listeners.
pub struct FactStore {
    state: Mutex<State>,
    signal: Condvar,
    heard: Mutex<Heard>,
    counts: Mutex<Counts>,
    /// Definitions of kinds, after whose changes a new kind may be served.
    pub(super) definitions: Definitions,
    /// Counts changes of RBAC, after which what was refused may be allowed.
    pub(super) permissions: Sender<u64>,
    pub(super) stale: Duration,
    pub(super) timing: Timing,
}

/// Fields that decide what accounts may do.
const RBAC: &[&str] =
    &["roles", "role_bindings", "cluster_roles", "cluster_role_bindings", "service_accounts"];

struct State {
    facts: Facts,
    /// Fields that changed since the last wait of each listener.
    changed: Vec<BTreeSet<&'static str>>,
    /// Fields that were read at least once, successfully or not.
    read: BTreeSet<&'static str>,
}

/// Times of the last data from the API server.
pub(super) struct Heard {
    /// Last response or event of any kind.
    any: Instant,
    /// Last confirmation of each known kind, by field.
    pub(super) of: BTreeMap<&'static str, (Instant, Timestamp)>,
    /// Kinds that are not installed: the watch of definitions confirms that.
    absent: BTreeSet<&'static str>,
}

impl Heard {
    /// The field whose confirmations are this field's too.
    fn confirming(&self, field: &'static str) -> &'static str {
        let is_watched = self.absent.contains(field) && self.of.contains_key(DEFINITIONS);
        if is_watched { DEFINITIONS } else { field }
    }
}

/// The field of the definitions.
pub(super) const DEFINITIONS: &str = "crds";

/// Request and event counters, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lists that were read.
    pub lists: u64,
    /// Watches that were opened.
    pub watches: u64,
    /// Events received, including those without a change.
    pub events: u64,
    /// Lists and watches that failed.
    pub failures: u64,
}

/// A listener for changes.
pub struct Changes {
    live: Arc<FactStore>,
    number: usize,
}

macro_rules! fields {
    ($($(#[$meta:meta])* $field:ident: $type:ty => $group:literal [$($version:literal)+] $plural:literal $(via $wire:ty)?;)*) => {
        /// Fields of the facts that are kinds of objects.
        pub(super) const KINDS: &[&str] = &[$(stringify!($field)),*];
    };
}
with_kinds!(fields);

impl FactStore {
    /// Creates a store without facts. Facts not confirmed for `stale` become unknown.
    pub fn new(about: About, stale: Duration) -> Self {
        let facts = Facts { about, ..Facts::default() };
        Self {
            state: Mutex::new(State { facts, changed: Vec::new(), read: BTreeSet::new() }),
            signal: Condvar::new(),
            heard: Mutex::new(Heard {
                any: Instant::now(),
                of: BTreeMap::new(),
                absent: BTreeSet::new(),
            }),
            counts: Mutex::default(),
            definitions: Definitions::default(),
            permissions: Sender::new(0),
            stale,
            timing: Timing::default(),
        }
    }

    /// The same store with other durations, for tests.
    pub fn with_timing(self, timing: Timing) -> Self {
        Self { timing, ..self }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Facts stay consistent if another thread panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a field; `change` returns whether its value differs afterwards.
    pub fn change(&self, field: &'static str, change: impl FnOnce(&mut Facts) -> bool) {
        let mut state = self.lock();
        let is_first = state.read.insert(field);
        if change(&mut state.facts) || is_first {
            for changed in &mut state.changed {
                changed.insert(field);
            }
            self.signal.notify_all();
            if RBAC.contains(&field) && !is_first {
                self.permissions.send_modify(|changes| *changes += 1);
            }
        }
    }

    /// Calls a function with the facts, under the lock.
    pub fn with<R>(&self, read: impl FnOnce(&Facts) -> R) -> R {
        read(&self.lock().facts)
    }

    /// Adds a listener, whose first changes are all fields read so far.
    pub fn listen(self: &Arc<Self>) -> Changes {
        let mut state = self.lock();
        let read = state.read.clone();
        state.changed.push(read);
        Changes { live: Arc::clone(self), number: state.changed.len() - 1 }
    }

    /// Whether every kind was read, successfully or not.
    pub fn is_whole(&self) -> bool {
        let state = self.lock();
        KINDS.iter().all(|field| state.read.contains(field))
    }

    /// Request and event counters since the start.
    pub fn counts(&self) -> Counts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time since the last data from the API server, if longer than `stale`.
    pub fn silence(&self) -> Option<Duration> {
        let silence = self.heard().any.elapsed();
        (silence >= self.stale).then_some(silence)
    }

    /// Confirmation time of the oldest known kind; `None` if no kind is known.
    pub fn as_of(&self) -> Option<Timestamp> {
        let heard = self.heard();
        let times = heard.of.keys().map(|field| heard.of.get(heard.confirming(field)));
        times.flatten().map(|(_, at)| *at).min()
    }

    /// Time to the next poll, longer after an answer.
    pub(super) fn pause(&self, is_answer: bool) -> Duration {
        if is_answer { self.timing.slow_poll } else { self.timing.max_backoff }
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Records that the API server confirmed a kind.
    pub(super) fn hear(&self, field: &'static str) {
        let mut heard = self.heard();
        let now = Instant::now();
        heard.any = now;
        heard.of.insert(field, (now, crate::now()));
        heard.absent.remove(field);
    }

    /// Records that a kind is not installed.
    pub(super) fn miss(&self, field: &'static str) {
        self.heard().absent.insert(field);
    }

    /// Whether the previous facts hold after a failed read: not if access was denied, else until
    /// they are stale.
    fn holds(&self, field: &'static str, why: &Unknown) -> bool {
        let mut heard = self.heard();
        if let Unknown::Forbidden(_) = why {
            heard.any = Instant::now();
            heard.of.remove(field);
            return false;
        }
        let stale = self.stale;
        let is_fresh = |(at, _): &(Instant, Timestamp)| at.elapsed() < stale;
        let holds = heard.of.get(heard.confirming(field)).is_some_and(is_fresh);
        if !holds {
            heard.of.remove(field);
        }
        holds
    }

    /// Stores the result of a read; after a failure, the previous facts stay while they hold.
    pub(super) fn update<T: PartialEq>(
        &self,
        field: &'static str,
        new: Known<T>,
        of: impl FnOnce(&mut Facts) -> &mut Known<T>,
    ) {
        match &new {
            Known::Known(_) => self.hear(field),
            Known::Unknown(why) if self.holds(field, why) => return,
            // What was absent may be there now, unseen.
            Known::Unknown(_) if field == DEFINITIONS => self.definitions.lost(),
            Known::Unknown(_) => {}
        }
        self.change(field, |facts| replace(of(facts), new));
    }
}

impl Changes {
    /// Waits for a change, for at most `most`, and returns the changed fields; includes changes
    /// within `settles` of the first.
    pub fn wait(&self, most: Duration, settles: Duration) -> BTreeSet<&'static str> {
        let until = Instant::now() + most;
        let mut state = self.live.lock();
        while state.changed[self.number].is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return BTreeSet::new();
            }
            let waited = self.live.signal.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        std::thread::sleep(settles);
        std::mem::take(&mut self.live.lock().changed[self.number])
    }
}

/// Stores a value; returns whether it differs from the one before.
pub(super) fn replace<T: PartialEq>(known: &mut Known<T>, new: Known<T>) -> bool {
    let is_other = *known != new;
    *known = new;
    is_other
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::known::Listed;

    fn live() -> Arc<FactStore> {
        Arc::new(FactStore::new(About::default(), Duration::from_millis(200)))
    }

    #[test]
    fn change_wakes_every_listener_once() {
        let live = live();
        let (one, two) = (live.listen(), live.listen());
        let other = Arc::clone(&live);
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            other.change("pods", |_| true);
            other.change("secrets", |_| true);
        });
        for listener in [&one, &two] {
            let changed = listener.wait(Duration::from_secs(10), Duration::from_millis(50));
            assert_eq!(changed, BTreeSet::from(["pods", "secrets"]));
        }
        thread.join().unwrap();
        live.change("pods", |_| false);
        assert!(one.wait(Duration::from_millis(20), Duration::ZERO).is_empty());
        // A later listener gets all fields read so far.
        let late = live.listen().wait(Duration::ZERO, Duration::ZERO);
        assert_eq!(late, BTreeSet::from(["pods", "secrets"]));
    }

    #[test]
    fn facts_are_whole_when_each_kind_was_read() {
        let live = live();
        for number in 0..KINDS.len() {
            // As many fields as there are kinds, but none of them a kind.
            let field: &'static str = Box::leak(format!("other-{number}").into_boxed_str());
            live.change(field, |_| true);
        }
        assert!(!live.is_whole());
        for field in KINDS {
            live.change(field, |_| true);
        }
        assert!(live.is_whole());
    }

    #[test]
    fn facts_hold_after_failure_until_stale_but_not_after_denial() {
        let live = live();
        let nodes = |unknown: Unknown| {
            live.update("nodes", Known::Unknown(unknown), |facts| &mut facts.nodes);
            live.with(|facts| matches!(facts.nodes, Known::Known(_)))
        };
        let failed = || Unknown::Failed("connection refused".into());
        let read = || {
            live.update("nodes", Known::Known(Listed::default()), |facts| &mut facts.nodes);
        };
        assert!(!nodes(failed()), "a kind that was never read is unknown");
        read();
        assert!(nodes(failed()));
        assert!(live.as_of().is_some());
        assert_eq!(live.silence(), None);
        assert!(!nodes(Unknown::Forbidden("no".into())));
        read();
        std::thread::sleep(Duration::from_millis(250));
        assert!(live.silence().is_some());
        assert!(!nodes(failed()), "the facts are stale");
        assert_eq!(live.as_of(), None);
        read();
        assert_eq!(live.silence(), None);
    }

    #[test]
    fn absent_kind_is_as_fresh_as_the_definitions() {
        let live = live();
        let crds = |new| live.update(DEFINITIONS, new, |facts| &mut facts.crds);
        let long_ago = Timestamp::UNIX_EPOCH;
        live.heard().of.insert("nodes", (Instant::now(), long_ago));
        live.miss("nodes");
        assert_eq!(live.as_of(), Some(long_ago), "definitions are not known");
        crds(Known::Known(Listed::default()));
        assert!(live.as_of().unwrap() > long_ago);
        crds(Known::Unknown(Unknown::Forbidden("no".into())));
        assert_eq!(live.as_of(), Some(long_ago));
    }
}
