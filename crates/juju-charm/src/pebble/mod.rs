//! Pebble, which runs the services of a workload container and its files: a
//! client of the API of version 1.26, the one of Juju 3.6 and 4.0. It blocks;
//! each call has a deadline, but a command takes as long as it may.
//!
//! ```no_run
//! use juju_charm::pebble::{Client, Error};
//!
//! let web = Client::of_container("web");
//! match web.replan() {
//!     Ok(change) => println!("{}", change.summary),
//!     Err(Error::Unreachable { .. }) => println!("the container has not started yet"),
//!     Err(error) => println!("{error}"),
//! }
//! ```

mod change;
mod changes;
mod checks;
mod client;
mod error;
mod exec;
mod files;
mod identities;
mod multipart;
mod notices;
mod services;
mod socket;

pub use self::change::{Change, Task};
pub use self::checks::{Check, CheckStatus};
pub use self::client::{Client, SystemInfo};
pub use self::error::Error;
pub use self::exec::{Exec, ExecOutput, Running};
pub use self::files::{FileInfo, FileType, Ownership};
pub use self::identities::{Access, Identity};
pub use self::notices::Notice;
pub use self::services::{Current, Service, Startup};
