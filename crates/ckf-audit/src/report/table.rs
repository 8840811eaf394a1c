//! The report as a table for terminals.

use comfy_table::{ContentArrangement, Table, presets};
use printable::line;

use super::model::Report;
use crate::controls::Verdict;

/// Width of tables in characters where the terminal's width is unknown.
pub const WIDTH: u16 = 120;

/// Renders a report: a table of failing controls, then the others grouped by verdict.
pub fn render(report: &Report) -> String {
    render_within(report, WIDTH)
}

/// Renders a report in this width in characters.
pub fn render_within(report: &Report, width: u16) -> String {
    let mut out = format!(
        "Charmed Kubeflow {} in namespace {}, {} {}\nsecurity guide: {}\n",
        report.release.as_deref().unwrap_or("(release unknown)"),
        report.cluster.namespace,
        report.cluster.distribution,
        report.cluster.version.as_deref().unwrap_or("(version unknown)"),
        report.cluster.security_guide,
    );
    for problem in &report.problems {
        out.push_str(&format!("problem: {}\n", line(problem)));
    }
    let open = report.open();
    if !open.is_empty() {
        let mut table = new_table_within(&["control", "severity", "finding"], width);
        for control in &open {
            table.add_row([
                control.id.clone(),
                control.severity.name().into(),
                format!("{}\n{}", line(&control.title), line(&control.reason)),
            ]);
        }
        out.push_str(&format!("\n{table}\n"));
    }
    for verdict in [Verdict::Waived, Verdict::NotAssessed, Verdict::NotApplicable, Verdict::Pass] {
        let controls: Vec<_> = report.controls.iter().filter(|c| c.verdict == verdict).collect();
        if controls.is_empty() {
            continue;
        }
        if verdict == Verdict::Waived {
            out.push_str("\nwaived:\n");
            controls
                .iter()
                .for_each(|c| out.push_str(&format!("  {} {}\n", c.id, line(&c.reason))));
            continue;
        }
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for control in controls {
            // Reasons for a pass all differ, so only ids are listed.
            let reason = if verdict == Verdict::Pass { "" } else { control.reason.as_str() };
            match reasons.iter_mut().find(|(r, _)| *r == reason) {
                Some((_, ids)) => ids.push(&control.id),
                None => reasons.push((reason, vec![&control.id])),
            }
        }
        out.push_str(&format!("\n{}:\n", verdict.name()));
        for (reason, ids) in reasons {
            let reason =
                if reason.is_empty() { String::new() } else { format!(": {}", line(reason)) };
            out.push_str(&format!("  {}{reason}\n", ids.join(" ")));
        }
    }
    let s = &report.summary;
    out.push_str(&format!(
        "\n{}; score {} % (weighted by severity), {} % assessed\n{} pass, {} fail, {} waived, {} not applicable, {} not assessed\n",
        report.status_line(),
        report.score.passed,
        report.score.covered,
        s.pass,
        s.fail,
        s.waived,
        s.not_applicable,
        s.not_assessed
    ));
    trimmed(&out)
}

/// Trims trailing blanks of each line, with which tables pad their last column.
pub fn trimmed(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').map(str::trim_end).collect();
    lines.join("\n")
}

/// Wraps lines at this width in characters, between words; continued lines repeat the
/// indentation.
pub fn wrapped(text: &str, width: u16) -> String {
    let width = usize::from(width);
    let mut out = Vec::new();
    for line in text.split('\n') {
        if line.chars().count() <= width {
            out.push(line.to_owned());
            continue;
        }
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        let (mut now, mut length) = (String::new(), 0);
        for word in line.split(' ').filter(|word| !word.is_empty()) {
            let more = word.chars().count();
            if length > 0 && length + 1 + more > width {
                out.push(std::mem::take(&mut now));
                length = 0;
            }
            let gap = if length == 0 { indent.as_str() } else { " " };
            now.push_str(gap);
            now.push_str(word);
            length += gap.len() + more;
        }
        out.push(now);
    }
    out.join("\n")
}

/// A table of the default width, in the style of this program's output.
pub fn new_table(header: &[&str]) -> Table {
    new_table_within(header, WIDTH)
}

/// A table of this width in characters.
pub fn new_table_within(header: &[&str], width: u16) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width);
    table.set_header(header.iter().copied());
    table
}
