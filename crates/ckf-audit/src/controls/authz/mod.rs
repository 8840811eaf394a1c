//! Authorisation: AUTHZ.

mod bindings;
mod cluster_roles;
mod contributors;
mod owner_policies;
mod policy_callers;
mod profiles;
pub(crate) mod wildcards;

use crate::controls::check::Entries;

/// Controls of this family, file by file.
pub(super) const CHECKS: &[Entries] = &[
    bindings::CHECKS,
    cluster_roles::CHECKS,
    contributors::CHECKS,
    owner_policies::CHECKS,
    profiles::CHECKS,
    wildcards::CHECKS,
];
