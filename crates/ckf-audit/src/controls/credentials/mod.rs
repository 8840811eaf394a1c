//! Credentials: CRED.

mod minio;
mod options;
mod rotation;
mod tokens;
mod users;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] =
    &[minio::CHECKS, options::CHECKS, rotation::CHECKS, tokens::CHECKS, users::CHECKS];
