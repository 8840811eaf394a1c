//! `serve`: the agent, which watches a cluster and serves report, metrics and events.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::shared::{KubernetesArguments, NOTHING_OPEN};
use crate::agent;
use crate::facts::watch::STALE;
use crate::policy::Tables;

#[derive(clap::Args)]
pub struct Serve {
    /// Address and port to listen at, or a port of 127.0.0.1.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090", value_parser = address)]
    listen: SocketAddr,
    #[command(flatten)]
    kubernetes: KubernetesArguments,
    /// Certificates to serve TLS with, PEM, leaf first; read again when they are renewed.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Private key of the certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Folder of the charm's input: options, leadership, and facts of Juju. Without it nothing is
    /// changed in the cluster.
    #[arg(long, value_name = "DIR", alias = "told")]
    input: Option<PathBuf>,
    /// File in which the history of the report page survives a restart; with --input, history.json
    /// in that folder.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Tables of advisories and ends of support that `bundle-data` wrote, in place of this program's
    /// own; read at the start.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Seconds without a word of the API server after which facts are not known any more. It
    /// sends one about every minute.
    #[arg(long, value_name = "SECONDS", default_value_t = STALE.as_secs())]
    stale_after: u64,
}

/// Parses an address with its port; a port alone is one of the loopback address.
fn address(text: &str) -> Result<SocketAddr, NotAnAddress> {
    let loopback = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let of_port = |_| text.parse().map(loopback).map_err(|_| NotAnAddress);
    text.parse().or_else(of_port)
}

/// A text is no address to listen at.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address with its port, as 0.0.0.0:8090 or [::]:8090, nor a port")]
struct NotAnAddress;

impl Serve {
    pub fn run(self) -> anyhow::Result<u8> {
        let tables = match &self.data {
            Some(path) => super::data::read(path)?,
            None => Tables::default(),
        };
        agent::run(agent::Settings {
            tables,
            source: self.kubernetes.source(),
            listen: self.listen,
            pair: self
                .tls_certificate
                .zip(self.tls_key)
                .map(|(certificate, key)| agent::Pair { certificate, key }),
            history: self.history.or(self.input.as_ref().map(|folder| folder.join("history.json"))),
            input: self.input,
            namespace: self.kubernetes.namespace,
            stale: Duration::from_secs(self.stale_after.max(1)),
        })?;
        Ok(NOTHING_OPEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_alone_is_one_of_the_loopback_address() {
        for (text, expected) in [
            ("18096", Ok("127.0.0.1:18096")),
            ("0.0.0.0:80", Ok("0.0.0.0:80")),
            ("[::1]:80", Ok("[::1]:80")),
            ("localhost:80", Err(NotAnAddress)),
            ("70000", Err(NotAnAddress)),
            ("127.0.0.1", Err(NotAnAddress)),
            ("", Err(NotAnAddress)),
        ] {
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(address(text), expected, "{text}");
        }
    }
}
