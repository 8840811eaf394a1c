//! The policy: POL.

mod waivers;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[waivers::CHECKS];
