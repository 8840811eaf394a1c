//! The command line, one file a subcommand.

mod access;
mod audit;
mod collect;
mod confirm;
mod controls;
mod data;
mod diff;
mod entrances;
mod fleet;
mod help;
mod juju;
mod keys;
mod man;
mod offboard;
mod output;
mod permissions;
mod policy;
mod prometheus;
mod refresh;
mod remedy;
mod rocks;
mod rotate;
mod selection;
mod serve;
mod settings;
mod shared;
mod suggest;
mod terminal;
mod upgrade_plan;
mod users;
mod watch;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use juju_charm::printable;

use self::shared::{FAILED, NOTHING_OPEN, print_data};

/// Audit and harden Charmed Kubeflow.
#[derive(Parser)]
#[command(name = "ckf-hardening", version, after_help = help::ROOT, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    terminal: terminal::TerminalArguments,
}

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "a run has one")]
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
    /// List every way into the platform, with the TLS, login and policies in front of it.
    Entrances(entrances::Entrances),
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
    /// Plan an upgrade to another release: what blocks it, each refresh in order, what changes.
    UpgradePlan(Box<upgrade_plan::ShowUpgradePlan>),
    /// List Juju's users and their access to controller, clouds, models and offers.
    Users(users::Users),
    /// Plan what a person's leaving needs, over Juju, profiles, bindings, policies and tokens.
    Offboard(Box<offboard::Offboard>),
    /// Rotate credentials by the deployed charm, or show the state of each.
    Rotate(rotate::Rotate),
    /// Watch a cluster, and serve report, metrics and events.
    Serve(serve::Serve),
    /// Print the roles that each use needs, every right with its reason.
    Permissions(permissions::Permissions),
    /// Write the tables that assess versions into a file, for `--data`.
    BundleData(data::BundleData),
    /// Print a manual page, or write those of all commands.
    Man(man::Man),
    /// Print a completion script for a shell.
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

pub use self::man::pages as manual_pages;

/// The command line, as its documents need it.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// The arguments, with defaults of the environment and of the configuration file.
fn parse() -> Result<Arguments, clap::Error> {
    let env = |name: &str| std::env::var(name).ok();
    let command = settings::with_defaults(command(), &env);
    let command = command.map_err(|error| {
        let text = format!("{error:#}\n");
        clap::Error::raw(clap::error::ErrorKind::InvalidValue, printable::text(&text))
    })?;
    // `kubectl ckf-hardening` runs `kubectl-ckf_hardening`.
    let program = std::env::args_os().next().map(std::path::PathBuf::from);
    let name = program.as_deref().and_then(|path| path.file_stem()?.to_str());
    let command = match name {
        Some("kubectl-ckf_hardening") => command.bin_name("kubectl ckf-hardening"),
        _ => command,
    };
    Arguments::from_arg_matches(&command.try_get_matches()?)
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let arguments = parse();
    log_to_stderr(arguments.as_ref().is_ok_and(|all| matches!(all.command, Command::Serve(_))));
    let arguments = match arguments {
        Ok(arguments) => arguments,
        Err(error) => {
            let failed = error.use_stderr();
            // Nothing can be shown to a user whose terminal is gone.
            let _ = error.print();
            return ExitCode::from(if failed { FAILED } else { NOTHING_OPEN });
        }
    };
    terminal::choose(arguments.terminal);
    match arguments.command.run() {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_closed_pipe(&error) => ExitCode::from(NOTHING_OPEN),
        Err(error) => {
            let text = format!("{error:#}");
            let _ = writeln!(io::stderr(), "error: {}", printable::text(&text));
            ExitCode::from(FAILED)
        }
    }
}

/// Sets up logging to standard error.
fn log_to_stderr(is_agent: bool) {
    let filter = match is_agent {
        // The agent's level is the charm's option, and changes while it runs.
        true => "warn,kube_client=off,ckf_hardening=trace,juju_charm=trace",
        // The Kubernetes client logs what its errors say again.
        false => "warn,kube_client=off",
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
}

impl Command {
    /// Runs the command; returns its exit status.
    fn run(self) -> anyhow::Result<u8> {
        match self {
            Self::Audit(audit) => audit.run(),
            Self::Collect(collect) => collect.run(),
            Self::Controls(list) => list.run(),
            Self::Explain(explain) => explain.run(),
            Self::Plan(plan) => plan.run(),
            Self::Apply(apply) => apply.run(),
            Self::Undo(undo) => undo.run(),
            Self::Remedies(list) => list.run(),
            Self::Access(access) => access.run(),
            Self::Entrances(entrances) => entrances.run(),
            Self::Keys(keys) => keys.run(),
            Self::Diff(diff) => diff.run(),
            Self::Policy(policy) => policy.run(),
            Self::Rocks(rocks) => rocks.run(),
            Self::Refresh(refresh) => refresh.run(),
            Self::UpgradePlan(plan) => plan.run(),
            Self::Users(users) => users.run(),
            Self::Offboard(offboard) => offboard.run(),
            Self::Rotate(rotate) => rotate.run(),
            Self::Serve(serve) => serve.run(),
            Self::Permissions(permissions) => permissions.run(),
            Self::BundleData(data) => data.run(),
            Self::Man(man) => man.run(command()),
            Self::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(
                    shell,
                    &mut Arguments::command(),
                    "ckf-hardening",
                    &mut script,
                );
                print_data(&String::from_utf8_lossy(&script)).map(|()| NOTHING_OPEN)
            }
        }
    }
}

/// A reader that has seen enough, such as `head`, is no error.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}
