//! Built-in kinds of Kubernetes: pods, services, workloads, namespaces, nodes, network policies,
//! webhooks, and what adds kinds.

mod cluster;
mod config_map;
mod definition;
mod network_policy;
mod pod;
mod port;
mod service;
mod webhook;
mod workload;

pub use self::cluster::*;
pub use self::config_map::*;
pub use self::definition::*;
pub use self::network_policy::*;
pub use self::pod::*;
pub use self::port::PortRef;
pub use self::service::*;
pub use self::webhook::*;
pub use self::workload::*;
