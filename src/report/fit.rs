//! A report that must not be longer than so many bytes.

use super::{Format, Report};

/// How many findings a control keeps, tried one after the other.
const KEPT: &[usize] = &[100, 30, 10, 3, 1, 0];

/// Renders a report in so many bytes at most. If it is longer, each control
/// keeps its first findings only, and the report says so.
pub fn fit(report: &Report, format: Format, longest: usize) -> String {
    let whole = format.render(report);
    if whole.len() <= longest {
        return whole;
    }
    let mut shorter = whole;
    for kept in KEPT {
        let mut report = report.clone();
        let mut left_out = 0;
        for control in &mut report.controls {
            left_out += control.findings.len().saturating_sub(*kept);
            control.findings.truncate(*kept);
        }
        report.problems.push(format!(
            "{left_out} findings are left out for want of space; run `ckf-hardening audit` for all"
        ));
        shorter = format.render(&report);
        if shorter.len() <= longest {
            return shorter;
        }
    }
    // No catalogue is that long; better cut than refused by the kernel.
    let end = (0..=longest)
        .rev()
        .find(|end| shorter.is_char_boundary(*end));
    shorter.truncate(end.unwrap_or(0));
    shorter
}
