#![doc = include_str!("../README.md")]
#![deny(clippy::too_many_lines)]

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
pub use ::printable;
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
