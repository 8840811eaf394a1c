#![doc = include_str!("../README.md")]

mod action_error;
mod charm;
mod clock;
mod commit;
mod commit_error;
mod consistency;
pub mod controller;
mod driver;
mod event;
mod failure;
mod fault;
mod flags;
mod format;
mod inconsistency;
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

pub use self::action_error::ActionError;
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
