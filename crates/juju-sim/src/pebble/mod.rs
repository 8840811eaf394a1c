//! A simulated Pebble: what runs in a workload container beside the charm.
//!
//! It listens on a unix socket as the real one does, and is held to Pebble 1.32.1.
//! Services, checks and commands are real processes. Without a [root](Options::root) they run on
//! this machine, with its files; with one the container is pretended: files lie below the root,
//! and a command does what a [`Program`] says.
//!
//! ```no_run
//! use juju_sim::pebble::{Options, Pebble, Program};
//!
//! let pebble = Pebble::start(
//!     "containers/web/pebble.socket".as_ref(),
//!     Options {
//!         root: Some("root".into()),
//!         programs: vec![Program::new(&["/bin/migrate"]).ends(0).prints("done\n")],
//!         ..Options::default()
//!     },
//! )?;
//! # std::io::Result::Ok(())
//! ```
//!
//! Not simulated, and refused with 501: terminals of commands, following a log, aborting a
//! change. Logs are forwarded to Loki only.

mod access;
mod answer;
mod changes;
mod checks;
mod commands;
mod complete;
mod durations;
mod errors;
mod exchanges;
mod exec;
mod files;
mod health;
mod identities;
mod layers;
mod logs;
mod loki;
mod metrics;
mod multipart;
mod notices;
mod order;
mod plan;
mod programs;
mod records;
mod routes;
mod services;
mod state;
mod supervise;
mod system;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fs, io};

use serde_json::Value;
use tokio::sync::watch;

pub use self::programs::Program;
pub use self::records::exchange::Exchange;
pub(crate) use self::records::options::Happened;
pub use self::records::options::Options;
use self::state::Shared;
use crate::session::Link;

/// A Pebble that runs. It ends, with what it started, when this is dropped.
pub struct Pebble {
    socket: PathBuf,
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Pebble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pebble").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl Pebble {
    /// Listens at a socket, and on a port of the loopback interface for what is open to all.
    pub fn start(socket: &Path, options: Options) -> io::Result<Self> {
        Self::start_linked(socket, options, None)
    }

    pub(crate) fn start_linked(
        socket: &Path,
        options: Options,
        link: Option<Link>,
    ) -> io::Result<Self> {
        if let Some(folder) = socket.parent() {
            fs::create_dir_all(folder)?;
        }
        let unix = std::os::unix::net::UnixListener::bind(socket)?;
        unix.set_nonblocking(true)?;
        let tcp = std::net::TcpListener::bind("127.0.0.1:0")?;
        tcp.set_nonblocking(true)?;
        let address = tcp.local_addr()?;
        let shared = Arc::new(Shared::new(options, address, link));
        let (stop, stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serving = shared.clone();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                // A server that fails is one that does not answer, which the test will tell.
                let _ = routes::serve(unix, tcp, serving.clone(), stopped).await;
                serving.kill_all();
            });
            runtime.shutdown_timeout(Duration::from_millis(200));
        });
        Ok(Self { socket: socket.to_owned(), address, shared, stop, thread: Some(thread) })
    }

    /// Its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Where it answers what is open to all, or to who has a password.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was asked and answered since this was last called.
    pub fn exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.shared.lock().exchanges)
    }

    /// The plan: every layer, combined.
    pub fn plan(&self) -> Value {
        // A plan of text, numbers and maps has a JSON of its own.
        serde_json::to_value(&self.shared.lock().plan).unwrap_or_default()
    }

    /// How long adding a layer takes from now on. With a Loki that takes connections and does not
    /// answer, a real one was seen to take 6 to 10 seconds, whatever the layer said.
    pub fn delay_layers(&self, takes: Duration) {
        self.shared.lock().layers_take = takes;
    }

    /// What each service does now: `active`, `inactive`, `backoff` or `error`.
    pub fn services(&self) -> BTreeMap<String, &'static str> {
        let state = self.shared.lock();
        let names = state.plan.services.keys();
        names.map(|name| (name.clone(), state.current(name).text())).collect()
    }

    /// Puts a file where a charm would pull it from; its path is the container's.
    pub fn write_file(&self, path: &str, content: &[u8]) -> io::Result<()> {
        let path = self.shared.host_path(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, content)
    }

    /// Reads a file of the container.
    pub fn read_file(&self, path: &str) -> io::Result<Vec<u8>> {
        fs::read(self.shared.host_path(path))
    }

    /// Has a folder of this machine be one of the container's, as a volume is.
    pub fn mount(&self, path: &str, folder: &Path) -> io::Result<()> {
        let path = self.shared.host_path(path);
        if let Some(above) = path.parent() {
            fs::create_dir_all(above)?;
        }
        std::os::unix::fs::symlink(folder, path)
    }

    /// What is new for Juju since this was last called: custom notices by id and key, and
    /// checks that failed or recovered.
    pub(crate) fn happened(&self) -> Vec<Happened> {
        std::mem::take(&mut self.shared.lock().happened)
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
        // Without its process a socket is of no use; that it is gone already is no fault.
        let _ = fs::remove_file(&self.socket);
    }
}
