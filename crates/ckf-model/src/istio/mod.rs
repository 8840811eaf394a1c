//! Kinds of Istio and the Gateway API, and Kubeflow's Profile.

mod authentication;
mod authorization_policy;
mod envoy_filter;
mod gateway;
mod gateway_api;
mod profile;
mod selection;
mod virtual_service;

pub use self::authentication::*;
pub use self::authorization_policy::*;
pub use self::envoy_filter::*;
pub use self::gateway::*;
pub use self::gateway_api::*;
pub use self::profile::*;
pub use self::selection::{TargetRef, WorkloadSelector, selects};
pub use self::virtual_service::*;
