//! The report as a table for people.

use comfy_table::{ContentArrangement, Table, presets};
use juju_charm::printable::line;

use super::Report;
use crate::controls::Verdict;

/// Widest table, in characters, where no terminal tells its width.
const WIDTH: u16 = 120;

/// Renders it: what is open first, then a line for everything else.
pub fn render(report: &Report) -> String {
    let mut out = format!(
        "Charmed Kubeflow {} in namespace {}, {} {}\nsecurity guide: {}\n",
        report.release.as_deref().unwrap_or("(release unknown)"),
        report.cluster.namespace,
        report.cluster.distribution,
        report
            .cluster
            .version
            .as_deref()
            .unwrap_or("(version unknown)"),
        report.cluster.security_guide,
    );
    for problem in &report.problems {
        out.push_str(&format!("problem: {}\n", line(problem)));
    }
    let open = report.open();
    if !open.is_empty() {
        let mut table = new_table(&["control", "severity", "what is wrong"]);
        for control in &open {
            table.add_row([
                control.id.clone(),
                control.severity.name().into(),
                format!("{}\n{}", line(&control.title), line(&control.reason)),
            ]);
        }
        out.push_str(&format!("\n{table}\n"));
    }
    for verdict in [
        Verdict::Waived,
        Verdict::NotAssessed,
        Verdict::NotApplicable,
        Verdict::Pass,
    ] {
        let controls: Vec<_> = report
            .controls
            .iter()
            .filter(|c| c.verdict == verdict)
            .collect();
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
            // Passes differ each; only their ids are listed.
            let reason = if verdict == Verdict::Pass {
                ""
            } else {
                control.reason.as_str()
            };
            match reasons.iter_mut().find(|(r, _)| *r == reason) {
                Some((_, ids)) => ids.push(&control.id),
                None => reasons.push((reason, vec![&control.id])),
            }
        }
        out.push_str(&format!("\n{}:\n", verdict.name()));
        for (reason, ids) in reasons {
            let reason = if reason.is_empty() {
                String::new()
            } else {
                format!(": {}", line(reason))
            };
            out.push_str(&format!("  {}{reason}\n", ids.join(" ")));
        }
    }
    let s = &report.summary;
    out.push_str(&format!(
        "\n{}; {} % of what was judged holds, by severity; {} % was judged\n{} pass, {} fail, {} waived, {} not applicable, {} not assessed\n",
        report.status_line(),
        report.score.passed,
        report.score.covered,
        s.pass,
        s.fail,
        s.waived,
        s.not_applicable,
        s.not_assessed
    ));
    out
}

/// A table in the style of this program's output.
pub fn new_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH);
    table.set_header(header.iter().copied());
    table
}
