//! `ckf-hardening` audits Charmed Kubeflow against its security guide.
//!
//! One way through: event → [`facts`] → [`controls`] → [`report`]. `facts`
//! does all the reading, `controls` is pure, and `cli` does the writing.

pub mod catalog;
pub mod cli;
pub mod controls;
pub mod facts;
pub mod policy;
pub mod report;
pub mod tls;
