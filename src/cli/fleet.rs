//! `audit --contexts`: several clusters side by side, in one report.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::bail;

use super::shared::{ClusterArguments, FAILED, NOTHING_OPEN};
use super::{suggest, terminal};
use crate::facts::kubeconfig;
use crate::facts::platform::NoPlatform;
use crate::report::Report;
use crate::report::fleet::{Fleet, Member, Outcome, worst};

/// Which clusters to audit in one run.
#[derive(clap::Args)]
pub struct FleetArguments {
    /// Audit the clusters of these contexts, and report them side by side. Juju's controllers are
    /// not asked: each has a cluster of its own.
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with_all = ["context", "from", "bundle", "controller", "watch", "publish", "kube_bench", "external_hostname", "prometheus"])]
    contexts: Vec<String>,
    /// Audit the clusters of all contexts of the kubeconfig; those without Charmed Kubeflow are
    /// listed only.
    #[arg(long, conflicts_with_all = ["contexts", "context", "from", "bundle", "controller", "watch", "publish", "kube_bench", "external_hostname", "prometheus"])]
    all_contexts: bool,
    /// Clusters that are read at the same time, which bounds the memory.
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    parallel: u8,
}

impl FleetArguments {
    /// Several clusters are asked for.
    pub fn is_used(&self) -> bool {
        self.all_contexts || !self.contexts.is_empty()
    }

    /// Names of the contexts, each once, in the order given or in that of the kubeconfig.
    fn names(&self, cluster: &ClusterArguments) -> anyhow::Result<Vec<String>> {
        let source = cluster.kubernetes.source();
        let known = kubeconfig::contexts(&source)?;
        if self.all_contexts {
            if known.is_empty() {
                bail!("--all-contexts: the kubeconfig has no contexts");
            }
            return Ok(known);
        }
        let mut names: Vec<String> = Vec::new();
        for name in &self.contexts {
            if !known.contains(name) {
                let hint = suggest::hint(name, known.iter().map(String::as_str));
                bail!("--contexts: no context {name}{hint}; contexts are: {}", known.join(", "));
            }
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        Ok(names)
    }

    /// Audits every cluster, so many at a time, and returns the report and the worst status.
    /// With names redacted, contexts and reasons are left out, as they hold hosts.
    pub fn run(
        &self,
        cluster: &ClusterArguments,
        needs_evidence: bool,
        is_redacted: bool,
        audit: impl Fn(&ClusterArguments) -> anyhow::Result<Report> + Sync,
        status: impl Fn(&Report) -> u8 + Sync,
    ) -> anyhow::Result<(Fleet, u8)> {
        let names = self.names(cluster)?;
        let next = AtomicUsize::new(0);
        let done: Mutex<BTreeMap<usize, (Member, u8)>> = Mutex::default();
        let bar = progress(names.len());
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(name) = names.get(at) else { break };
                let shown = if is_redacted { (at + 1).to_string() } else { name.clone() };
                let (mut member, status) = match audit(&cluster.of_context(name)) {
                    Ok(report) => {
                        let status = status(&report);
                        (Member::audited(shown, report), status)
                    }
                    Err(error) => self.without(shown, &error, is_redacted),
                };
                if !needs_evidence {
                    member.drop_evidence();
                }
                bar.set_message(member.context.clone());
                bar.inc(1);
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                done.insert(at, (member, status));
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..usize::from(self.parallel).min(names.len()) {
                scope.spawn(work);
            }
        });
        bar.finish_and_clear();
        let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        let status = done.values().map(|(_, status)| *status).fold(NOTHING_OPEN, worst);
        Ok((Fleet::new(done.into_values().map(|(member, _)| member).collect()), status))
    }

    fn without(&self, shown: String, error: &anyhow::Error, is_redacted: bool) -> (Member, u8) {
        // Who names a cluster expects the platform in it.
        let is_skipped = self.all_contexts && error.downcast_ref::<NoPlatform>().is_some();
        let (outcome, status) = match is_skipped {
            true => (Outcome::Skipped, NOTHING_OPEN),
            false => (Outcome::Failed, FAILED),
        };
        let problem = match is_redacted {
            true => "redacted".to_owned(),
            false => format!("{error:#}"),
        };
        (Member::without(shown, outcome, problem), status)
    }
}

fn progress(length: usize) -> indicatif::ProgressBar {
    let bar = match terminal::has_progress() {
        true => indicatif::ProgressBar::new(length as u64),
        false => indicatif::ProgressBar::hidden(),
    };
    let style = indicatif::ProgressStyle::with_template("audited {pos}/{len} clusters {msg}");
    bar.set_style(style.unwrap_or(indicatif::ProgressStyle::default_bar()));
    bar
}
