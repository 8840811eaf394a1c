//! Results of the last audit for those who request them, and events for those who subscribe.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::broadcast;

use super::audience::{Namespaces, Ways};
use super::audit::AgentStatus;
use super::events::Event;
use super::history::{History, Past};
use super::metrics::{self, Running, Summary};
use super::repaired::Outcomes;
use crate::facts::requests;
use crate::facts::watch::FactStore;

/// Events that a slow listener may lag behind.
const BEHIND: usize = 256;
/// How long rendered metrics are served again.
const RENDERED: Duration = Duration::from_secs(1);
/// Longest time that an audit may take before the agent counts as stuck.
const STUCK: Duration = Duration::from_secs(300);

/// Served results of an audit.
#[derive(Clone, Debug)]
pub struct Published {
    /// The report as JSON.
    pub report: Arc<str>,
    /// The status, for the charm.
    pub status: AgentStatus,
    /// Number of the charm's input that it was assessed by.
    pub number: u64,
    /// What metrics say of it.
    pub summary: Arc<Summary>,
    /// The page.
    pub page: Arc<str>,
    /// Whether the cluster can be read as expected; else what is wrong.
    pub health: Result<(), Unhealthy>,
    /// Which namespaces are the platform's.
    pub namespaces: Arc<Namespaces>,
}

/// Why the agent does not work as it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unhealthy {
    /// The API server has not answered for this many seconds.
    #[error("stale: nothing was heard from the API server for {0} s")]
    Stale(u64),
    /// More than half of the kinds could not be read: this many.
    #[error("{0} kinds of objects could not be read")]
    Unread(usize),
    /// An audit has run for this many seconds.
    #[error("stuck: an audit has run for {0} s")]
    Stuck(u64),
}

/// A text, with the time since when it holds.
type Rendered = (Instant, Arc<str>);

/// The served results.
pub struct Publisher {
    live: Arc<FactStore>,
    /// Counts of repairs.
    pub repaired: Outcomes,
    now: Mutex<Option<Published>>,
    past: Mutex<History>,
    events: broadcast::Sender<Event>,
    ways: Mutex<Ways>,
    assessed_at: Mutex<Instant>,
    rendered: Mutex<[Option<Rendered>; 2]>,
    refused: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Publisher {
    /// Nothing is served yet.
    pub fn new(live: Arc<FactStore>, past: History) -> Self {
        Self {
            live,
            repaired: Outcomes::default(),
            now: Mutex::default(),
            past: Mutex::new(past),
            events: broadcast::channel(BEHIND).0,
            ways: Mutex::default(),
            assessed_at: Mutex::new(Instant::now()),
            rendered: Mutex::default(),
            refused: AtomicU64::new(0),
        }
    }

    /// What is served; `None` before the first audit. What of it goes on meanwhile is as now.
    pub fn now(&self) -> Option<Published> {
        let mut now = lock(&self.now).clone()?;
        let repaired = self.repaired.now();
        now.status.enforcement_error = repaired.refused;
        now.status.held_back = repaired.held_back;
        if repaired.seen_to != Some(now.number) {
            // Whether it is enforced is not known yet.
            now.status.input.clear();
        }
        now.health = self.silence().and(now.health);
        now.status.healthy = now.health.is_ok();
        Some(now)
    }

    /// Whether the agent works, before and after the first audit.
    pub fn silence(&self) -> Result<(), Unhealthy> {
        if let Some(silence) = self.live.silence() {
            return Err(Unhealthy::Stale(silence.as_secs()));
        }
        let idle = lock(&self.assessed_at).elapsed();
        match idle < STUCK {
            true => Ok(()),
            false => Err(Unhealthy::Stuck(idle.as_secs())),
        }
    }

    /// Notes that the thread that assesses is alive.
    pub fn beat(&self) {
        *lock(&self.assessed_at) = Instant::now();
    }

    /// Serves this from now on.
    pub fn put(&self, published: Published) {
        *lock(&self.now) = Some(published);
        *lock(&self.rendered) = Default::default();
    }

    /// The metrics, all or only sums, as OpenMetrics; `None` before the first audit.
    pub fn metrics(&self, names_weaknesses: bool) -> Option<Arc<str>> {
        let summary = Arc::clone(&lock(&self.now).as_ref()?.summary);
        let rendered = &mut lock(&self.rendered)[usize::from(names_weaknesses)];
        if let Some((at, text)) = rendered
            && at.elapsed() < RENDERED
        {
            return Some(Arc::clone(text));
        }
        let running = Running {
            repaired: self.repaired.now(),
            watches: self.live.counts(),
            requests: requests::counts(),
            refused: self.refused.load(Ordering::Relaxed),
        };
        let text: Arc<str> = metrics::render(&summary, &running, names_weaknesses).into();
        *rendered = Some((Instant::now(), Arc::clone(&text)));
        Some(text)
    }

    /// Counts a connection that was refused.
    pub fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Namespaces of the platform, if known.
    pub fn namespaces(&self) -> Arc<Namespaces> {
        let known = lock(&self.now).as_ref().map(|now| Arc::clone(&now.namespaces));
        known.unwrap_or_default()
    }

    /// Notes a result, unless it is as the last one of the same minute; returns all that are
    /// remembered, the oldest first.
    pub fn remember(&self, past: Past) -> Vec<Past> {
        lock(&self.past).note(past)
    }

    /// Ways that are related.
    pub fn ways(&self) -> Ways {
        *lock(&self.ways)
    }

    /// Has what is served shown to those who come by these ways.
    pub fn set_ways(&self, ways: Ways) {
        *lock(&self.ways) = ways;
    }

    /// Emits an event.
    pub fn emit(&self, event: Event) {
        event.write();
        // No subscriber is needed.
        let _ = self.events.send(event);
    }

    /// Listens to events from now on.
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }
}
