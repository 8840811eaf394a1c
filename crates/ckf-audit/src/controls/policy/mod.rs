//! The policy: POL.

mod waivers;

use super::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[waivers::CHECKS];
