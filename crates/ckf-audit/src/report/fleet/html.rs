//! The report of several clusters as a self-contained page, without scripts.

use std::fmt::Write as _;

use super::matrix::{Matrix, Row};
use super::model::Fleet;
use crate::catalog::Severity;
use crate::report::html::{STYLE, style_policy};
use crate::report::html_text::escape;
use crate::report::links::control_page;

/// Renders the page.
pub(super) fn render(fleet: &Fleet) -> String {
    let mut out = String::with_capacity(64 << 10);
    // Writing to a string cannot fail.
    let _ = write_page(&mut out, fleet);
    out
}

fn write_page(out: &mut String, fleet: &Fleet) -> std::fmt::Result {
    let policy = escape(&style_policy());
    let status = escape(&fleet.status_line());
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <title>Hardening of Charmed Kubeflow: {status}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>Hardening of Charmed Kubeflow</h1>\n<p class=\"coverage\"><strong>{status}.</strong></p>\n\
         <p class=\"about\">{} {}</p>\n</header>\n<main>\n",
        escape(&fleet.tool.name),
        escape(&fleet.tool.version)
    )?;
    clusters(out, fleet)?;
    let matrix = Matrix::of(fleet);
    controls(out, fleet, "Controls that fail", &matrix.failing())?;
    controls(out, fleet, "Not assessed, or waived", &matrix.others())?;
    out.push_str("</main>\n</body>\n</html>\n");
    Ok(())
}

fn clusters(out: &mut String, fleet: &Fleet) -> std::fmt::Result {
    out.push_str("<h2>Clusters</h2>\n<div class=\"scroll\"><table><thead><tr><th scope=\"col\">Context</th><th scope=\"col\">API server</th><th scope=\"col\">Score</th><th scope=\"col\">Assessed</th>");
    for severity in Severity::ALL {
        write!(out, "<th scope=\"col\">{}</th>", severity.name())?;
    }
    out.push_str("</tr></thead><tbody>\n");
    for one in &fleet.clusters {
        write!(out, "<tr><th scope=\"row\">{}</th>", escape(&one.context))?;
        match &one.report {
            Some(report) => {
                let server = report.cluster.server.as_deref().unwrap_or_default();
                let score = report.score;
                write!(
                    out,
                    "<td>{}</td><td>{}</td><td>{} %</td>",
                    escape(server),
                    score.passed,
                    score.covered
                )?;
                for severity in Severity::ALL {
                    let open = report.open_of(severity);
                    let class = if open > 0 { severity.name() } else { "none" };
                    write!(
                        out,
                        "<td class=\"{class}\"><span class=\"tag severity\">{open}</span></td>"
                    )?;
                }
            }
            None => {
                let problem = one.problem.as_deref().unwrap_or_default();
                write!(out, "<td colspan=\"8\">{}</td>", escape(problem))?;
            }
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
    Ok(())
}

fn controls(out: &mut String, fleet: &Fleet, title: &str, rows: &[&Row<'_>]) -> std::fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    write!(
        out,
        "<h2>{title}</h2>\n<div class=\"scroll\"><table><thead><tr><th scope=\"col\">Severity</th><th scope=\"col\">Control</th><th scope=\"col\">Finding</th>"
    )?;
    for (name, _) in fleet.audited() {
        write!(out, "<th scope=\"col\">{}</th>", escape(name))?;
    }
    out.push_str("</tr></thead><tbody>\n");
    for row in rows {
        let control = row.control;
        let (id, severity) = (escape(&control.id), control.severity.name());
        let id = match control_page(&control.id) {
            Some(page) => format!("<a href=\"{page}\">{id}</a>"),
            None => id,
        };
        write!(
            out,
            "<tr class=\"{severity}\"><td><span class=\"tag severity\">{severity}</span></td><th scope=\"row\" class=\"unbroken\">{id}</th><td>{}</td>",
            escape(control.headline())
        )?;
        for cell in row.audited(fleet) {
            match cell {
                Some(verdict) => {
                    let name = verdict.name();
                    write!(out, "<td><span class=\"tag verdict-{name}\">{name}</span></td>")?;
                }
                None => out.push_str("<td></td>"),
            }
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
    Ok(())
}
