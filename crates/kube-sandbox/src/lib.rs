#![doc = include_str!("../README.md")]
#![deny(clippy::too_many_lines)]

mod build;
mod client;
mod fetch;
mod gateway;
mod load;
mod login;
mod pki;
mod ports;
mod protobuf;
mod sandbox;
mod sidecar;
mod workload;

pub use self::build::{envoy, istiod, kubebox};
pub use self::fetch::{Encoding, Fetched, fetch};
pub use self::gateway::IngressGateway;
pub use self::load::{Loader, Refused, path_of};
pub use self::login::SESSION;
pub use self::ports::free_port;
pub use self::sandbox::{LoggedRequest, Sandbox, cpu_of};
pub use self::sidecar::SidecarProxy;
pub use self::workload::{Caller, Workload};
