//! Controls: pure functions from facts and policy to verdicts. A folder a family of the guide,
//! and a control a function with its line in `CHECKS` of the same file.

mod application;
mod assess;
mod authn;
pub(crate) mod authz;
mod cloud;
mod credentials;
mod cryptography;
pub mod custom;
mod images;
mod juju;
mod kubernetes;
mod monitoring;
mod network;
pub(crate) mod pods;
mod policy;
mod tls;
mod upgrades;
mod verdict_cache;

pub(crate) use self::application::application_reference;
pub use self::assess::{Assessment, Waived, assess, assess_named};
pub use self::verdict_cache::VerdictCache;
pub(crate) use crate::finding::count;
pub use crate::finding::{Finding, Outcome, Verdict};
pub use crate::views::context::Outcomes;
pub use crate::views::{Context, Distribution, MissingFact, detect_release};

use crate::catalog::Family;

/// Check of a control.
type Check = fn(&Context<'_>) -> Result<Outcome, MissingFact>;

/// Controls of a file: id and check.
type Entries = &'static [(&'static str, Check)];

/// The controls of a family's folder, file by file.
fn entries(family: Family) -> &'static [Entries] {
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
fn check(id: &str) -> Option<Check> {
    let files = entries(Family::of(id)?);
    files.iter().copied().flatten().find(|(known, _)| *known == id).map(|(_, check)| *check)
}

#[cfg(test)]
mod tests;
