//! The report as CSV (RFC 4180): a row for each finding, waived finding, and control without one.

use super::model::{ControlReport, Report, printable};
use crate::controls::Finding;

const COLUMNS: [&str; 20] = [
    "control",
    "severity",
    "verdict",
    "section",
    "finding",
    "object kind",
    "object namespace",
    "object name",
    "field",
    "seen",
    "wanted",
    "reason",
    "why",
    "fix",
    "waived by",
    "waived until",
    "mappings",
    "cluster",
    "collected at",
    "tool",
];

/// Renders a report as CSV.
pub fn render(report: &Report) -> String {
    let mut out = record(COLUMNS.map(str::to_owned));
    for control in &report.controls {
        for finding in &control.findings {
            out.push_str(&row(report, control, Some(finding), ["", ""]));
        }
        for waived in &control.waived {
            out.push_str(&row(
                report,
                control,
                Some(&waived.finding),
                [&waived.owner, &waived.until],
            ));
        }
        if control.findings.is_empty() && control.waived.is_empty() {
            out.push_str(&row(report, control, None, ["", ""]));
        }
    }
    out
}

fn row(
    report: &Report,
    control: &ControlReport,
    finding: Option<&Finding>,
    [owner, until]: [&str; 2],
) -> String {
    let (why, mappings) = control.known().map_or(("", String::new()), |(why, mappings)| {
        (why.trim(), mappings.in_words().join("; "))
    });
    let of = |text: fn(&Finding) -> &str| finding.map_or("", text).to_owned();
    let cluster = &report.cluster;
    let place = cluster.uid.as_ref().or(cluster.server.as_ref()).unwrap_or(&cluster.namespace);
    let verdict = if owner.is_empty() { control.verdict.name() } else { "waived" };
    record([
        control.id.clone(),
        control.severity.name().into(),
        verdict.into(),
        control.section.clone(),
        control.headline().into(),
        of(|f| &f.object.kind),
        of(|f| &f.object.namespace),
        of(|f| &f.object.name),
        of(|f| &f.field),
        of(|f| &f.seen),
        of(|f| &f.wanted),
        control.reason.clone(),
        why.into(),
        control.fix.trim().into(),
        owner.into(),
        until.into(),
        mappings,
        place.clone(),
        cluster.collected_at.clone(),
        report.tool(),
    ])
}

/// A line of these fields.
pub(crate) fn record<const N: usize>(fields: [String; N]) -> String {
    records(fields.into())
}

/// A line of any number of fields.
pub(crate) fn records(fields: Vec<String>) -> String {
    let fields: Vec<String> = fields.iter().map(|text| field(text)).collect();
    fields.join(",") + "\r\n"
}

/// Quotes what needs it. A text that a spreadsheet would take for a formula is escaped: names
/// and messages are of others.
fn field(text: &str) -> String {
    let text = printable(text);
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text };
    match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use crate::policy::Policy;

    #[test]
    fn fields_are_quoted_and_no_formulas() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"\nand", "\"say \"\"x\"\"\nand\""),
            ("=1+1", "'=1+1"),
            ("@SUM(A1),", "\"'@SUM(A1),\""),
            ("a\u{1b}[2J", "a[2J"),
        ] {
            assert_eq!(field(text), expected);
        }
    }

    #[test]
    fn every_control_has_a_row() {
        let report = Report::audit(&Facts::default(), &Policy::default(), None, Vec::new());
        let text = render(&report);
        assert!(text.starts_with("control,severity,verdict,section,finding,object kind"));
        for control in &report.controls {
            assert!(text.contains(&format!("\n{},", control.id)), "{}", control.id);
        }
    }
}
