//! Security upgrades: UPG.

mod advisories;
mod availability;
mod backups;
mod charms;
mod support;
pub(super) mod versions;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[
    advisories::CHECKS,
    availability::CHECKS,
    backups::CHECKS,
    charms::CHECKS,
    support::CHECKS,
    versions::CHECKS,
];
