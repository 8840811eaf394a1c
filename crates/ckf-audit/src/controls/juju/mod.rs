//! Juju: JUJU.

mod model;

use super::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[model::CHECKS];
