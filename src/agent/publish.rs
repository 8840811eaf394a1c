//! What came of the last audit, for whoever asks, and events for whoever listens.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

use super::events::Event;

/// Results that are remembered: a day of them at one a minute.
const REMEMBERED: usize = 1440;
/// Events that a slow listener may lag behind.
const BEHIND: usize = 256;

/// What is served.
#[derive(Clone, Debug)]
pub struct Published {
    /// The report as JSON.
    pub report: Arc<str>,
    /// What stands beside it for the charm, as JSON.
    pub head: Arc<str>,
    /// The metrics.
    pub metrics: Arc<str>,
    /// The page.
    pub page: Arc<str>,
    /// Whether the cluster is read as it should be; else what is wrong.
    pub health: Result<(), String>,
}

/// How many controls were open at a time, by severity, the worst first.
pub type Past = (i64, [usize; 5]);

/// Keeps what is served.
pub struct Publisher {
    now: Mutex<Option<Published>>,
    past: Mutex<VecDeque<Past>>,
    events: broadcast::Sender<Event>,
    shows: AtomicBool,
}

impl Publisher {
    /// Nothing is served yet.
    pub fn new() -> Self {
        Self {
            now: Mutex::default(),
            past: Mutex::default(),
            events: broadcast::channel(BEHIND).0,
            shows: AtomicBool::new(false),
        }
    }

    /// What is served; `None` before the first audit.
    pub fn now(&self) -> Option<Published> {
        self.now
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Serves this from now on.
    pub fn put(&self, published: Published) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = Some(published);
    }

    /// Notes a result, unless it is as the last one of the same minute; returns all that are
    /// remembered, the oldest first.
    pub fn remember(&self, past: Past) -> Vec<Past> {
        let mut all = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        match all.back_mut() {
            Some(last) if past.0 - last.0 < 60 => last.1 = past.1,
            _ => all.push_back(past),
        }
        while all.len() > REMEMBERED {
            all.pop_front();
        }
        all.iter().copied().collect()
    }

    /// Whether the report is shown to others than this pod.
    pub fn shows(&self) -> bool {
        self.shows.load(Ordering::Relaxed)
    }

    /// Has it shown to others, or to this pod only.
    pub fn set_shows(&self, shows: bool) {
        self.shows.store(shows, Ordering::Relaxed);
    }

    /// Tells an event.
    pub fn tell(&self, event: Event) {
        event.write();
        // Nobody need listen.
        let _ = self.events.send(event);
    }

    /// Listens to events from now on.
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }
}
