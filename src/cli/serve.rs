//! `serve`: the agent, which watches a cluster and serves what it finds.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::NOTHING_OPEN;
use crate::agent;
use crate::facts::kubernetes::Source;

#[derive(clap::Args)]
pub struct Serve {
    /// Address and port to listen at.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Kubeconfig; else KUBECONFIG, ~/.kube/config or the pod's own account.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; else its current one.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Namespace (Juju model) of Charmed Kubeflow.
    #[arg(long, default_value = "kubeflow", value_name = "NAME")]
    namespace: String,
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
            source: Source {
                kubeconfig: self.kubeconfig,
                context: self.context,
            },
            listen: self.listen,
            told: self.told,
            namespace: self.namespace,
        })?;
        Ok(NOTHING_OPEN)
    }
}
