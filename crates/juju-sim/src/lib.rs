//! A simulated Juju, to test a charm from the outside: *state in, event, state out*.
//!
//! [`Simulation`] takes a charm's own files and its real `dispatch`, and runs it
//! for an event as Juju's agent would: a process with an environment made from
//! scratch, the charm's directory as its working directory, and hook tools in
//! its `PATH` that are real processes and talk to the simulation over a socket.
//! What the charm writes is kept back and committed when it exits with 0.
//!
//! What tools print, how they exit and what is committed was taken from
//! recordings of Juju 4.0.15, and is tested against them. A tool that is not
//! simulated does not exist.
//!
//! ```no_run
//! use juju_sim::{Event, Simulation};
//!
//! let mut juju = Simulation::new("charm".as_ref(), "target/debug/my-charm".as_ref())?;
//! juju.set_option("port", 8080);
//! let outcome = juju.run(&Event::hook("config-changed"));
//! assert!(outcome.committed());
//! assert_eq!(juju.model().status.name, "active");
//! # anyhow::Ok(())
//! ```

mod charm;
mod clock;
mod commit;
mod consistency;
pub mod controller;
mod driver;
mod event;
mod failure;
mod fault;
mod flags;
mod format;
mod model;
pub mod pebble;
mod pending_secrets;
#[allow(dead_code, reason = "the hook tools' executable uses the other half")]
mod protocol;
mod removal;
mod secret;
mod server;
mod session;
mod sweep;
mod tools;
mod traces;
mod workload;

pub use self::charm::{Charm, Role};
pub use self::driver::{Outcome, Simulation};
pub use self::event::Event;
pub use self::fault::{Absence, Fault, Interruption};
pub use self::model::{
    ActionResult, Addresses, Call, Forgotten, Goal, GoalStatus, Gone, Juju, LogLine, Model, Port,
    Relation, Status, Storage,
};
pub use self::removal::{Peers, Removal, Step};
pub use self::secret::{Consumer, Content, Grant, Owner, Rotate, Secret};
pub use self::sweep::{sweep, sweep_absences};
pub use self::traces::Trace;
