//! Tests that need no server and nothing that is fetched: `cargo xtask test pure`.

mod access;
mod access_survey;
mod advice;
mod ambient;
mod ambient_web_apps;
mod bad_input;
mod command_line;
mod data;
mod diff;
mod entrances;
mod formats;
mod juju_configuration;
mod limits;
mod login_keys;
mod metadata_egress;
mod network_controls;
mod network_peers;
mod network_rules;
mod offboard;
mod pages;
mod policy;
mod private_keys;
mod report;
#[path = "../reports/mod.rs"]
mod reports;

mod upgrade_plan;

use ckf_hardening::report::Report;

use self::reports::{WAIVERS, report_of};

fn control<'a>(report: &'a Report, id: &str) -> &'a ckf_hardening::report::ControlReport {
    report.controls.iter().find(|control| control.id == id).unwrap()
}
