//! What fuzz targets share.

use ckf_hardening::report::{Format, Report};
use clap::ValueEnum as _;

/// Writes a report in every format.
pub fn render(report: &Report) {
    for format in Format::value_variants() {
        let _ = format.render(report);
    }
}
