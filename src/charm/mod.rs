//! Juju's side: read options and memory, audit when it is due, set the status.

mod actions;
mod audit;
mod memory;
mod status;

use std::process::ExitCode;

use anyhow::Context as _;
use juju_charm::event::Lifecycle;
use juju_charm::{Event, Unit, config, leader, logging, status as juju_status, version};
use log::{LevelFilter, debug, info, warn};

use self::memory::Memory;
use crate::config::{OptionProblem, Options};

/// Runs for one event and ends. It fails only if Juju's own tools do: what a
/// cluster or an option has wrong is told by the status.
pub fn main() -> ExitCode {
    // Until the options are read.
    logging::init(LevelFilter::Debug, &["ckf_hardening"]);
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> anyhow::Result<()> {
    let env = |name: &str| std::env::var(name).ok();
    let event = Event::from_env(&env)?;
    let unit = Unit::from_env(&env)?;
    match event {
        Event::Action { name, .. } => actions::run(&unit, &name),
        Event::Unknown { name } => {
            debug!("the hook {name} is not one that this charm knows; nothing is done");
            Ok(())
        }
        Event::Lifecycle(Lifecycle::Stop | Lifecycle::Remove) => Ok(()),
        event => reconcile(&unit, &event),
    }
}

/// What every hook starts from, read once.
struct Charm<'a> {
    unit: &'a Unit,
    options: Options,
    problems: Vec<OptionProblem>,
    memory: Memory,
}

impl<'a> Charm<'a> {
    fn read(unit: &'a Unit) -> anyhow::Result<Self> {
        let (options, problems) = Options::parse(&config::all().context("reading the options")?);
        log::set_max_level(options.log_level);
        for problem in &problems {
            warn!("{problem}");
        }
        Ok(Self {
            unit,
            options,
            problems,
            memory: Memory::read()?,
        })
    }

    /// Audits the cluster; what came of it is in the memory.
    fn audit(&mut self) -> anyhow::Result<crate::report::Report> {
        let result = audit::run(self.unit, &self.options, &self.problems);
        self.memory.audited(&result, &self.options, crate::now());
        if let Err(error) = &result {
            warn!("{error}");
        }
        Ok(result?)
    }

    /// Sets the status if it is another, and writes the memory if it changed.
    fn finish(mut self, is_leader: bool, say_again: bool) -> anyhow::Result<()> {
        let (name, message) = if is_leader {
            status::decide(&self.unit.name, &self.options, &self.problems, &self.memory)
        } else {
            status::standing_by()
        };
        if say_again || !self.memory.says(name, &message) {
            juju_status::set(name, &message)?;
            self.memory.said(name, &message);
        }
        self.memory.write()
    }
}

/// Makes the unit what it should be, whatever happened before.
fn reconcile(unit: &Unit, event: &Event) -> anyhow::Result<()> {
    let mut charm = Charm::read(unit)?;
    let is_leader = leader::is_leader()?;
    if charm.memory.is_other_version() {
        version::set(crate::VERSION)?;
        charm.memory.set_version();
    }
    if is_leader && charm.memory.is_audit_due(&charm.options, crate::now()) {
        // What keeps the cluster from being read is in the memory, and so in the status.
        if let Ok(report) = charm.audit() {
            info!("audited: {}", report.status_line());
        }
    }
    // Juju itself sets a status when a unit starts.
    let say_again = matches!(
        event,
        Event::Lifecycle(Lifecycle::Start | Lifecycle::UpgradeCharm | Lifecycle::Install)
    );
    charm.finish(is_leader, say_again)
}
