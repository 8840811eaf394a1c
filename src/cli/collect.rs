//! `collect`: write a snapshot.

use std::path::PathBuf;

use super::prometheus::PrometheusArguments;
use super::shared::{ClusterArguments, NOT_ASSESSED, NOTHING_OPEN, print, read_and_look};
use super::terminal;
use crate::facts::known::Unknown;
use crate::facts::snapshot;
use crate::policy::{self, Policy};

#[derive(clap::Args)]
#[command(after_help = super::help::COLLECT)]
pub struct Collect {
    #[command(flatten)]
    cluster: ClusterArguments,
    /// Directory to write to; made if it is missing.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Host by which users reach the platform, for which the gateway is asked.
    #[arg(long, value_name = "HOST", value_parser = policy::parse_hostname)]
    external_hostname: Option<String>,
    /// Policy; what its own controls are about is read too.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    prometheus: PrometheusArguments,
}

impl Collect {
    pub fn run(self) -> anyhow::Result<u8> {
        let policy = match &self.policy {
            Some(path) => {
                let (policy, problems) = super::shared::read_policy(path)?;
                for problem in problems {
                    log::warn!("{problem}");
                }
                policy
            }
            None => Policy::default(),
        };
        let host = self.external_hostname.as_deref();
        let mut facts = read_and_look(&self.cluster, &policy, host)?;
        self.prometheus.look(&mut facts)?;
        snapshot::write(&facts, &self.directory)?;
        let kinds = facts.kinds();
        let unknown = kinds.iter().filter(|(_, why)| why.is_some()).count();
        let named = kinds.iter().filter_map(|(kind, why)| Some((kind, (*why)?)));
        let forbidden = named.clone().filter(|(_, why)| matches!(why, Unknown::Forbidden(_)));
        let names =
            |kinds: &mut dyn Iterator<Item = &'static str>| kinds.collect::<Vec<_>>().join(", ");
        let forbidden = names(&mut forbidden.map(|(kind, _)| *kind));
        let failed = named.filter(|(_, why)| !matches!(why, Unknown::Forbidden(_)));
        let failed = names(&mut failed.map(|(kind, _)| *kind));
        let mut unread = String::new();
        if unknown > 0 {
            unread = format!(", {unknown} of {} kinds could not be read", kinds.len());
        }
        if !forbidden.is_empty() {
            unread.push_str(&format!(
                "; forbidden: {forbidden} (`ckf-hardening permissions` prints the role that is needed)"
            ));
        }
        if !failed.is_empty() {
            unread.push_str(&format!("; failed: {failed}"));
        }
        print(&terminal::prose(&format!(
            "wrote {}{unread}; secrets' values are not in it\n",
            self.directory.display()
        )))?;
        // An audit of it would end so too.
        let is_partial = unknown * 2 > kinds.len();
        Ok(if is_partial { NOT_ASSESSED } else { NOTHING_OPEN })
    }
}
