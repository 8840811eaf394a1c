//! The report as JUnit XML, for CI servers: a suite per section of the guide, a case per control.
//!
//! Written by hand: the available library pulls in calendars, UUIDs and an XML writer, a fifth of a
//! megabyte. The tests parse the output with another library.

use std::collections::BTreeMap;

use super::model::{ControlReport, Report, printable};
use crate::controls::Verdict;

/// Renders a report as JUnit XML.
pub fn render(report: &Report) -> String {
    let mut sections: BTreeMap<&str, Vec<&ControlReport>> = BTreeMap::new();
    for control in &report.controls {
        sections.entry(&control.section).or_default().push(control);
    }
    let suites: Vec<String> = sections
        .into_iter()
        .map(|(section, controls)| {
            let cases: Vec<String> = controls.iter().copied().map(case).collect();
            let name = escape(section);
            element("testsuite", &name, &controls, &cases.concat())
        })
        .collect();
    let name = escape(&format!("ckf-hardening {}", report.cluster.namespace));
    let all: Vec<&ControlReport> = report.controls.iter().collect();
    let problems = report.problems.iter().map(|problem| escape(problem));
    let problems: Vec<String> = problems.collect();
    let problems = match problems.is_empty() {
        true => String::new(),
        false => format!(
            "<testsuite name=\"the report\" tests=\"0\" failures=\"0\" errors=\"0\" skipped=\"0\">\n\
             <system-out>{}</system-out></testsuite>\n",
            problems.join("\n")
        ),
    };
    let suites = element("testsuites", &name, &all, &(suites.concat() + &problems));
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{suites}")
}

/// An element with the counts of its cases.
fn element(kind: &str, name: &str, controls: &[&ControlReport], content: &str) -> String {
    let count = |is: fn(Verdict) -> bool| controls.iter().filter(|c| is(c.verdict)).count();
    let (tests, failures) = (controls.len(), count(|v| v == Verdict::Fail));
    let skipped = match kind {
        "testsuite" => format!(" skipped=\"{}\"", count(is_skipped)),
        _ => String::new(),
    };
    format!(
        "<{kind} name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\"{skipped}>\n\
         {content}</{kind}>\n"
    )
}

fn is_skipped(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::Pass | Verdict::Fail)
}

fn case(control: &ControlReport) -> String {
    let name = escape(&format!("{} {}", control.id, control.title));
    let section = escape(&control.section);
    let reason = escape(&control.reason);
    let inner = match control.verdict {
        Verdict::Pass => String::new(),
        Verdict::Fail => {
            let lines: Vec<String> = control.findings.iter().map(ToString::to_string).collect();
            let text = escape(&format!("{}\n\n{}", lines.join("\n"), control.fix.trim()));
            let severity = control.severity.name();
            format!("<failure type=\"{severity}\" message=\"{reason}\">{text}</failure>")
        }
        other => format!("<skipped message=\"{}: {reason}\"/>", other.name()),
    };
    format!("<testcase classname=\"{section}\" name=\"{name}\">{inner}</testcase>\n")
}

/// Escapes text for XML, without characters that XML cannot represent.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML normalizes a literal line break in an attribute to a space.
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
    out
}
