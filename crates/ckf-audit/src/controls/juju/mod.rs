//! Juju: JUJU.

mod access;
mod controller;
mod grants;
mod model;
mod naming;
mod settings;
mod trust;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[
    access::CHECKS,
    controller::CHECKS,
    grants::CHECKS,
    model::CHECKS,
    settings::CHECKS,
    trust::CHECKS,
];
