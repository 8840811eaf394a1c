#![doc = include_str!("../README.md")]
#![deny(clippy::too_many_lines)]

pub mod access;
pub mod controls;
pub mod crypto_assets;
pub mod finding;
pub mod images;
pub mod login_keys;
pub mod offboarding;
pub mod policy;
pub mod remedies;
pub mod report;
pub mod upgrade;
pub mod views;

use ckf_model as facts;
use ckf_model::{VERSION, catalog, digest, tls};

/// A UUID in the form of version 5 that stands for a text.
pub(crate) fn uuid(text: &str) -> String {
    let half = |which: u8| digest(format!("{which} {text}"));
    let (one, two) = (half(1), half(2));
    format!("{}-{}-5{}-8{}-{}", &one[..8], &one[8..12], &one[13..16], &two[1..4], &two[4..16])
}
