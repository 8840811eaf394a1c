//! `ckf-hardening permissions`: the rights that the program needs, as manifests.

use std::collections::BTreeSet;

use super::shared::{NOTHING_OPEN, print};
use crate::permissions::{Subject, Uses, manifest, needed};
use crate::remedies::Remedy;

/// Print the roles that a use needs, each right with its reason
#[derive(clap::Args)]
pub struct Permissions {
    /// Remedies that are applied or enforced, comma-separated; none for an audit that only reads
    #[arg(long, value_name = "REMEDY", value_delimiter = ',')]
    enforce: Vec<Remedy>,
    /// Credentials that are rotated and need a right in the cluster
    #[arg(long, value_name = "CREDENTIAL", value_delimiter = ',', value_parser = ["minio"])]
    rotate: Vec<String>,
    /// The agent watches what it reads, as it does in the charm
    #[arg(long)]
    agent: bool,
    /// Allow `audit --publish`
    #[arg(long)]
    publish: bool,
    /// Namespace (Juju model) of Charmed Kubeflow
    #[arg(short, long, default_value = "kubeflow", value_name = "NAME")]
    namespace: String,
    /// Service account that gets the rights; without a namespace, one in the platform's
    #[arg(long, default_value = "ckf-hardening", value_name = "[NAMESPACE/]NAME")]
    service_account: String,
}

impl Permissions {
    /// Prints the manifests.
    pub fn run(self) -> anyhow::Result<u8> {
        let uses = Uses {
            watch: self.agent,
            remedies: self.enforce.into_iter().collect::<BTreeSet<_>>(),
            rotate_minio: !self.rotate.is_empty(),
            publish: self.publish,
        };
        let (namespace, name) = match self.service_account.split_once('/') {
            Some((namespace, name)) => (namespace.to_owned(), name.to_owned()),
            None => (self.namespace.clone(), self.service_account),
        };
        let needed = needed(&uses, &self.namespace);
        print(&manifest(&needed, &self.namespace, &Subject { namespace, name }))?;
        Ok(NOTHING_OPEN)
    }
}
