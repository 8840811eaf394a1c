//! A report that must not be longer than so many bytes.
//!
//! Programs must be able to read what is left, so nothing is cut: evidence goes first, then what
//! is no finding, then texts. The report says among its problems what was left out.

use serde_json::Value;

use super::table::{render_within, wrapped};
use super::{ControlReport, Format, Report};
use crate::controls::{Finding, Verdict};

/// Widest line for people: who runs an action reads it in a terminal.
const WIDTH: u16 = 80;
/// How many findings a control keeps, tried one after the other. One stays: some formats have
/// nothing else that says that the control fails.
const KEPT: [usize; 5] = [100, 30, 10, 3, 1];
/// Longest text of a finding, in characters, once anything is left out.
const LONGEST: usize = 300;
/// Most problems, and kinds that could not be read, once anything is left out.
const MOST: usize = 20;

/// Renders a report in so many bytes at most; without all controls that may be some hundreds.
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
    cut_texts(&mut less);
    let evidence = |report: &mut Report, kept: usize| {
        let of = |control: &mut ControlReport| {
            let all = control.findings.len() + control.waived.len();
            control.findings.truncate(kept);
            control.waived.truncate(kept);
            all - control.findings.len() - control.waived.len()
        };
        let left_out: usize = report.controls.iter_mut().map(of).sum();
        format!("{left_out} findings")
    };
    let mut try_render = |report: &Report, left_out: &str| {
        let mut report = report.clone();
        report.problems.push(format!(
            "left out for want of space: {left_out}; `ckf-hardening audit` has all, and get-report complete=true"
        ));
        shorter = compact(render(&report, format), format);
        (shorter.len() <= longest).then(|| shorter.clone())
    };
    for kept in KEPT {
        let mut report = less.clone();
        let left_out = evidence(&mut report, kept);
        if let Some(text) = try_render(&report, &left_out) {
            return text;
        }
    }
    let left_out = evidence(&mut less, 1);
    for control in &mut less.controls {
        control.own = None;
        control.fix.clear();
    }
    let left_out = format!("{left_out}, how to fix them");
    if let Some(text) = try_render(&less, &left_out) {
        return text;
    }
    less.controls
        .sort_by_key(|control| std::cmp::Reverse((rank(control.verdict), control.severity)));
    let all = less.controls.len();
    while !less.controls.is_empty() {
        less.controls.truncate(less.controls.len() / 2);
        let gone = all - less.controls.len();
        if let Some(text) = try_render(&less, &format!("{left_out}, {gone} controls")) {
            return text;
        }
    }
    shorter
}

/// What is worth telling before the rest.
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

/// JSON without what makes it pleasant to read.
fn compact(text: String, format: Format) -> String {
    let is_json = matches!(
        format,
        Format::Json | Format::Sarif | Format::OpenReports | Format::PolicyReport | Format::Oscal
    );
    if !is_json {
        return text;
    }
    match serde_json::from_str::<Value>(&text) {
        Ok(value) => format!("{value}\n"),
        Err(_) => text,
    }
}

fn cut_texts(report: &mut Report) {
    let findings = report.controls.iter_mut().flat_map(|control| {
        cut(&mut control.reason);
        let waived = control.waived.iter_mut().map(|waived| &mut waived.finding);
        control.findings.iter_mut().chain(waived)
    });
    for Finding { field, seen, wanted, .. } in findings {
        [field, seen, wanted].into_iter().for_each(cut);
    }
    for list in [&mut report.problems, &mut report.cluster.unknown] {
        let more = list.len().saturating_sub(MOST);
        list.truncate(MOST);
        list.iter_mut().for_each(cut);
        if more > 0 {
            list.push(format!("and {more} more"));
        }
    }
}

fn cut(text: &mut String) {
    if let Some((at, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(at);
        text.push('…');
    }
}
