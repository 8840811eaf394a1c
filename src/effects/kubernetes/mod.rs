//! Changes by the Kubernetes API server: one connection, blocking.
//!
//! [`crate::facts`] reads what controls assess; this reads what a change needs just before it is
//! made, and applies it.

mod change;
mod claim;
mod cluster;
mod edit;
mod platform;

pub use self::cluster::Cluster;
pub(super) use self::cluster::within;
pub use self::platform::{Hold, Holder};
