//! Security upgrades: UPG.

mod charms;
pub(super) mod versions;

use super::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[charms::CHECKS, versions::CHECKS];
