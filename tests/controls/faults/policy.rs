//! Faults in the policy.

use super::{Fault, fault};

/// Each on its own makes its control fail.
pub const FAULTS: &[Fault] = &[
    fault("POL-01", "a waiver that expired", |c| {
        c.policy.waivers[0].expires = "2026-10-31".parse().unwrap()
    }),
    fault("POL-02", "a waiver of nothing", |c| {
        c.policy.waivers[0].object.name = Some("gone".into())
    }),
];
