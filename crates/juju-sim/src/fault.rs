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

/// An interruption that is to come.
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
