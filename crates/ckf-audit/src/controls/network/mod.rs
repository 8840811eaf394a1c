//! Network: NET.

mod exposure;
mod mutual_tls;
pub(super) mod policies;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[exposure::CHECKS, mutual_tls::CHECKS, policies::CHECKS];
