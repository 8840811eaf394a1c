//! What we write, read by the programs it is written for: libraries of other charms, validators
//! of report formats, a browser. They are fetched from PyPI, npm and Debian.

mod consumers;
mod dashboards;
mod endpoints;
mod formats;
mod libraries;
mod logql;
mod matrix;
mod page;
#[path = "../reports/mod.rs"]
mod reports;
mod scrape;
mod terraform;
mod tracing;
