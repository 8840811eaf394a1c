//! Juju's credential for the cloud: CLOUD.

mod credential;

use super::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[credential::CHECKS];
