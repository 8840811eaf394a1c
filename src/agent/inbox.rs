//! The charm's input, as every thread of the agent sees it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use juju_charm::config::Options as RawOptions;
use log::info;

use super::input::{self, AgentInput};
use crate::config::Options;
use crate::policy::Tables;

/// The current input.
pub struct Current {
    /// Counts inputs, from 0 for the one at the start.
    pub number: u64,
    /// As the charm wrote it.
    pub input: AgentInput,
    /// Its options.
    pub options: Options,
    /// The last options that could all be understood, by which is repaired; none since the
    /// start means that nothing is.
    pub enforced: Option<Arc<Options>>,
    /// Problems of the options.
    pub problems: Vec<String>,
}

impl Current {
    fn new(number: u64, input: AgentInput, before: Option<&Self>, tables: &Tables) -> Self {
        let (mut options, problems) = Options::parse(&RawOptions::new(input.options.clone()));
        // Those of the command line are of who started this agent by hand.
        if *tables != Tables::default() {
            options.policy.tables = tables.clone();
        }
        log::set_max_level(options.log_level);
        let enforced = match options.is_frozen() {
            true => before.and_then(|before| before.enforced.clone()),
            false => Some(Arc::new(options.clone())),
        };
        Self {
            number,
            input,
            enforced,
            options,
            problems: problems.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Reads the charm's file when it is another.
pub struct Inbox {
    folder: Option<PathBuf>,
    /// Tables that assess versions in place of those of the options, if any were given.
    tables: Tables,
    state: Mutex<(Option<SystemTime>, Arc<Current>)>,
}

impl Inbox {
    /// With the input that is there.
    pub fn new(folder: Option<PathBuf>, namespace: &str, tables: Tables) -> Self {
        let read_at = changed(folder.as_ref());
        let input = AgentInput::read_or_default(folder.as_deref(), namespace);
        let current = Arc::new(Current::new(0, input, None, &tables));
        Self { folder, tables, state: Mutex::new((read_at, current)) }
    }

    /// What holds now, read again if the file is another.
    pub fn read(&self) -> Arc<Current> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let at = changed(self.folder.as_ref());
        if at.is_none() || at == state.0 {
            return Arc::clone(&state.1);
        }
        state.0 = at;
        let input = self.folder.as_deref().and_then(AgentInput::read);
        if let Some(input) = input.filter(|input| *input != state.1.input) {
            let role = if input.is_leader { "leads" } else { "stands by" };
            state.1 =
                Arc::new(Current::new(state.1.number + 1, input, Some(&state.1), &self.tables));
            info!("the charm's input changed; this unit {role}");
        }
        Arc::clone(&state.1)
    }
}

fn changed(folder: Option<&PathBuf>) -> Option<SystemTime> {
    input::newest(folder?).map(|(_, at)| at)
}
