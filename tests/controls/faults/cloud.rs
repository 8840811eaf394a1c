//! Faults of Juju's credential for the cloud.

use super::{Fault, fault};

/// Each on its own makes its control fail.
pub const FAULTS: &[Fault] = &[
    fault("CLOUD-01", "pods may not be deleted", |c| c.access.answers[1].allowed = false),
    fault("CLOUD-02", "owns the cluster", |c| c.access.answers[4].allowed = true),
];
