//! The check of each control, by the folder of its family.

use super::check::{Check, Entries, Review};
use super::{
    authn, authz, cloud, credentials, cryptography, images, juju, kubernetes, monitoring, network,
    pods, policy, tls, upgrades,
};
use crate::catalog::Family;

/// The controls of a family's folder, file by file.
pub(super) fn entries(family: Family) -> &'static [Entries] {
    match family {
        Family::Kubernetes => kubernetes::CHECKS,
        Family::Juju => juju::CHECKS,
        Family::Cloud => cloud::CHECKS,
        Family::Credentials => credentials::CHECKS,
        Family::Images => images::CHECKS,
        Family::Upgrades => upgrades::CHECKS,
        Family::Tls => tls::CHECKS,
        Family::Authentication => authn::CHECKS,
        Family::Authorisation => authz::CHECKS,
        Family::Pods => pods::CHECKS,
        Family::Network => network::CHECKS,
        Family::Cryptography => cryptography::CHECKS,
        Family::Monitoring => monitoring::CHECKS,
        Family::Policy => policy::CHECKS,
    }
}

/// The check of a control, from the folder of its family; `None` for one that is attested.
pub(super) fn check(id: &str) -> Option<Check> {
    let files = entries(Family::of(id)?);
    files.iter().copied().flatten().find(|(known, _)| *known == id).map(|(_, check)| *check)
}

/// The check of a control that needs the assessments of others.
pub(super) fn review(id: &str) -> Option<Review> {
    policy::REVIEWS.iter().find(|(known, _)| *known == id).map(|(_, review)| *review)
}

/// Ids of a family's controls that have a check.
#[cfg(test)]
pub(super) fn ids(family: Family) -> impl Iterator<Item = &'static str> {
    let checks = entries(family).iter().copied().flatten().map(|(id, _)| *id);
    let reviews = policy::REVIEWS.iter().map(|(id, _)| *id);
    checks.chain(reviews.filter(move |_| family == Family::Policy))
}
