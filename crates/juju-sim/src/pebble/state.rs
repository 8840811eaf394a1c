//! What a Pebble knows.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::ws::WebSocket;
use jiff::Timestamp;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::sync::{oneshot, watch};

use super::plan::Plan;
use super::records::change::Changes;
use super::records::check::Check;
use super::records::exchange::Exchange;
use super::records::identity::Identities;
use super::records::log::Logs;
use super::records::notice::Notices;
use super::records::options::{Happened, Options};
use super::records::service::Service;
use crate::session::Link;

/// Where the websockets of a command go, by name.
pub(super) type Waiting = BTreeMap<&'static str, oneshot::Sender<WebSocket>>;

/// What every handler has.
pub(super) type App = Arc<Shared>;

/// A Pebble.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Differs after each start.
    pub(super) boot: String,
    pub(super) address: SocketAddr,
    pub(super) options: Options,
    pub(super) link: Option<Link>,
}

/// What changes of it.
pub(super) struct State {
    pub(super) layers: Vec<(String, Plan)>,
    /// How long adding one takes.
    pub(super) layers_take: std::time::Duration,
    pub(super) plan: Plan,
    pub(super) services: BTreeMap<String, Service>,
    pub(super) checks: BTreeMap<String, Check>,
    pub(super) changes: Changes,
    pub(super) notices: Notices,
    pub(super) identities: Identities,
    pub(super) logs: Logs,
    /// Where each log target is in them.
    pub(super) places: BTreeMap<String, usize>,
    /// Commands whose client has yet to connect, by task.
    pub(super) waiting: BTreeMap<u64, Waiting>,
    /// Groups of processes that run.
    pub(super) processes: BTreeSet<u32>,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) happened: Vec<Happened>,
    /// Counts what may end a wait.
    changed: watch::Sender<u64>,
}

impl State {
    /// Something has changed.
    pub(super) fn note(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

impl Shared {
    pub(super) fn new(options: Options, address: SocketAddr, link: Option<Link>) -> Self {
        let state = State {
            layers: Vec::new(),
            layers_take: std::time::Duration::ZERO,
            plan: Plan::default(),
            services: BTreeMap::new(),
            checks: BTreeMap::new(),
            changes: Changes::default(),
            notices: Notices::default(),
            identities: Identities::default(),
            logs: Logs::default(),
            places: BTreeMap::new(),
            waiting: BTreeMap::new(),
            processes: BTreeSet::new(),
            exchanges: Vec::new(),
            happened: Vec::new(),
            changed: watch::channel(0).0,
        };
        Self {
            state: Mutex::new(state),
            boot: format!("{:x}", Timestamp::now().as_nanosecond()),
            address,
            options,
            link,
        }
    }

    /// The state. Never held while something is awaited.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes when something has changed from now on.
    pub(super) fn changed(&self) -> watch::Receiver<u64> {
        self.lock().changed.subscribe()
    }

    /// Where a file of the container lies on this machine.
    pub(super) fn host_path(&self, path: &str) -> PathBuf {
        match &self.options.root {
            Some(root) => root.join(path.trim_start_matches('/')),
            None => PathBuf::from(path),
        }
    }

    /// What the container calls a file of this machine.
    pub(super) fn container_path(&self, path: &Path) -> String {
        let below = self.options.root.as_ref();
        match below.and_then(|root| path.strip_prefix(root).ok()) {
            Some(path) => format!("/{}", path.display()),
            None => path.display().to_string(),
        }
    }

    /// Ends what was started.
    pub(super) fn kill_all(&self) {
        for group in std::mem::take(&mut self.lock().processes) {
            signal(group, Signal::SIGKILL);
        }
    }
}

/// Sends a signal to a process that was started, and to what it has started.
pub(super) fn signal(group: u32, signal: Signal) {
    // None is 0, which would be our own.
    if let Ok(group @ 1..) = i32::try_from(group) {
        // It may have ended by itself.
        let _ = killpg(Pid::from_raw(group), signal);
    }
}
