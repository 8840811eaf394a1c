//! What goes wrong with plans, services, checks and commands, in Pebble's own words.

use std::time::Duration;

use super::durations;

/// A user or a group that a command is to run as is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: unknown {kind} {name}")]
pub(super) struct UnknownOwner {
    /// `user` or `group`.
    pub(super) kind: &'static str,
    pub(super) name: String,
}

/// Why a layer or a plan is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlanError {
    #[error("cannot parse layer YAML: cannot parse layer {label:?}: {error}")]
    Parse { label: String, error: serde_yaml::Error },
    #[error("layer {label:?} must define \"override\" for {what} {name:?}")]
    NoOverride { label: String, what: &'static str, name: String },
    #[error("plan must define \"command\" for service {0:?}")]
    NoCommand(String),
    #[error("services in before/after loop: {}", .0.join(", "))]
    Loop(Vec<String>),
    #[error(
        "plan service {0:?} command invalid: cannot parse service {0:?} command: \
         EOF found when expecting closing quote"
    )]
    Command(String),
    #[error("plan must specify one of \"http\", \"tcp\", or \"exec\" for check {0:?}")]
    CheckKind(String),
    #[error(
        "plan must define \"type\" (\"loki\", \"opentelemetry\" or \"syslog\") for log target {0:?}"
    )]
    NoType(String),
    #[error("plan must define \"location\" for log target {0:?}")]
    NoLocation(String),
}

/// Why a process could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpawnError {
    /// As Go says it.
    #[error("exec: {0:?}: executable file not found in $PATH")]
    NotFound(String),
    #[error(transparent)]
    Owner(#[from] UnknownOwner),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Why a service did not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServiceError {
    #[error("cannot find service {0:?} in plan")]
    NotInPlan(String),
    #[error("stopped before it had started")]
    Stopped,
    #[error("cannot start service: {0}")]
    Spawn(#[from] SpawnError),
    #[error("exited quickly with code {code}{}", if *.will_restart { ", will restart" } else { "" })]
    ExitedQuickly { code: i32, will_restart: bool },
}

/// Why a check failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckError {
    #[error("check timed out after {}", durations::format(*.0))]
    TimedOut(Duration),
    #[error("received non-20x status code {0}")]
    Status(u16),
    #[error("Get {url:?}: {reason}")]
    Http { url: String, reason: String },
    #[error("{0}")]
    Tcp(String),
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    #[error("exit status {0}")]
    Exit(i32),
    #[error("signal: killed")]
    Killed,
    #[error(transparent)]
    Aborted(#[from] tokio::task::JoinError),
}

/// Why a command has no exit status.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExecError {
    #[error("exec: timed out waiting for websockets to connect")]
    NotConnected,
    #[error("timed out after {}: context deadline exceeded", durations::format(*.0))]
    TimedOut(Duration),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
