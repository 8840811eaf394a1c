//! Bounds the time that an evaluation computes.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use cel::ExecutionError;
use rustix::time::{ClockId, clock_gettime};

use crate::policy::custom::TURN;

/// Turns of loops between two looks at the clock.
const TURNS: u32 = 8;

/// The time that this thread has computed: other than a clock's, it does not depend on what
/// else the machine does.
pub(super) fn computed() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// Ends an evaluation when its time is over.
#[derive(Default)]
pub(super) struct Meter {
    /// In nanoseconds that the thread has computed.
    until: AtomicU64,
    turns: AtomicU32,
    is_over: AtomicBool,
}

impl Meter {
    pub(super) fn start(&self, until: Duration) {
        let until = u64::try_from(until.as_nanos()).unwrap_or(u64::MAX);
        self.until.store(until, Ordering::Relaxed);
        self.turns.store(0, Ordering::Relaxed);
        self.is_over.store(false, Ordering::Relaxed);
    }

    /// Whether the time is over: noted, so that every loop outside ends as well.
    pub(super) fn is_over(&self) -> bool {
        if self.is_over.load(Ordering::Relaxed) {
            return true;
        }
        let is_over = computed().as_nanos() > u128::from(self.until.load(Ordering::Relaxed));
        self.is_over.store(is_over, Ordering::Relaxed);
        is_over
    }

    /// A turn of a loop: true, or an error that ends the loop.
    pub(super) fn turn(&self) -> Result<bool, ExecutionError> {
        let turns = self.turns.fetch_add(1, Ordering::Relaxed);
        match turns.is_multiple_of(TURNS) && self.is_over() || self.is_over.load(Ordering::Relaxed)
        {
            true => Err(ExecutionError::function_error(TURN, "it takes too long")),
            false => Ok(true),
        }
    }
}
