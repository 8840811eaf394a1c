//! What subcommands share: which cluster, exit statuses, and how they read and print.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use juju_charm::printable;

use super::{juju, terminal};
use crate::effects::Cluster;
use crate::facts::handshake::{self, Vantage};
use crate::facts::known::{Known, Unknown};
use crate::facts::{About, Facts, kubernetes, platform, snapshot};
use crate::policy::{Policy, PolicyProblem};

/// Which cluster, and where the platform is in it.
#[derive(Clone, clap::Args)]
pub(super) struct KubernetesArguments {
    /// Kubeconfig; else KUBECONFIG, ~/.kube/config or the pod's own account.
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; else its current one.
    #[arg(long, value_name = "NAME")]
    pub(super) context: Option<String>,
    /// Namespace (Juju model) of Charmed Kubeflow.
    #[arg(short, long, default_value = "kubeflow", value_name = "NAME")]
    pub(super) namespace: String,
    /// User to impersonate.
    #[arg(long = "as", value_name = "USER")]
    impersonate: Option<String>,
    /// Group to impersonate, with --as; may be repeated.
    #[arg(long = "as-group", value_name = "GROUP", requires = "impersonate")]
    impersonate_groups: Vec<String>,
}

impl KubernetesArguments {
    pub(super) fn source(&self) -> kubernetes::Source {
        kubernetes::Source {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            impersonate: self.impersonate.clone(),
            impersonate_groups: self.impersonate_groups.clone(),
        }
    }
}

/// Options about a live cluster: where a snapshot is read instead, they are refused. One by one,
/// as clap would name the first of their group instead of the one that was passed.
pub(super) const LIVE: [&str; 5] =
    ["kubeconfig", "context", "namespace", "impersonate", "controller"];

/// Which cluster, and which controller.
#[derive(Clone, clap::Args)]
pub(super) struct ClusterArguments {
    #[command(flatten)]
    pub(super) kubernetes: KubernetesArguments,
    #[command(flatten)]
    pub(super) controller: juju::ControllerArguments,
    /// One of several: it has no progress of its own, and Juju is not asked.
    #[arg(skip)]
    is_one_of_many: bool,
}

impl ClusterArguments {
    /// The cluster of a context, as one of several.
    pub(super) fn of_context(&self, name: &str) -> Self {
        let mut one = self.clone();
        one.kubernetes.context = Some(name.to_owned());
        one.is_one_of_many = true;
        one
    }
}

/// A cluster, or a snapshot of one.
#[derive(clap::Args)]
pub(super) struct FactsArguments {
    #[command(flatten)]
    pub(super) cluster: ClusterArguments,
    /// Look at a snapshot that `collect` wrote, instead of a cluster.
    #[arg(long, value_name = "DIR", conflicts_with_all = LIVE)]
    pub(super) from: Option<PathBuf>,
}

impl FactsArguments {
    /// Reads them.
    pub(super) fn read(&self) -> anyhow::Result<Facts> {
        match &self.from {
            Some(directory) => Ok(snapshot::read(directory)?.0),
            None => {
                let facts = read(&self.cluster, &Policy::default())?;
                platform::look(&facts)?;
                Ok(facts)
            }
        }
    }
}

/// No finding at or over the threshold.
pub(super) const NOTHING_OPEN: u8 = 0;
/// Findings at or over the threshold.
pub(super) const OPEN: u8 = 1;
/// It could not run.
pub(super) const FAILED: u8 = 2;
/// Too much could not be assessed.
pub(super) const NOT_ASSESSED: u8 = 3;

/// Longest time for changes.
pub(super) const CHANGES_DEADLINE: Duration = Duration::from_secs(600);
/// Longest time for reading a cluster.
pub(super) const READ_DEADLINE: Duration = Duration::from_secs(600);

/// Prints a text for people. What names and messages of others have in them that a terminal
/// would obey is written out.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    print_data(&printable::text(text))
}

/// Prints what a program reads, which has escapes of its own.
pub(super) fn print_data(text: &str) -> anyhow::Result<()> {
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

/// Connects to the cluster, to change it.
pub(super) fn connect(arguments: &ClusterArguments) -> anyhow::Result<Cluster> {
    let source = arguments.kubernetes.source();
    Ok(Cluster::connect(&source, Instant::now() + CHANGES_DEADLINE)?)
}

/// The policy of a text that is from a file. What is wrong with it is an error: who changes
/// something by a policy must know which.
pub(super) fn sound(text: &str, path: &Path) -> anyhow::Result<Policy> {
    match Policy::parse(text) {
        (policy, problems) if problems.is_empty() => Ok(policy),
        (_, problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            anyhow::bail!("{}: {}", path.display(), problems.join("; "))
        }
    }
}

/// The policy of a file, with its problems.
pub(super) fn read_policy(path: &Path) -> anyhow::Result<(Policy, Vec<PolicyProblem>)> {
    Ok(Policy::parse(&policy_text(path)?))
}

pub(super) fn policy_text(path: &Path) -> anyhow::Result<String> {
    let read = crate::files::read(path, crate::files::LARGEST_BY_HAND);
    read.with_context(|| format!("policy file {}", path.display()))
}

/// Reads a cluster and looks at its gateway, with progress on a terminal.
pub(super) fn read_and_look(
    cluster: &ClusterArguments,
    policy: &Policy,
    host: Option<&str>,
) -> anyhow::Result<Facts> {
    let mut facts = read(cluster, policy)?;
    platform::look(&facts)?;
    facts.handshake = handshake::read(&facts, host, Vantage::here());
    facts.webhook_servers = handshake::webhooks::read(&facts, Vantage::here());
    Ok(facts)
}

/// Reads a cluster for what a policy asks, with progress on a terminal.
pub(super) fn read(cluster: &ClusterArguments, policy: &Policy) -> anyhow::Result<Facts> {
    let bar = if terminal::has_progress() && !cluster.is_one_of_many {
        indicatif::ProgressBar::new(Facts::default().kinds().len() as u64)
    } else {
        indicatif::ProgressBar::hidden()
    };
    bar.set_style(
        indicatif::ProgressStyle::with_template("reading {pos}/{len} {msg}")
            .unwrap_or(indicatif::ProgressStyle::default_bar()),
    );
    let source = cluster.kubernetes.source();
    let about =
        About { collected_at: crate::now(), namespace: cluster.kubernetes.namespace.clone() };
    let progress = |kind: &str| {
        bar.set_message(kind.to_owned());
        bar.inc(1);
    };
    let facts = kubernetes::read(&source, about, &policy.kinds(), READ_DEADLINE, &progress);
    bar.set_message("Juju");
    let juju = match cluster.is_one_of_many {
        true => Ok(Known::Unknown(Unknown::NotCollected)),
        false => cluster.controller.read(&cluster.kubernetes.namespace, &policy.options),
    };
    bar.finish_and_clear();
    let mut facts = facts?;
    facts.juju = juju?;
    Ok(facts)
}
