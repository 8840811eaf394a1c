//! Cryptography: CRYP.

mod mesh;
mod private_keys;
mod webhooks;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[mesh::CHECKS, private_keys::CHECKS, webhooks::CHECKS];
