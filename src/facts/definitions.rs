//! CustomResourceDefinitions as they come, change and go, for the kinds that wait for theirs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Sender;

use super::pace::{Timing, jitter};

/// Times that a kind is looked for after its definition came; a definition may be without a
/// version that is read.
const TRIES: u32 = 6;

/// The definitions that are there, each with the number of its changes since it came.
#[derive(Default)]
pub(super) struct Definitions {
    changes: Sender<Arc<State>>,
}

#[derive(Clone, Default)]
struct State {
    is_known: bool,
    of: BTreeMap<String, u64>,
}

impl Definitions {
    /// Records a complete list.
    pub(super) fn listed(&self, names: impl Iterator<Item = String>) {
        self.changes.send_modify(|state| {
            let state = Arc::make_mut(state);
            let before = std::mem::take(&mut state.of);
            state.is_known = true;
            // It may have changed meanwhile.
            state.of = names
                .map(|name| {
                    let number = before.get(&name).map_or(0, |number| number + 1);
                    (name, number)
                })
                .collect();
        });
    }

    /// Records that they cannot be read any more.
    pub(super) fn lost(&self) {
        self.changes.send_modify(|state| Arc::make_mut(state).is_known = false);
    }

    /// Records that a definition came or changed: even without a change of what is read of it,
    /// the kind may be served only now.
    pub(super) fn changed(&self, name: &str) {
        self.changes.send_modify(|state| {
            let of = &mut Arc::make_mut(state).of;
            of.entry(name.to_owned()).and_modify(|number| *number += 1).or_default();
        });
    }

    /// Records that a definition was deleted.
    pub(super) fn deleted(&self, name: &str) {
        self.changes.send_modify(|state| {
            Arc::make_mut(state).of.remove(name);
        });
    }

    /// Number of changes of a definition; `None` if it is not there.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.changes.borrow().of.get(name).copied()
    }

    /// Waits until a kind that was not served may be: until its definition differs from `before`
    /// or the definitions are lost, else for long. `tries` counts the times that it was not served since its definition came.
    pub(super) async fn wait(&self, name: &str, before: Option<u64>, tries: u32, timing: Timing) {
        let began = tokio::time::Instant::now();
        let factor = jitter();
        let mut changes = self.changes.subscribe();
        let mut was_known = false;
        loop {
            let (next, is_known) = {
                let state = changes.borrow_and_update();
                (state.next(name, before, tries, timing), state.is_known)
            };
            if was_known && !is_known {
                return;
            }
            was_known = is_known;
            let Some(longest) = next else {
                // The API server serves a kind shortly after its definition is established.
                tokio::time::sleep(timing.first_backoff.mul_f64(0.5 + factor)).await;
                return;
            };
            tokio::select! {
                () = tokio::time::sleep_until(began + longest.mul_f64(factor)) => return,
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }
}

impl State {
    /// Longest wait for a kind that was not served when its definition was as `before`; `None`
    /// if the definition has come or changed.
    fn next(
        &self,
        name: &str,
        before: Option<u64>,
        tries: u32,
        timing: Timing,
    ) -> Option<Duration> {
        let now = self.of.get(name).copied();
        match now {
            Some(_) if now != before => None,
            Some(_) if tries < TRIES => {
                Some(timing.first_backoff.saturating_mul(1 << tries).min(timing.max_backoff))
            }
            _ if self.is_known => Some(timing.fallback),
            _ => Some(timing.slow_poll),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "backups.velero.io";

    #[test]
    fn absent_kind_is_read_again_when_its_definition_changes() {
        let timing = Timing::default();
        let definitions = Definitions::default();
        let next = |before, tries| definitions.changes.borrow().next(NAME, before, tries, timing);
        assert_eq!(next(None, 0), Some(timing.slow_poll), "definitions cannot be read");
        definitions.listed(["others.example.com".to_owned()].into_iter());
        assert_eq!(next(None, 0), Some(timing.fallback));
        definitions.changed("others.example.com");
        assert_eq!(next(None, 0), Some(timing.fallback), "another definition");

        definitions.changed(NAME);
        assert_eq!(next(None, 0), None, "it came");
        let before = definitions.number(NAME);
        let tries: Vec<_> = (0..6).map(|tries| next(before, tries).unwrap().as_secs()).collect();
        assert_eq!(tries, [1, 2, 4, 8, 16, 30], "it came and is not served yet");
        assert_eq!(next(before, TRIES), Some(timing.fallback), "in no version that is read");
        definitions.changed(NAME);
        assert_eq!(next(before, TRIES), None, "it changed");

        definitions.deleted(NAME);
        assert_eq!(definitions.number(NAME), None);
        assert_eq!(next(before, 0), Some(timing.fallback), "it went");
        // It came while the watch of definitions was broken.
        definitions.listed([NAME.to_owned()].into_iter());
        assert_eq!(next(None, 0), None);
        let before = definitions.number(NAME);
        definitions.listed([NAME.to_owned()].into_iter());
        assert_eq!(next(before, TRIES), None, "it may have changed in between");
    }
}
