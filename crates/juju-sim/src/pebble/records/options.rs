//! How a Pebble is run, and what Juju's agent learns from it.

use std::path::PathBuf;
use std::time::Duration;

use crate::pebble::programs::Program;

/// How a Pebble is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the container's files lie; without it they are this machine's.
    pub root: Option<PathBuf>,
    /// What commands do, if there is a root. A service of another command runs until it is
    /// stopped; another command that is to be executed is not found.
    pub programs: Vec<Program>,
    /// How long a service must run to have started; a second in Pebble itself.
    pub okay_delay: Duration,
}

impl Default for Options {
    /// This machine, and Pebble's own delay.
    fn default() -> Self {
        Self { root: None, programs: Vec::new(), okay_delay: Duration::from_secs(1) }
    }
}

/// What the agent learns from a Pebble, and fires a hook for.
#[derive(Clone, Debug)]
pub(crate) enum Happened {
    /// A client recorded a custom notice.
    Notice { id: String, key: String },
    /// A check has `failed` or `recovered`.
    Check { name: String, what: &'static str },
}
