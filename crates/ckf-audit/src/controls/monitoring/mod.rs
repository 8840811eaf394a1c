//! Monitoring and auditing: OBS.

mod arrival;
mod cos;
mod relations;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[cos::CHECKS, relations::CHECKS, arrival::CHECKS];
