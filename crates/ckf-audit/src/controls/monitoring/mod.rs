//! Monitoring and auditing: OBS.

mod cos;
mod relations;

use super::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[cos::CHECKS, relations::CHECKS];
