//! A control on the HTML page: its verdict, evidence, fix, and what was waived.

use std::fmt::Write as _;

use super::html_text::escape;
use super::links::control_page;
use super::model::{ControlReport, Report};
use crate::controls::{Finding, Verdict};
use crate::finding::count;
use crate::remedies::Remedy;

/// Limit on findings of a control; the JSON report has all.
const SHOWN: usize = 100;

/// Writes a control at this place of the order by severity.
pub(super) fn write(
    out: &mut String,
    report: &Report,
    control: &ControlReport,
    place: usize,
) -> std::fmt::Result {
    let (id, severity, verdict) =
        (escape(&control.id), control.severity.name(), control.verdict.name());
    let class = match control.verdict {
        Verdict::Fail => severity,
        Verdict::Pass => "ok",
        _ => "info",
    };
    // How far it reaches, without opening it.
    let affected = match (control.verdict, control.findings.len()) {
        (Verdict::Fail, number @ 1..) => {
            format!("<span class=\"tag\">{}</span>", count(number, "finding"))
        }
        _ => String::new(),
    };
    writeln!(
        out,
        "<article class=\"{class}\" id=\"{id}\" data-id=\"{id}\" data-rank=\"{place}\" data-verdict=\"{verdict}\" data-severity=\"{severity}\" data-section=\"{}\">\
         <details><summary><span class=\"id\">{id}</span><span class=\"title\">{}</span>\
         {affected}<span class=\"tag severity\">{severity}</span><span class=\"tag verdict-{verdict}\">{verdict}</span></summary><div class=\"inside\">\
         <p class=\"reason\">{}</p>",
        escape(&control.section),
        escape(control.headline()),
        escape(&control.reason),
    )?;
    let is_open = matches!(control.verdict, Verdict::Fail | Verdict::Waived);
    if let Some((why, _)) = control.known() {
        write!(out, "<p><strong>Why:</strong> {}</p>", rich(report, why.trim()))?;
    }
    if control.headline() != control.title {
        write!(out, "<p><strong>Should hold:</strong> {}.</p>", escape(&control.title))?;
    }
    if is_open {
        fix(out, report, control)?;
    }
    let findings: Vec<(&Finding, String)> =
        control.findings.iter().map(|finding| (finding, String::new())).collect();
    table(out, &findings, false)?;
    let waived = control.waived.iter().map(|waived| {
        let by = format!("{}, until {}: {}", waived.owner, waived.until, waived.reason);
        (&waived.finding, by)
    });
    let waived: Vec<(&Finding, String)> = waived.collect();
    if !waived.is_empty() {
        out.push_str("<p><strong>Waived:</strong></p>");
    }
    table(out, &waived, true)?;
    let mappings = control.known().map(|(_, mappings)| mappings.in_words()).unwrap_or_default();
    let section = format!("Section: {}", control.section);
    let all: Vec<String> =
        std::iter::once(section).chain(mappings).map(|text| escape(&text)).collect();
    writeln!(
        out,
        "<p class=\"maps\">{}. <a href=\"#{id}\">Link to {id}</a>{}</p></div></details></article>",
        all.join(". "),
        control_page(&control.id)
            .map(|page| format!(" <a href=\"{page}\">Documentation of {id}</a>"))
            .unwrap_or_default(),
    )
}

fn fix(out: &mut String, report: &Report, control: &ControlReport) -> std::fmt::Result {
    write!(out, "<p><strong>Fix:</strong> {}</p>", rich(report, control.fix.trim()))?;
    for remedy in Remedy::of_control(&control.id) {
        let command = escape(&format!("ckf-hardening plan {remedy}"));
        write!(out, "<p class=\"command\"><code>{command}</code></p>")?;
    }
    if let Some(advice) = &control.advice {
        write!(
            out,
            "<p><strong>May break:</strong> {}</p><p><strong>Works on:</strong> {}</p><p><strong>Evidence:</strong> {}</p>",
            rich(report, advice.breaks.trim()),
            rich(report, &advice.works_on.to_string()),
            escape(&advice.proof.to_string())
        )?;
    }
    for limit in &control.limits {
        write!(
            out,
            "<p><strong>Limit of the platform</strong> ({}): {} <a href=\"{issue}\">{issue}</a></p><p><strong>Mitigation:</strong> {}</p>",
            count(limit.findings.len(), "finding"),
            rich(report, &limit.why),
            rich(report, &limit.mitigation),
            issue = escape(&limit.issue)
        )?;
    }
    Ok(())
}

/// A table of findings, with who waived them.
fn table(out: &mut String, findings: &[(&Finding, String)], is_waived: bool) -> std::fmt::Result {
    if findings.is_empty() {
        return Ok(());
    }
    out.push_str("<div class=\"scroll\"><table><thead><tr>");
    out.push_str("<th scope=\"col\">Object</th><th scope=\"col\">Field</th>");
    out.push_str("<th scope=\"col\">Seen</th><th scope=\"col\">Wanted</th>");
    if is_waived {
        out.push_str("<th scope=\"col\">By</th>");
    }
    out.push_str("</tr></thead><tbody>");
    for (finding, by) in findings.iter().take(SHOWN) {
        write!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td>",
            escape(&match &finding.owner {
                Some(owner) => format!("{} ({owner})", finding.object),
                None => finding.object.to_string(),
            }),
            escape(&finding.field),
            escape(&finding.seen),
            escape(&finding.wanted)
        )?;
        if is_waived {
            write!(out, "<td>{}</td>", escape(by))?;
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    let more = findings.len().saturating_sub(SHOWN);
    if more > 0 {
        write!(out, "<p class=\"reason\">and {more} more, in the JSON report</p>")?;
    }
    Ok(())
}

/// Text of the catalogue: code in backticks is code, and ids of the report's controls are links.
fn rich(report: &Report, text: &str) -> String {
    let mut out = String::new();
    for (at, part) in text.split('`').enumerate() {
        match at % 2 {
            1 => out.push_str(&format!("<code>{}</code>", escape(part))),
            _ => out.push_str(&linked(report, part)),
        }
    }
    out
}

fn linked(report: &Report, text: &str) -> String {
    let is_of_id = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_of_id) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c| !is_of_id(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        out.push_str(&escape(before));
        match report.controls.iter().any(|control| control.id == word) {
            true => out.push_str(&format!("<a href=\"#{word}\">{word}</a>")),
            false => out.push_str(&escape(word)),
        }
        rest = after;
    }
    out.push_str(&escape(rest));
    out
}
