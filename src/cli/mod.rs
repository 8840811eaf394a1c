//! The command line, one file a subcommand.

mod access;
mod audit;
mod collect;
mod confirm;
mod controls;
mod diff;
mod juju;
mod keys;
mod permissions;
mod policy;
mod refresh;
mod remedy;
mod rocks;
mod rotate;
mod serve;
mod users;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{CommandFactory, Parser, Subcommand};
use juju_charm::printable;

use self::confirm::confirm;
use crate::effects::Cluster;
use crate::facts::handshake::{self, Vantage};
use crate::facts::{About, Facts, kubernetes, platform, snapshot};
use crate::policy::{Policy, PolicyProblem};

/// Audit and harden Charmed Kubeflow.
#[derive(Parser)]
#[command(name = "ckf-hardening", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Audit a cluster, or a snapshot of one.
    Audit(audit::Audit),
    /// Write a snapshot that `audit --from` reads.
    Collect(collect::Collect),
    /// List the controls.
    Controls(controls::List),
    /// Explain a control: why, how to fix it, and its counterparts in other benchmarks.
    Explain(controls::Explain),
    /// Show the changes that remedies need, and change nothing.
    Plan(remedy::ShowPlan),
    /// Apply remedies.
    Apply(remedy::Apply),
    /// Undo remedies that were applied by hand.
    Undo(remedy::Undo),
    /// List the remedies: what each does, which controls it fixes, what it may break.
    Remedies(remedy::List),
    /// Explain who can do what to whom, and by which chain.
    Access(access::Access),
    /// List every certificate and key of the platform.
    Keys(keys::Keys),
    /// Compare two reports.
    Diff(diff::Diff),
    /// Check a policy.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Compare the images that run with the intended and the newest ones.
    Rocks(Box<rocks::Rocks>),
    /// Refresh applications to their newest revisions on Charmhub, one after the other.
    Refresh(refresh::Refresh),
    /// List Juju's users and their access to controller, clouds, models and offers.
    Users(users::Users),
    /// Rotate credentials by the deployed charm, or show the state of each.
    Rotate(rotate::Rotate),
    /// Watch a cluster, and serve report, metrics and events.
    Serve(serve::Serve),
    /// Print the roles that each use needs, every right with its reason.
    Permissions(permissions::Permissions),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Which cluster, and where the platform is in it.
#[derive(clap::Args)]
struct KubernetesArguments {
    /// Kubeconfig; else KUBECONFIG, ~/.kube/config or the pod's own account.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; else its current one.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Namespace (Juju model) of Charmed Kubeflow.
    #[arg(long, default_value = "kubeflow", value_name = "NAME")]
    namespace: String,
}

impl KubernetesArguments {
    fn source(&self) -> kubernetes::Source {
        kubernetes::Source { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() }
    }
}

/// Which cluster, and which controller.
#[derive(clap::Args)]
struct ClusterArguments {
    #[command(flatten)]
    kubernetes: KubernetesArguments,
    #[command(flatten)]
    controller: juju::ControllerArguments,
}

/// A cluster, or a snapshot of one.
#[derive(clap::Args)]
struct FactsArguments {
    #[command(flatten)]
    cluster: ClusterArguments,
    /// Look at a snapshot that `collect` wrote, instead of a cluster.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["kubeconfig", "context", "controller", "namespace"])]
    from: Option<PathBuf>,
}

impl FactsArguments {
    /// What is so there.
    fn read(&self) -> anyhow::Result<Facts> {
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
const NOTHING_OPEN: u8 = 0;
/// Findings at or over the threshold.
const OPEN: u8 = 1;
/// It could not run.
const FAILED: u8 = 2;
/// Too much could not be assessed.
const NOT_ASSESSED: u8 = 3;

/// Longest time for changes.
const CHANGES_DEADLINE: Duration = Duration::from_secs(600);
/// Longest time for reading a cluster.
const READ_DEADLINE: Duration = Duration::from_secs(600);

/// The command line, as its documents need it.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let arguments = Arguments::try_parse();
    // The agent's level is the charm's option, and changes while it runs.
    let filter = match arguments.as_ref().map(|parsed| &parsed.command) {
        Ok(Command::Serve(_)) => "warn,kube_client=off,ckf_hardening=trace,juju_charm=trace",
        // The Kubernetes client logs what its errors say again.
        _ => "warn,kube_client=off",
    };
    let environment = env_logger::Env::new().filter("CKF_HARDENING_LOG");
    env_logger::Builder::from_env(environment.default_filter_or(filter))
        // What others wrote must not begin a line of its own.
        .format(|out, record| {
            let text = record.args().to_string();
            let (level, target) = (record.level(), record.target());
            writeln!(out, "[{level:<5} {target}] {}", printable::line(&text))
        })
        .init();
    let arguments = match arguments {
        Ok(arguments) => arguments,
        Err(error) => {
            let failed = error.use_stderr();
            // A user whose terminal is gone cannot be told.
            let _ = error.print();
            return ExitCode::from(if failed { FAILED } else { NOTHING_OPEN });
        }
    };
    let result = match arguments.command {
        Command::Audit(audit) => audit.run(),
        Command::Collect(collect) => collect.run(),
        Command::Controls(list) => list.run(),
        Command::Explain(explain) => explain.run(),
        Command::Plan(plan) => plan.run(),
        Command::Apply(apply) => apply.run(),
        Command::Undo(undo) => undo.run(),
        Command::Remedies(list) => list.run(),
        Command::Access(access) => access.run(),
        Command::Keys(keys) => keys.run(),
        Command::Diff(diff) => diff.run(),
        Command::Policy(policy) => policy.run(),
        Command::Rocks(rocks) => rocks.run(),
        Command::Refresh(refresh) => refresh.run(),
        Command::Users(users) => users.run(),
        Command::Rotate(rotate) => rotate.run(),
        Command::Serve(serve) => serve.run(),
        Command::Permissions(permissions) => permissions.run(),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "ckf-hardening", &mut script);
            print_data(&String::from_utf8_lossy(&script)).map(|()| NOTHING_OPEN)
        }
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_closed_pipe(&error) => ExitCode::from(NOTHING_OPEN),
        Err(error) => {
            let text = format!("{error:#}");
            let _ = writeln!(io::stderr(), "error: {}", printable::text(&text));
            ExitCode::from(FAILED)
        }
    }
}

/// A reader that has seen enough, such as `head`, is no error.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

/// Prints a text for people. What names and messages of others have in them that a terminal
/// would obey is written out.
fn print(text: &str) -> anyhow::Result<()> {
    print_data(&printable::text(text))
}

/// Prints what a program reads, which has escapes of its own.
fn print_data(text: &str) -> anyhow::Result<()> {
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

/// Connects to the cluster, to change it.
fn connect(arguments: &ClusterArguments) -> anyhow::Result<Cluster> {
    let source = arguments.kubernetes.source();
    Ok(Cluster::connect(&source, Instant::now() + CHANGES_DEADLINE)?)
}

/// The policy of a text that is from a file. What is wrong with it is an error: who changes
/// something by a policy must know which.
fn sound(text: &str, path: &Path) -> anyhow::Result<Policy> {
    match Policy::parse(text) {
        (policy, problems) if problems.is_empty() => Ok(policy),
        (_, problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            anyhow::bail!("{}: {}", path.display(), problems.join("; "))
        }
    }
}

/// The policy of a file, and what is wrong with it.
fn read_policy(path: &Path) -> anyhow::Result<(Policy, Vec<PolicyProblem>)> {
    Ok(Policy::parse(&policy_text(path)?))
}

fn policy_text(path: &Path) -> anyhow::Result<String> {
    let read = crate::files::read(path, crate::files::LARGEST_BY_HAND);
    read.with_context(|| format!("policy file {}", path.display()))
}

/// Reads a cluster and looks at its gateway, with progress on a terminal.
fn read_and_look(
    cluster: &ClusterArguments,
    policy: &Policy,
    host: Option<&str>,
) -> anyhow::Result<Facts> {
    let mut facts = read(cluster, policy)?;
    platform::look(&facts)?;
    facts.handshake = handshake::read(&facts, host, Vantage::here());
    Ok(facts)
}

/// Reads a cluster for what a policy asks, with progress on a terminal.
fn read(cluster: &ClusterArguments, policy: &Policy) -> anyhow::Result<Facts> {
    let bar = if io::stderr().is_terminal() {
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
    let juju = cluster.controller.read(&cluster.kubernetes.namespace, &policy.options);
    bar.finish_and_clear();
    let mut facts = facts?;
    facts.juju = juju?;
    Ok(facts)
}
