//! Controls: pure functions from facts and policy to verdicts. A folder a family of the guide,
//! and a control a function with its line in `CHECKS` of the same file.

mod application;
mod assess;
mod assessment;
mod attestation;
mod authn;
pub(crate) mod authz;
mod check;
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
mod registry;
mod tls;
mod upgrades;
mod verdict_cache;

pub(crate) use self::application::application_reference;
pub use self::assess::{assess, assess_named};
pub use self::assessment::{Assessment, Waived};
pub use self::verdict_cache::VerdictCache;
pub(crate) use crate::finding::count;
pub use crate::finding::{Finding, Outcome, Verdict};
pub use crate::views::context::Outcomes;
pub use crate::views::{Context, Distribution, MissingFact, detect_release};

#[cfg(test)]
mod tests;
