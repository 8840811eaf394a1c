//! The charm: Juju dispatches an event, and the unit is reconciled with its options.

mod absence;
mod actions;
mod agent_audit;
mod assess;
mod certificates;
mod controller;
mod endpoints;
mod enforce;
mod fate;
mod gather;
mod hook;
mod image_record;
mod issue;
mod origin;
mod peers;
mod reconcile;
mod removal;
mod rotations;
mod state;
mod status;
mod steps;
mod trace;
mod workload;

use std::process::ExitCode;

use juju_charm::event::Lifecycle;
use juju_charm::{Event, Unit, logging};
use log::{LevelFilter, debug, warn};

use self::absence::is_absence;

/// Runs for one event and ends. It fails only if Juju's own tools do: what is wrong with the
/// cluster or an option is in the status.
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
    match &event {
        Event::Action { name, .. } => actions::run(&unit, &event, name),
        Event::Unknown { name } => {
            debug!("ignored the hook {name}, which this version does not handle");
            Ok(())
        }
        Event::Lifecycle(Lifecycle::Stop) => removal::stop(&unit),
        Event::Lifecycle(Lifecycle::Remove) => removal::remove(&unit),
        event => match reconcile::run(&unit, event) {
            // What Juju no longer has, no retry brings back, and a hook in error stops the unit.
            Err(error) if is_absence(&error) => {
                warn!("the hook ends early: {error:#}");
                Ok(())
            }
            result => result,
        },
    }
}
