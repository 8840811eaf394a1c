//! The report as Markdown, for issues and wikis.

use printable::line;

use super::model::Report;
use crate::controls::Verdict;

/// Renders a report as Markdown.
pub fn render(report: &Report) -> String {
    let mut out = format!(
        "# Charmed Kubeflow {}: {}\n\nNamespace `{}`, {} {}, read {}. [Security of {}]({})\n\n",
        report.release.as_deref().unwrap_or("(release unknown)"),
        report.status_line(),
        report.cluster.namespace,
        report.cluster.distribution,
        report.cluster.version.as_deref().unwrap_or("(version unknown)"),
        report.cluster.collected_at,
        report.cluster.distribution,
        report.cluster.security_guide,
    );
    for problem in &report.problems {
        out.push_str(&format!("> {}\n\n", escape(problem)));
    }
    for control in report.open() {
        out.push_str(&format!(
            "## {} {} ({})\n\n",
            control.id,
            escape(&control.title),
            control.severity.name()
        ));
        out.push_str("| object | field | seen | wanted |\n|---|---|---|---|\n");
        for f in &control.findings {
            let cells = [f.object.to_string(), f.field.clone(), f.seen.clone(), f.wanted.clone()];
            out.push_str(&format!("| {} |\n", cells.map(|c| escape(&c)).join(" | ")));
        }
        out.push_str(&format!("\n{}\n\n", control.fix.trim()));
        if let Some(advice) = &control.advice {
            out.push_str(&format!("May break: {}\n\n", advice.breaks));
        }
        for limit in &control.limits {
            out.push_str(&format!("{limit}\n\n"));
        }
    }
    out.push_str("## Other controls\n\n| control | verdict | reason |\n|---|---|---|\n");
    for control in report.controls.iter().filter(|c| c.verdict != Verdict::Fail) {
        out.push_str(&format!(
            "| {} | {} | {} |\n",
            control.id,
            control.verdict.name(),
            escape(&control.reason)
        ));
    }
    out
}

/// Escapes text for a Markdown table.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in line(text).chars() {
        match c {
            '|' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '\\' | '#' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
