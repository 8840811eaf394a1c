//! Network: NET.

mod egress;
mod exposure;
mod mutual_tls;
mod openings;
pub(super) mod policies;
mod web_apps;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[
    egress::CHECKS,
    exposure::CHECKS,
    mutual_tls::CHECKS,
    openings::CHECKS,
    policies::CHECKS,
    web_apps::CHECKS,
];
