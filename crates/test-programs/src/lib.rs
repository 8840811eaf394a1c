//! Programs that tests and scripts run and Cargo cannot build: from Debian's archive, npm and
//! PyPI. Each is installed once per checkout, below `target/`, at a version the caller names or
//! the distribution has.

pub mod debian;
mod install;
pub mod npm;
pub mod python;
