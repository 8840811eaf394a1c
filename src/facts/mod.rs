//! Reads facts: from a cluster, its gateway, Juju's controller, registries, Charmhub and files.

pub use ckf_model::*;

mod access;
pub mod bundle;
pub mod charmhub;
mod client;
pub mod custom_resources;
mod definitions;
pub mod handshake;
pub mod juju;
pub mod kubeconfig;
pub mod kubernetes;
mod pace;
mod planned;
mod proxy;
pub mod reachable;
pub mod registry;
mod request;
pub mod requests;
pub mod snapshot;
mod source;
pub mod telemetry;
mod terraform;
pub mod watch;
