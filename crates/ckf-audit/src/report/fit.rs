//! Reports within a limit of bytes.
//!
//! The output must stay valid for programs, so whole parts are omitted: evidence first, then fixes,
//! then controls. The report's problems list what was omitted.

use serde_json::Value;

use super::format::Format;
use super::model::{ControlReport, Report};
use super::table::{render_within, wrapped};
use crate::catalog::Mappings;
use crate::controls::{Finding, Verdict};

/// Width of the table in characters: `juju run` prints it in a terminal.
const WIDTH: u16 = 80;
/// Limits on findings of a control, tried in order. At least one stays: some formats show a failure
/// only by its findings.
const MOST_FINDINGS: [usize; 5] = [100, 30, 10, 3, 1];
/// Limit on texts of a finding in characters, once anything is omitted.
const LONGEST: usize = 300;
/// Limit on problems, and on unreadable kinds, once anything is omitted.
const MOST: usize = 20;

/// Renders a report in at most `longest` bytes, except that a report without any controls, of some
/// hundred bytes, may exceed it.
pub fn fit(report: &Report, format: Format, longest: usize) -> String {
    let whole = render(report, format);
    if whole.len() <= longest {
        return whole;
    }
    let mut shorter = compact(whole, format);
    if shorter.len() <= longest {
        return shorter;
    }
    let mut less = report.clone();
    // The catalogue has them, by the control's id.
    for control in &mut less.controls {
        control.why.clear();
        control.mappings = Mappings::default();
    }
    let short = compact(render(&less, format), format);
    if short.len() <= longest {
        return short;
    }
    truncate_texts(&mut less);
    let mut try_render = |report: &Report, omitted: &str| {
        let mut report = report.clone();
        report.problems.push(format!(
            "omitted for lack of space: {omitted}; get-report complete=true and `ckf-hardening audit` have all"
        ));
        shorter = compact(render(&report, format), format);
        (shorter.len() <= longest).then(|| shorter.clone())
    };
    for most in MOST_FINDINGS {
        let mut report = less.clone();
        let omitted = limit_evidence(&mut report, most);
        if let Some(text) = try_render(&report, &omitted) {
            return text;
        }
    }
    let omitted = limit_evidence(&mut less, 1);
    for control in &mut less.controls {
        control.own = None;
        control.fix.clear();
    }
    let omitted = format!("{omitted}, how to fix them");
    if let Some(text) = try_render(&less, &omitted) {
        return text;
    }
    less.controls
        .sort_by_key(|control| std::cmp::Reverse((rank(control.verdict), control.severity)));
    let all = less.controls.len();
    while !less.controls.is_empty() {
        less.controls.truncate(less.controls.len() / 2);
        let gone = all - less.controls.len();
        if let Some(text) = try_render(&less, &format!("{omitted}, {gone} controls")) {
            return text;
        }
    }
    shorter
}

/// Limits the findings of each control to a number. Returns how many are omitted, in words.
fn limit_evidence(report: &mut Report, most: usize) -> String {
    let of = |control: &mut ControlReport| {
        let all = control.findings.len() + control.waived.len();
        control.findings.truncate(most);
        for limit in &mut control.limits {
            limit.findings.retain(|at| *at < most);
        }
        control.limits.retain(|limit| !limit.findings.is_empty());
        control.waived.truncate(most);
        all - control.findings.len() - control.waived.len()
    };
    let omitted: usize = report.controls.iter_mut().map(of).sum();
    format!("{omitted} findings")
}

/// Rank of a verdict; controls of low rank are omitted first.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Fail => 4,
        Verdict::NotAssessed => 3,
        Verdict::Waived => 2,
        Verdict::NotApplicable => 1,
        Verdict::Pass => 0,
    }
}

fn render(report: &Report, format: Format) -> String {
    match format {
        Format::Table => wrapped(&render_within(report, WIDTH), WIDTH),
        format => format.render(report),
    }
}

/// JSON without indentation.
fn compact(text: String, format: Format) -> String {
    let is_json = matches!(
        format,
        Format::Json
            | Format::Sarif
            | Format::OpenReports
            | Format::PolicyReport
            | Format::Oscal
            | Format::OscalPlan
            | Format::Gitlab
            | Format::DefectDojo
    );
    if !is_json {
        return text;
    }
    match serde_json::from_str::<Value>(&text) {
        Ok(value) => format!("{value}\n"),
        Err(_) => text,
    }
}

fn truncate_texts(report: &mut Report) {
    let findings = report.controls.iter_mut().flat_map(|control| {
        truncate(&mut control.reason);
        let waived = control.waived.iter_mut().map(|waived| &mut waived.finding);
        control.findings.iter_mut().chain(waived)
    });
    for Finding { field, seen, wanted, .. } in findings {
        [field, seen, wanted].into_iter().for_each(truncate);
    }
    for list in [&mut report.problems, &mut report.cluster.unknown] {
        let more = list.len().saturating_sub(MOST);
        list.truncate(MOST);
        list.iter_mut().for_each(truncate);
        if more > 0 {
            list.push(format!("and {more} more"));
        }
    }
}

fn truncate(text: &mut String) {
    if let Some((at, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(at);
        text.push('…');
    }
}
