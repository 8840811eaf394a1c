//! `ckf-hardening` audits Charmed Kubeflow against its security guide.
//!
//! One way through: event → [`facts`] → [`controls`] → [`remedies`] → [`effects`]. `facts` does
//! all the reading into the types of `ckf_model`, `controls` and `remedies` are pure and in
//! `ckf_audit`, `effects` does the writing, and [`charm`], [`agent`] and [`cli`] are the entry
//! points, which share [`pipeline`].

#![deny(clippy::too_many_lines)]

pub mod agent;
pub mod charm;
pub mod cli;
pub mod config;
pub mod effects;
pub mod facts;
mod files;
pub mod permissions;
pub mod pipeline;
pub mod pki;
pub mod relations;
pub mod resolve_images;
pub mod rotation;

pub use ckf_audit::{
    access, controls, crypto_assets, finding, images, login_keys, offboarding, policy, remedies,
    report, upgrade, views,
};
use ckf_model::digest;
pub use ckf_model::{VERSION, catalog, tls};

/// Now, to the second: a report's time has no more.
fn now() -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now)
}
