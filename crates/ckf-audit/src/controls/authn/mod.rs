//! Authentication: AUTHN.

mod filters;
mod gatekeeper;
mod options;

use super::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[filters::CHECKS, gatekeeper::CHECKS, options::CHECKS];
