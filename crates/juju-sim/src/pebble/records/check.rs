//! A check, as a Pebble runs it.

use tokio::sync::watch;

/// A check that was started once.
#[derive(Default)]
pub(crate) struct Check {
    /// The change that runs it.
    pub(crate) change: Option<u64>,
    /// The one before it, from when it last went down or up.
    pub(crate) previous_change: Option<u64>,
    pub(crate) successes: u64,
    /// In a row.
    pub(crate) failures: u32,
    /// All of them.
    pub(crate) failed: u64,
    /// Ends it, while it runs.
    pub(crate) stop: Option<watch::Sender<bool>>,
}

impl Check {
    /// Successes and failures.
    pub(crate) fn counted(&self) -> (u64, u64) {
        (self.successes, self.failed)
    }
}
