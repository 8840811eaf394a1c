//! A service, as a Pebble supervises it.

use jiff::Timestamp;
use tokio::sync::watch;

use crate::pebble::plan;

/// What a service does now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Current {
    #[default]
    Inactive,
    Active,
    Backoff,
    Error,
}

impl Current {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Active => "active",
            Self::Backoff => "backoff",
            Self::Error => "error",
        }
    }
}

/// A service that was started once.
#[derive(Default)]
pub(crate) struct Service {
    pub(crate) current: Current,
    pub(crate) since: Option<Timestamp>,
    /// Its process, while there is one.
    pub(crate) process: Option<u32>,
    /// Ends it.
    pub(crate) stop: Option<watch::Sender<bool>>,
    /// What it was started with.
    pub(crate) config: plan::Service,
    pub(crate) starts: u64,
}
