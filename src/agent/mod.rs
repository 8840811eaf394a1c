//! The agent: the same audit under watches. It keeps the facts as the cluster changes,
//! judges again what consulted them, puts right what is enforced while its unit leads, and
//! serves what came of it.

mod events;
pub mod found;
mod judge;
mod metrics;
mod publish;
mod repair;
mod server;
mod tls_listener;
pub mod told;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use log::info;

use self::judge::Judge;
pub use self::metrics::{Described, all as metrics};
use self::publish::Publisher;
pub use self::tls_listener::Pair;
use self::tls_listener::TlsListener;
use self::told::Told;
use crate::facts::About;
use crate::facts::kubernetes::Source;
use crate::facts::watch::{self, Live};

/// Where and how the agent runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which cluster.
    pub source: Source,
    /// Where it listens.
    pub listen: SocketAddr,
    /// What it serves TLS with; HTTP, without one.
    pub pair: Option<Pair>,
    /// The folder that the charm puts what it tells into; without one nobody tells.
    pub told: Option<PathBuf>,
    /// Namespace of the platform, until the charm tells.
    pub namespace: String,
}

/// Runs until it is asked to end. It fails only if it cannot begin.
pub fn run(settings: Settings) -> anyhow::Result<()> {
    let told = Told::read_or_default(settings.told.as_deref(), &settings.namespace);
    let about = About {
        collected_at: crate::now(),
        namespace: told.namespace.clone(),
    };
    let live = Arc::new(Live::new(about));
    let publisher = Arc::new(Publisher::new());
    events::say("sys_startup", &format!("ckf-hardening {}", crate::VERSION));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("a runtime")?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(settings.listen)
            .await
            .with_context(|| format!("listening at {}", settings.listen))?;
        let scheme = if settings.pair.is_some() {
            "https"
        } else {
            "http"
        };
        info!("serving at {scheme}://{}", listener.local_addr()?);
        let judge = Judge::new(
            settings.source.clone(),
            settings.told.clone(),
            told,
            Arc::clone(&live),
            Arc::clone(&publisher),
        );
        std::thread::Builder::new()
            .name("judge".into())
            .spawn(move || judge.run())
            .context("a thread")?;
        tokio::select! {
            ended = watch::keep(&settings.source, live) => ended.context("watching the cluster"),
            ended = serving(listener, settings.pair, publisher) => ended.context("serving"),
            () = asked_to_end() => Ok(()),
        }
    })?;
    events::say("sys_shutdown", &format!("ckf-hardening {}", crate::VERSION));
    Ok(())
}

async fn serving(
    listener: tokio::net::TcpListener,
    pair: Option<Pair>,
    publisher: Arc<Publisher>,
) -> anyhow::Result<()> {
    match pair {
        Some(pair) => server::serve(TlsListener::new(listener, pair)?, publisher).await?,
        None => server::serve(listener, publisher).await?,
    }
    Ok(())
}

/// Ends when somebody sends a signal, as Pebble does.
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
