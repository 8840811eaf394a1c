//! Pages over TLS, with a certificate from files that may be renewed.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use axum::serve::Listener;
use log::{debug, warn};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Longest time for a handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections that may wait to be served.
const WAITING: usize = 64;

/// A certificate and its key, in files.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Certificates, PEM, leaf first.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

impl Pair {
    /// What servers use of it now.
    fn config(&self) -> anyhow::Result<ServerConfig> {
        let of = |path: &Path| path.display().to_string();
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(|| of(&self.certificate))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).with_context(|| of(&self.key))?;
        ServerConfig::builder_with_provider(crate::tls::provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .with_context(|| of(&self.certificate))
    }

    fn changed(&self) -> Option<SystemTime> {
        let of = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
        of(&self.certificate).max(of(&self.key))
    }
}

/// Connections whose handshake is done. A client that is slow with it keeps nobody waiting.
pub struct TlsListener {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl TlsListener {
    /// Listens. It fails if the pair cannot be used; one that is renewed and cannot be used
    /// is told of, and the one before stays.
    pub fn new(listener: TcpListener, pair: Pair) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        let config = Arc::new(pair.config()?);
        let (sender, ready) = mpsc::channel(WAITING);
        tokio::spawn(accept(listener, pair, config, sender));
        Ok(Self { ready, address })
    }
}

async fn accept(
    mut listener: TcpListener,
    pair: Pair,
    mut config: Arc<ServerConfig>,
    ready: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let mut changed = pair.changed();
    loop {
        let (stream, from) = Listener::accept(&mut listener).await;
        let now = pair.changed();
        if now != changed {
            changed = now;
            match pair.config() {
                Ok(renewed) => config = Arc::new(renewed),
                Err(why) => warn!("the certificate of before is served: {why:#}"),
            }
        }
        let acceptor = TlsAcceptor::from(Arc::clone(&config));
        let ready = ready.clone();
        tokio::spawn(async move {
            match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                // The server ends with its receiver.
                Ok(Ok(stream)) => drop(ready.send((stream, from)).await),
                Ok(Err(why)) => debug!("{from}: {why}"),
                Err(_) => debug!("{from}: no handshake"),
            }
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(ready) => ready,
            // Nobody sends any more, as the runtime ends.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}
