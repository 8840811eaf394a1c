//! The agent: the same audit under watches. It follows the cluster, assesses again what depends on
//! what changed, restores what is enforced while its unit leads, and serves the results. Each of
//! these has a thread of its own: no connection, object or request delays a repair.

mod assessor;
mod audience;
pub mod audit;
mod connections;
mod custom_controls;
mod directory;
mod events;
mod gate;
mod history;
mod inbox;
pub mod input;
mod limits;
mod metrics;
mod publish;
mod repair;
mod repaired;
mod server;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use log::{info, warn};

use self::assessor::Assessor;
use self::custom_controls::Evaluated;
use self::directory::Directory;
use self::gate::Gate;
use self::history::History;
use self::inbox::Inbox;
use self::limits::Limits;
pub use self::metrics::{Described, all as metrics};
use self::publish::Publisher;
use self::repair::Enforcer;
use self::server::Pages;
pub use self::tls::Pair;
use self::tls::Tls;
use crate::controls::custom::STACK;
use crate::facts::About;
use crate::facts::kubernetes::{self, ReadError, Source};
use crate::facts::watch::{self, FactStore};
use crate::policy::Tables;

/// Longest wait for a write that has begun, at the end.
const ENDS: Duration = Duration::from_secs(1);

/// Where and how the agent runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How to reach the cluster.
    pub source: Source,
    /// Address and port to listen at.
    pub listen: SocketAddr,
    /// Certificate and key for TLS; without one it serves HTTP.
    pub pair: Option<Pair>,
    /// The folder of the charm's input; without one there is none.
    pub input: Option<PathBuf>,
    /// File of the history; in memory if absent.
    pub history: Option<PathBuf>,
    /// Namespace of the platform, until the input names it.
    pub namespace: String,
    /// Tables that assess versions.
    pub tables: Tables,
    /// Facts that the API server has not confirmed for this long become unknown.
    pub stale: Duration,
}

/// Runs until a signal ends it. It fails only if it cannot begin.
pub fn run(settings: Settings) -> anyhow::Result<()> {
    let limits = Arc::new(Limits::new(limits::raise_descriptors()));
    let inbox =
        Arc::new(Inbox::new(settings.input.clone(), &settings.namespace, settings.tables.clone()));
    // What the pages show of the cluster; watching it fails if it cannot be reached.
    let origin = kubernetes::origin(&settings.source).unwrap_or_default();
    let about =
        About { collected_at: crate::now(), namespace: inbox.read().input.namespace.clone() };
    let live = Arc::new(FactStore::new(about, settings.stale));
    live.change("origin", |facts| {
        facts.origin = origin;
        false
    });
    let history = History::of_file(settings.history.clone());
    let publisher = Arc::new(Publisher::new(Arc::clone(&live), history));
    let gate = Arc::new(Gate::default());
    events::say("sys_startup", &format!("ckf-hardening {}", crate::VERSION));
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(settings.listen)
            .await
            .with_context(|| format!("listening at {}", settings.listen))?;
        let tls = settings.pair.clone().map(Tls::new).transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = format!("{scheme}://{}", listener.local_addr()?);
        info!("serving at {address}");
        events::for_people(&format!(
            "report page at {address}/, metrics at {address}/metrics; Ctrl-C ends it"
        ));
        let broken = work(&settings, &inbox, &live, &publisher, &gate)?;
        let directory = Directory::new(settings.source.clone());
        let pages = Pages::new(Arc::clone(&publisher), directory);
        let routes = server::routes(Arc::new(pages));
        tokio::select! {
            broken = broken => match broken {
                Ok(why) => Err(why).context("watching the cluster"),
                // The thread is there as long as the process.
                Err(_) => Ok(()),
            },
            () = connections::serve(listener, tls, routes, limits, publisher) => Ok(()),
            () = terminated() => Ok(()),
        }
    });
    if !gate.close(ENDS) {
        warn!("a write that had begun did not end in time");
    }
    ended?;
    events::say("sys_shutdown", &format!("ckf-hardening {}", crate::VERSION));
    Ok(())
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("a runtime")
}

/// Starts the threads. The receiver gets the reason if the cluster cannot be watched.
fn work(
    settings: &Settings,
    inbox: &Arc<Inbox>,
    live: &Arc<FactStore>,
    publisher: &Arc<Publisher>,
    gate: &Arc<Gate>,
) -> anyhow::Result<tokio::sync::oneshot::Receiver<ReadError>> {
    let evaluated = Evaluated::default();
    let assessor = Assessor::new(
        Arc::clone(inbox),
        Arc::clone(live),
        Arc::clone(publisher),
        evaluated.clone(),
    );
    let enforcer = Enforcer {
        source: settings.source.clone(),
        inbox: Arc::clone(inbox),
        live: Arc::clone(live),
        publisher: Arc::clone(publisher),
        gate: Arc::clone(gate),
    };
    let (sender, broken) = tokio::sync::oneshot::channel();
    let watching = runtime()?;
    thread("assessor", None, || assessor.run())?;
    thread("enforcer", None, || enforcer.run())?;
    let (source, inbox, live) = (settings.source.clone(), Arc::clone(inbox), Arc::clone(live));
    let facts = Arc::clone(&live);
    let of_custom = source.clone();
    // As deep as expressions may be.
    thread("custom", Some(STACK), move || {
        custom_controls::run(&of_custom, &inbox, &live, &evaluated);
    })?;
    thread("watches", None, move || {
        if let Err(why) = watching.block_on(watch::keep(&source, facts)) {
            // The process may end at the same time.
            let _ = sender.send(why);
        }
    })?;
    Ok(broken)
}

fn thread(
    name: &str,
    stack: Option<usize>,
    work: impl FnOnce() + Send + 'static,
) -> anyhow::Result<()> {
    let mut builder = std::thread::Builder::new().name(name.to_owned());
    if let Some(stack) = stack {
        builder = builder.stack_size(stack);
    }
    builder.spawn(work).map(drop).context("a thread")
}

/// Ends at a signal, as Pebble sends it.
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
