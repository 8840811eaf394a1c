//! `serve`: the agent, which watches a cluster and serves what it finds.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::{KubernetesArguments, NOTHING_OPEN};
use crate::agent;

#[derive(clap::Args)]
pub struct Serve {
    /// Address and port to listen at.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    #[command(flatten)]
    kubernetes: KubernetesArguments,
    /// Certificates to serve TLS with, PEM, leaf first; read again when they are renewed.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Private key of the certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Folder that the charm tells by: options, leadership, and what Juju knows. Without it
    /// nothing is changed in the cluster.
    #[arg(long, value_name = "DIR")]
    told: Option<PathBuf>,
}

impl Serve {
    pub fn run(self) -> anyhow::Result<u8> {
        // Told by the options from then on.
        log::set_max_level(log::LevelFilter::Info);
        agent::run(agent::Settings {
            source: self.kubernetes.source(),
            listen: self.listen,
            pair: self
                .tls_certificate
                .zip(self.tls_key)
                .map(|(certificate, key)| agent::Pair { certificate, key }),
            told: self.told,
            namespace: self.kubernetes.namespace,
        })?;
        Ok(NOTHING_OPEN)
    }
}
