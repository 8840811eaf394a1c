//! Durations of watching: how long watches last, how often what cannot be watched is polled, and
//! how long a kind waits after a failure.

use std::time::Duration;

use rand::RngExt as _;
use tokio::sync::watch::Sender;

use super::request::Failure;

/// Durations of watching.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Requested duration of a watch; then another one is opened. Whole seconds.
    pub watch: Duration,
    /// Duration from which a watch counts as successful; shorter ones are retried with back-off.
    pub min_watch: Duration,
    /// First back-off; each further failure doubles it.
    pub first_backoff: Duration,
    /// Longest back-off while the API server does not answer.
    pub max_backoff: Duration,
    /// Longest back-off while the API server answers with an error: it is there, and costs
    /// nothing to reach again, but what it refuses seldom changes.
    pub max_refused: Duration,
    /// Interval of polling ConfigMaps by name, which is needed without the right to list them.
    pub poll: Duration,
    /// Interval of polling the version, least interval of reviewing permissions, and interval of
    /// looking for kinds that are not served while definitions cannot be read.
    pub slow_poll: Duration,
    /// Interval of whatever a watch would report: permissions, and kinds without a definition.
    pub fallback: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            watch: Duration::from_secs(290),
            min_watch: Duration::from_secs(10),
            first_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(30),
            max_refused: Duration::from_secs(300),
            poll: Duration::from_secs(300),
            slow_poll: Duration::from_secs(600),
            fallback: Duration::from_secs(7200),
        }
    }
}

impl Timing {
    /// The same so many times as fast, for tests: an hour passes in minutes.
    pub fn faster(self, times: u32) -> Self {
        Self {
            watch: Duration::from_secs(self.watch.as_secs().div_ceil(u64::from(times))),
            min_watch: self.min_watch / times,
            first_backoff: self.first_backoff / times,
            max_backoff: self.max_backoff / times,
            max_refused: self.max_refused / times,
            poll: self.poll / times,
            slow_poll: self.slow_poll / times,
            fallback: self.fallback / times,
        }
    }
}

/// Back-off of a kind: none after a success, exponential after failures.
pub(super) struct Pace {
    timing: Timing,
    failures: u32,
    longest: Duration,
}

impl Pace {
    /// Without a failure yet.
    pub(super) fn new(timing: Timing) -> Self {
        Self { timing, failures: 0, longest: timing.max_backoff }
    }

    /// Number of consecutive failures.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Forgets all failures.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Records a watch of this duration that the server closed.
    pub(super) fn lasted(&mut self, time: Duration) {
        self.longest = self.timing.max_backoff;
        self.failures = match time >= self.timing.min_watch {
            true => 0,
            false => self.failures.saturating_add(1),
        };
    }

    /// Records a failed request, or a failed watch of this duration.
    pub(super) fn failed(&mut self, time: Duration) {
        self.lasted(time);
        self.failures = self.failures.max(1);
    }

    /// Records that the API server answered with an error.
    pub(super) fn refused(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.longest = self.timing.max_refused;
    }

    /// Records a failed request.
    pub(super) fn failed_by(&mut self, failure: &Failure) {
        match failure.is_refusal() {
            true => self.refused(),
            false => self.failed(Duration::ZERO),
        }
    }

    /// Delay without jitter: 0, 1, 2, 4 … times the first.
    pub(super) fn delay(&self) -> Duration {
        match self.failures {
            0 => Duration::ZERO,
            failures => {
                let first = self.timing.first_backoff;
                first.saturating_mul(1 << (failures - 1).min(16)).min(self.longest)
            }
        }
    }

    /// Waits, with jitter so that kinds that failed together do not retry together.
    pub(super) async fn wait(&self) {
        if self.failures > 0 {
            tokio::time::sleep(self.delay().mul_f64(jitter())).await;
        }
    }

    /// Waits, though no longer than the shorter limit once permissions change.
    pub(super) async fn wait_or(&self, permissions: &Sender<u64>) {
        wait_or(self.delay(), self.timing.max_backoff, permissions).await;
    }
}

/// Waits for about this long, though no longer than `least` once permissions change.
pub(super) async fn wait_or(delay: Duration, least: Duration, permissions: &Sender<u64>) {
    let mut changes = permissions.subscribe();
    let delay = delay.mul_f64(jitter());
    let least = least.min(delay);
    tokio::time::sleep(least).await;
    // Either end is one.
    let _ = tokio::time::timeout(delay - least, changes.changed()).await;
}

/// A factor around 1.
pub(super) fn jitter() -> f64 {
    rand::rng().random_range(0.5..1.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(pace: &mut Pace, fail: impl Fn(&mut Pace)) -> Vec<u64> {
        let mut after = || {
            fail(pace);
            pace.delay().as_secs()
        };
        (0..11).map(|_| after()).collect()
    }

    #[test]
    fn short_watch_is_retried_with_backoff() {
        let timing = Timing::default();
        let mut pace = Pace::new(timing);
        assert_eq!(pace.delay(), Duration::ZERO);
        let early = delays(&mut pace, |pace| pace.lasted(Duration::from_millis(3)));
        assert_eq!(early, [1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30]);
        pace.lasted(timing.min_watch);
        assert_eq!(pace.delay(), Duration::ZERO);
        pace.failed(timing.min_watch);
        assert_eq!(pace.delay(), timing.first_backoff);
    }

    #[test]
    fn refused_request_is_retried_ever_more_seldom() {
        let mut pace = Pace::new(Timing::default());
        let refused = delays(&mut pace, Pace::refused);
        assert_eq!(refused, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        // The connection is lost: its return is not to be missed for minutes.
        pace.failed(Duration::ZERO);
        assert_eq!(pace.delay().as_secs(), 30);
    }
}
