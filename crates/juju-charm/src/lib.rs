//! Write Juju charms in Rust.
//!
//! Juju runs a charm's `dispatch` once for each event, with the event in the
//! environment ([`Event`], [`Unit`]) and with *hook tools* in `PATH`, by which
//! the charm reads and writes the model. There is a module for each family of
//! tools. Most writes are buffered: Juju commits them together after `dispatch`
//! has exited with 0, and drops them otherwise. What takes effect at once says so.
//!
//! Every tool is asked for JSON, free text follows `--`, and exit status 1 (the
//! call was refused) is told from 2 (the call was wrong): see [`ToolError`].
//!
//! ```no_run
//! use juju_charm::{Event, Status, config, status};
//!
//! fn main() -> Result<(), juju_charm::ToolError> {
//!     let event = Event::from_env(&|name| std::env::var(name).ok());
//!     if let Ok(Event::Action { .. }) = event {
//!         return juju_charm::action::fail("this charm has no actions");
//!     }
//!     let options = config::all()?;
//!     let port = options.integer("port").unwrap_or(80);
//!     status::set(Status::Active, &format!("serving on port {port}"))
//! }
//! ```

pub mod action;
pub mod config;
pub mod credential;
pub mod event;
pub mod goal;
pub mod leader;
pub mod logging;
pub mod metadata;
pub mod network;
#[cfg(feature = "pebble")]
pub mod pebble;
pub mod port;
pub mod printable;
pub mod relation;
pub mod resource;
pub mod secret;
pub mod state;
pub mod status;
pub mod storage;
pub mod tool;
pub mod version;

pub use self::event::{Event, Unit};
pub use self::status::Status;
pub use self::tool::ToolError;
