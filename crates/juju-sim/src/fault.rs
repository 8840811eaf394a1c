//! Interruptions of a charm between its calls of hook tools.

use nix::sys::signal::{Signal, kill as kill_process};
use nix::unistd::Pid;

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// `dispatch` is killed before the tool has done anything.
    KillBefore,
    /// `dispatch` is killed when the tool has done its work and before it says so.
    KillAfter,
    /// The tool fails and does nothing.
    Refuse,
    /// The tool does its work, and fails to say so.
    Lose,
}

impl Interruption {
    /// All that there are.
    pub const ALL: [Self; 4] = [Self::KillBefore, Self::KillAfter, Self::Refuse, Self::Lose];
}

/// How a tool that reads, or a call of the controller's API, finds gone what it is asked about, or
/// takes its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// There is no such thing.
    NotFound,
    /// It is not this unit's.
    Denied,
    /// The relation is gone.
    RelationGone,
    /// The secret is gone.
    SecretGone,
    /// Another unit leads by now.
    NotLeader,
    /// The connection to the controller, or to the container, is lost.
    Disconnected,
    /// It answers late.
    Slow,
}

impl Absence {
    /// All that there are.
    pub const ALL: [Self; 7] = [
        Self::NotFound,
        Self::Denied,
        Self::RelationGone,
        Self::SecretGone,
        Self::NotLeader,
        Self::Disconnected,
        Self::Slow,
    ];

    /// Whether a call is one of the controller's API, by its facade and method.
    fn is_of_controller(call: &str) -> bool {
        call.contains('.')
    }

    /// Whether a call is one of a container's Pebble.
    fn is_of_pebble(call: &str) -> bool {
        call.starts_with("pebble ")
    }

    /// Whether a tool reads what may be gone. Of the controller and of Pebble any call may fail.
    pub fn concerns(tool: &str) -> bool {
        if Self::is_of_controller(tool) || Self::is_of_pebble(tool) {
            return true;
        }
        let reads = ["-get", "-list", "-ids", "-state"].iter().any(|end| tool.ends_with(end));
        // What the agent has itself is always there: it is the hook's own.
        (reads && tool != "action-get") || ["is-leader", "opened-ports"].contains(&tool)
    }

    /// Whether a tool may say so, at this call of those of a hook.
    pub(crate) fn is_reported_by(self, tool: &str, at: usize) -> bool {
        let is_of = |family: &str| tool.starts_with(family);
        match self {
            Self::Slow => at == 0 || tool == "Admin.Login",
            Self::Disconnected => true,
            _ if Self::is_of_pebble(tool) => false,
            Self::NotFound | Self::Denied => true,
            Self::RelationGone => is_of("relation-") || is_of("network-"),
            Self::SecretGone => is_of("secret-") || is_of("Secrets."),
            Self::NotLeader => is_of("secret-") || is_of("is-leader"),
        }
    }

    /// Message and code by which the controller refuses a call; `None` if it does not refuse it.
    pub(crate) fn refusal(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::NotFound => Some(("application \"gone\" not found", "not found")),
            Self::SecretGone => Some(("secret not found", "secret not found")),
            Self::Denied => Some(("permission denied", "unauthorized access")),
            Self::RelationGone => Some(("relation not found", "not found")),
            Self::NotLeader | Self::Disconnected | Self::Slow => None,
        }
    }

    /// Exit status and words of Juju.
    pub(crate) fn words(self, tool: &str, unit: &str) -> (u8, String) {
        let of_relation = tool.starts_with("relation-");
        match self {
            Self::NotFound => (1, format!("unit {unit:?} not found")),
            Self::Denied => (1, "permission denied (unauthorized access)".to_owned()),
            Self::RelationGone if of_relation => {
                (2, "invalid value \"x:9\" for option -r: relation not found".to_owned())
            }
            Self::RelationGone => (1, "getting regular relation by key: relation not found".into()),
            Self::SecretGone => (1, "secret \"d3nkb2fmp25c76a0gone\" not found".to_owned()),
            Self::NotLeader => (1, "this unit is not the leader".to_owned()),
            Self::Disconnected => (1, "connection is shut down".to_owned()),
            Self::Slow => (0, String::new()),
        }
    }
}

/// A pending interruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Calls that pass before it.
    pub after: usize,
    /// What happens.
    pub what: Interruption,
}

/// Kills a process that the simulation has started.
pub(crate) fn kill(process: u32) {
    // None is 0, which would be our own group.
    if let Ok(process @ 1..) = i32::try_from(process) {
        // It may have ended by itself.
        let _ = kill_process(Pid::from_raw(process), Signal::SIGKILL);
    }
}
