//! Built-in kinds of Kubernetes: pods, services, workloads, namespaces, nodes, network policies
//! and webhooks.

mod cluster;
mod config_map;
mod network_policy;
mod pod;
mod port;
mod service;
mod webhook;
mod workload;

pub use self::cluster::*;
pub use self::config_map::*;
pub use self::network_policy::*;
pub use self::pod::*;
pub use self::port::PortRef;
pub use self::service::*;
pub use self::webhook::*;
pub use self::workload::*;
