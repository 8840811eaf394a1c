//! Authentication: AUTHN.

mod connectors;
mod filters;
mod gatekeeper;
mod options;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] =
    &[connectors::CHECKS, filters::CHECKS, gatekeeper::CHECKS, options::CHECKS];
