//! Tests that need no server and nothing that is fetched: `cargo xtask test pure`.

mod access;
mod access_survey;
mod advice;
mod bad_input;
mod diff;
mod formats;
mod network_peers;
mod policy;
mod private_keys;
mod report;
#[path = "../reports/mod.rs"]
mod reports;

use ckf_hardening::report::Report;

use self::reports::{WAIVERS, report_of};

fn control<'a>(report: &'a Report, id: &str) -> &'a ckf_hardening::report::ControlReport {
    report.controls.iter().find(|control| control.id == id).unwrap()
}
