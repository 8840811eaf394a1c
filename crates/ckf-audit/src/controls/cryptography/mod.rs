//! Cryptography: CRYP.

mod mesh;
mod webhooks;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[mesh::CHECKS, webhooks::CHECKS];
