//! Base images: IMG.

mod containers;
mod inventory;
mod options;
mod running;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] =
    &[containers::CHECKS, inventory::CHECKS, options::CHECKS, running::CHECKS];
