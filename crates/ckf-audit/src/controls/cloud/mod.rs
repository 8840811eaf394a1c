//! Juju's credential for the cloud: CLOUD.

mod credential;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[credential::CHECKS];
