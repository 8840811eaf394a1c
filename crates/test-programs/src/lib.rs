#![doc = include_str!("../README.md")]
#![deny(clippy::too_many_lines)]

pub mod collector;
pub mod debian;
pub mod go;
mod install;
pub mod juju_run;
pub mod npm;
pub mod pebble;
pub mod progress;
pub mod python;
