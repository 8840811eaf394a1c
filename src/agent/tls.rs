//! Pages over TLS, with a certificate from files that may be renewed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use log::warn;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Longest time for a handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

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

/// What handshakes are made with.
pub struct Tls {
    pair: Pair,
    config: Arc<ServerConfig>,
    changed: Option<SystemTime>,
}

/// Makes one handshake.
pub struct Acceptor(TlsAcceptor);

impl Tls {
    /// It fails if the pair cannot be used; one that is renewed and cannot be used is logged,
    /// and the one before stays.
    pub fn new(pair: Pair) -> anyhow::Result<Self> {
        Ok(Self { config: Arc::new(pair.config()?), changed: pair.changed(), pair })
    }

    /// For the next connection.
    pub fn acceptor(&mut self) -> Acceptor {
        let now = self.pair.changed();
        if now != self.changed {
            self.changed = now;
            match self.pair.config() {
                Ok(renewed) => self.config = Arc::new(renewed),
                Err(why) => warn!("the certificate of before is served: {why:#}"),
            }
        }
        Acceptor(TlsAcceptor::from(Arc::clone(&self.config)))
    }
}

impl Acceptor {
    /// Makes the handshake. A client that is slow with it is left.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        stream: S,
    ) -> io::Result<TlsStream<S>> {
        match tokio::time::timeout(HANDSHAKE, self.0.accept(stream)).await {
            Ok(made) => made,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no handshake")),
        }
    }
}
