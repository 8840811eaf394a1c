#![doc = include_str!("../README.md")]

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
pub mod views;

use ckf_model as facts;
use ckf_model::{VERSION, catalog, digest, tls};
