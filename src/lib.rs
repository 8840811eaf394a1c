//! `ckf-hardening` audits Charmed Kubeflow against its security guide.
//!
//! One way through: event → [`facts`] → [`controls`] → [`remedies`] → [`effects`]. `facts` does
//! all the reading, `controls` and `remedies` are pure, `effects` does the writing, and
//! [`charm`], [`agent`] and [`cli`] are the entry points, which share [`pipeline`].

pub mod access;
pub mod agent;
pub mod catalog;
pub mod charm;
pub mod cli;
pub mod config;
pub mod controls;
pub mod crypto_assets;
pub mod effects;
pub mod facts;
mod files;
pub mod finding;
pub mod images;
pub mod permissions;
pub mod pipeline;
pub mod pki;
pub mod policy;
pub mod relations;
pub mod remedies;
pub mod report;
pub mod resolve_images;
pub mod rotation;
pub mod tls;
pub mod views;

use sha2::Digest as _;

/// This program's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Stands for a text: eight bytes of its hash, in hexadecimal.
fn digest(text: impl AsRef<[u8]>) -> String {
    let digest = sha2::Sha256::digest(text);
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Now, to the second: a report's time has no more.
fn now() -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now)
}
