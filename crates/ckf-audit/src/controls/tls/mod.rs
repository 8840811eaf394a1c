//! Encryption: TLS.

mod ambient;
mod certificate;
mod gateway;
mod handshake;
mod key;
mod protocol;
mod secrets;
mod source;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[
    ambient::CHECKS,
    certificate::CHECKS,
    gateway::CHECKS,
    handshake::CHECKS,
    key::CHECKS,
    protocol::CHECKS,
    secrets::CHECKS,
    source::CHECKS,
];
