//! The gate that every write of the agent goes through: once it is closed, none goes out.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Open until it is closed for good.
#[derive(Default)]
pub struct Gate {
    state: Mutex<State>,
    signal: Condvar,
}

#[derive(Default)]
struct State {
    is_closed: bool,
    is_busy: bool,
}

/// Held during a write.
pub struct Pass<'a>(&'a Gate);

impl Gate {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to write once; `None` when it is closed. One thread writes.
    pub fn pass(&self) -> Option<Pass<'_>> {
        let mut state = self.lock();
        if state.is_closed {
            return None;
        }
        state.is_busy = true;
        Some(Pass(self))
    }

    /// Closes it, and waits that long for a write that has begun; returns whether it ended.
    pub fn close(&self, within: Duration) -> bool {
        let mut state = self.lock();
        state.is_closed = true;
        let waited = self.signal.wait_timeout_while(state, within, |state| state.is_busy);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !state.is_busy
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.lock().is_busy = false;
        self.0.signal.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_gate_blocks_new_writes_and_waits_for_the_running_one() {
        let gate = Gate::default();
        std::thread::scope(|scope| {
            let pass = gate.pass().unwrap();
            assert!(!gate.close(Duration::from_millis(20)), "a write has begun");
            assert!(gate.pass().is_none());
            let closing = scope.spawn(|| gate.close(Duration::from_secs(10)));
            drop(pass);
            assert!(closing.join().unwrap());
        });
        assert!(gate.pass().is_none());
    }
}
