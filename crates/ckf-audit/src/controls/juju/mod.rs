//! Juju: JUJU.

mod grants;
mod model;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[grants::CHECKS, model::CHECKS];
