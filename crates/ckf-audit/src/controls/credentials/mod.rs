//! Credentials: CRED.

mod minio;
mod options;
mod rotation;
mod tokens;
mod users;

use super::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] =
    &[minio::CHECKS, options::CHECKS, rotation::CHECKS, tokens::CHECKS, users::CHECKS];
