//! Cryptography: CRYP.

mod mesh;
mod webhooks;

use super::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[mesh::CHECKS, webhooks::CHECKS];
