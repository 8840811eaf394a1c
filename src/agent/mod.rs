//! The agent: the same audit under watches. It follows the cluster, assesses again what depends on
//! what changed, restores what is enforced while its unit leads, and serves the results. Each of
//! these has a thread of its own: no connection, object or request delays a repair.

mod audience;
pub mod audit;
mod connections;
mod custom_controls;
mod directory;
mod events;
mod gate;
mod inbox;
pub mod input;
mod judge;
mod limits;
mod metrics;
mod publish;
mod repair;
mod server;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use log::{info, warn};

use self::custom_controls::Evaluated;
use self::directory::Directory;
use self::gate::Gate;
use self::inbox::Inbox;
use self::judge::Judge;
use self::limits::Limits;
pub use self::metrics::{Described, all as metrics};
use self::publish::Publisher;
use self::repair::Enforcer;
use self::server::Pages;
pub use self::tls::Pair;
use self::tls::Tls;
use crate::controls::custom::STACK;
use crate::facts::About;
use crate::facts::kubernetes::{ReadError, Source};
use crate::facts::watch::{self, Live};

/// How long a write that has begun is waited for at the end.
const ENDS: Duration = Duration::from_secs(1);

/// Where and how the agent runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which cluster.
    pub source: Source,
    /// Where it listens.
    pub listen: SocketAddr,
    /// What it serves TLS with; HTTP, without one.
    pub pair: Option<Pair>,
    /// The folder of the charm's input; without one there is none.
    pub input: Option<PathBuf>,
    /// Namespace of the platform, until the input names it.
    pub namespace: String,
    /// Facts that nothing was heard of for this long are not known any more.
    pub stale: Duration,
}

/// Runs until it is asked to end. It fails only if it cannot begin.
pub fn run(settings: Settings) -> anyhow::Result<()> {
    let limits = Arc::new(Limits::new(limits::raise_descriptors()));
    let inbox = Arc::new(Inbox::new(settings.input.clone(), &settings.namespace));
    let about =
        About { collected_at: crate::now(), namespace: inbox.read().input.namespace.clone() };
    let live = Arc::new(Live::new(about, settings.stale));
    let publisher = Arc::new(Publisher::new(Arc::clone(&live)));
    let gate = Arc::new(Gate::default());
    events::say("sys_startup", &format!("ckf-hardening {}", crate::VERSION));
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(settings.listen)
            .await
            .with_context(|| format!("listening at {}", settings.listen))?;
        let tls = settings.pair.clone().map(Tls::new).transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        info!("serving at {scheme}://{}", listener.local_addr()?);
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
            () = asked_to_end() => Ok(()),
        }
    });
    if !gate.close(ENDS) {
        warn!("a write had begun, and is not waited for any longer");
    }
    ended?;
    events::say("sys_shutdown", &format!("ckf-hardening {}", crate::VERSION));
    Ok(())
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("a runtime")
}

/// Starts the threads that work. What is returned comes if the cluster cannot be watched.
fn work(
    settings: &Settings,
    inbox: &Arc<Inbox>,
    live: &Arc<Live>,
    publisher: &Arc<Publisher>,
    gate: &Arc<Gate>,
) -> anyhow::Result<tokio::sync::oneshot::Receiver<ReadError>> {
    let evaluated = Evaluated::default();
    let judge =
        Judge::new(Arc::clone(inbox), Arc::clone(live), Arc::clone(publisher), evaluated.clone());
    let enforcer = Enforcer {
        source: settings.source.clone(),
        inbox: Arc::clone(inbox),
        live: Arc::clone(live),
        publisher: Arc::clone(publisher),
        gate: Arc::clone(gate),
    };
    let (sender, broken) = tokio::sync::oneshot::channel();
    let watching = runtime()?;
    thread("judge", None, || judge.run())?;
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
async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
