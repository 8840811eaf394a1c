//! Charts of the HTML page, as SVG: score, severities, sections, history.

use std::fmt::Write as _;

use super::html_text::escape;
use super::model::Report;
use crate::catalog::Severity;
use crate::controls::Verdict;

/// The score as a ring, with the coverage.
pub(super) fn score(out: &mut String, report: &Report) -> std::fmt::Result {
    let (score, covered) = (report.score.passed, report.score.covered);
    let class = match score {
        0..50 => "bad",
        50..80 => "fair",
        _ => "good",
    };
    writeln!(
        out,
        "<figure class=\"score {class}\"><svg viewBox=\"0 0 42 42\" role=\"img\" aria-label=\"score {score} of 100\">\
         <circle class=\"track\" cx=\"21\" cy=\"21\" r=\"15.915\"/>\
         <circle class=\"value\" cx=\"21\" cy=\"21\" r=\"15.915\" pathLength=\"100\" stroke-dasharray=\"{score} 100\" transform=\"rotate(-90 21 21)\"/>\
         <text x=\"21\" y=\"22.5\">{score}</text><text class=\"of\" x=\"21\" y=\"28\">of 100</text></svg>\
         <figcaption>Score, weighted by severity. {covered} % of applicable controls assessed.</figcaption></figure>",
    )
}

/// Open controls of each severity.
pub(super) fn severities(out: &mut String, report: &Report) -> std::fmt::Result {
    let counts = Severity::ALL.map(|severity| (severity, report.open_of(severity)));
    let most = counts.iter().map(|(_, number)| *number).max().unwrap_or(0).max(1);
    out.push_str("<figure class=\"bars\"><figcaption>Open by severity</figcaption><ul>\n");
    for (severity, number) in counts {
        let name = severity.name();
        let width = number * 100 / most;
        writeln!(
            out,
            "<li><span>{name}</span><svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
             <rect class=\"track\" width=\"100\" height=\"10\"/><rect class=\"fill-{name}\" width=\"{width}\" height=\"10\"/></svg>\
             <span class=\"number\">{number}</span></li>",
        )?;
    }
    out.push_str("</ul></figure>\n");
    Ok(())
}

/// Verdicts of each section of the guide.
pub(super) fn sections(out: &mut String, report: &Report) -> std::fmt::Result {
    let mut sections: Vec<&str> = Vec::new();
    for control in &report.controls {
        if !sections.contains(&control.section.as_str()) {
            sections.push(&control.section);
        }
    }
    out.push_str(
        "<figure class=\"bars wide\"><figcaption>By section: fail, pass, other</figcaption><ul>\n",
    );
    for section in sections {
        let controls: Vec<_> = report.controls.iter().filter(|c| c.section == section).collect();
        let count = |verdict| controls.iter().filter(|c| c.verdict == verdict).count();
        let (fail, pass, all) = (count(Verdict::Fail), count(Verdict::Pass), controls.len().max(1));
        let (first, second) = (fail * 100 / all, pass * 100 / all);
        writeln!(
            out,
            "<li><span>{}</span><svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
             <rect class=\"track\" width=\"100\" height=\"10\"/><rect class=\"fill-fail\" width=\"{first}\" height=\"10\"/>\
             <rect class=\"fill-pass\" x=\"{first}\" width=\"{second}\" height=\"10\"/></svg>\
             <span class=\"number\">{fail} of {all}</span></li>",
            escape(section),
        )?;
    }
    out.push_str("</ul></figure>\n");
    Ok(())
}

/// Points of the history that a chart shows.
const POINTS: usize = 500;

/// Chart of the history: one line for all open controls, one for those critical or high.
pub(super) fn history(out: &mut String, past: &[(i64, [usize; 5])]) -> std::fmt::Result {
    let ([first, .., last], [_, _, ..]) = (past, past) else {
        return Ok(());
    };
    let total = |open: &[usize; 5]| open.iter().sum::<usize>();
    let severe = |open: &[usize; 5]| open[0] + open[1];
    let most = past.iter().map(|(_, open)| total(open)).max().unwrap_or(0).max(1);
    let span = (last.0 - first.0).max(1) as f64;
    let step = past.len().div_ceil(POINTS);
    let line = |of: &dyn Fn(&[usize; 5]) -> usize| {
        let is_shown = |at: usize| at.is_multiple_of(step) || at + 1 == past.len();
        let shown = past.iter().enumerate().filter(|(at, _)| is_shown(*at));
        let points = shown.map(|(_, (at, open))| {
            let x = (at - first.0) as f64 / span * 1000.0;
            let y = 58.0 - of(open) as f64 / most as f64 * 56.0;
            format!("{x:.1},{y:.1}")
        });
        points.collect::<Vec<_>>().join(" ")
    };
    let (begin, end) = (minute(first.0), minute(last.0));
    writeln!(
        out,
        "<h2>History</h2>\n<figure class=\"history\"><span class=\"most\" aria-hidden=\"true\">{most}</span><span class=\"least\" aria-hidden=\"true\">0</span>\
         <svg class=\"past\" viewBox=\"0 0 1000 60\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{begin}: {} open, {} of them critical or high; {end}: {} open, {} of them critical or high\">\
         <polyline class=\"all\" points=\"{}\"/><polyline points=\"{}\"/></svg>\
         <span class=\"begin\">{begin}</span><span class=\"end\">{end}</span>\n\
         <figcaption><span class=\"key all\">all open controls: {} now</span> <span class=\"key\">critical or high: {} now</span></figcaption></figure>",
        total(&first.1),
        severe(&first.1),
        total(&last.1),
        severe(&last.1),
        line(&total),
        line(&severe),
        total(&last.1),
        severe(&last.1),
    )
}

/// A time to the minute, UTC.
fn minute(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    time.to_string().get(..16).unwrap_or_default().replace('T', " ") + " UTC"
}
