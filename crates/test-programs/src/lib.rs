//! Programs that tests and scripts run and Cargo cannot build: from Debian's archive, npm and
//! PyPI, each installed once per checkout below `target/`, at a version the caller names or the
//! distribution has; and from Go modules, each built once per machine.

pub mod collector;
pub mod debian;
pub mod go;
mod install;
pub mod juju_run;
pub mod npm;
pub mod pebble;
pub mod progress;
pub mod python;
