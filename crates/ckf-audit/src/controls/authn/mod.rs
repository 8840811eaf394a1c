//! Authentication: AUTHN.

mod connectors;
mod filters;
mod foreign;
mod gatekeeper;
mod identity;
mod options;
mod origins;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[
    connectors::CHECKS,
    filters::CHECKS,
    foreign::CHECKS,
    gatekeeper::CHECKS,
    identity::CHECKS,
    options::CHECKS,
    origins::CHECKS,
];
