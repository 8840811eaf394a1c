//! The report of several clusters as tables for terminals.

use printable::line;
use unicode_width::UnicodeWidthStr as _;

use super::matrix::{Matrix, Row};
use super::model::{Fleet, Member};
use crate::catalog::Severity;
use crate::controls::Verdict;
use crate::report::columns::{self, Column};
use crate::report::style::Ink;
use crate::report::table::{Look, linked, trimmed, wrapped};

/// Narrowest column of findings beside the clusters; with less, clusters are counted.
const LEAST_FINDING: usize = 28;
/// Names of clusters that are shown where clusters are counted.
const NAMED: usize = 3;

/// Renders tables: a line for each cluster, then one for each control that fails somewhere.
pub fn render_with(fleet: &Fleet, look: &Look) -> String {
    let status = fleet.status_line();
    let mut out = format!("{}\n", look.style.paint(Ink::Heading, &wrapped(&status, look.width)));
    out.push_str(&clusters(fleet, look));
    let matrix = Matrix::of(fleet);
    out.push_str(&controls(fleet, &matrix.failing(), look));
    if look.is_verbose {
        out.push_str(&controls(fleet, &matrix.others(), look));
    }
    let is_audited = fleet.clusters.iter().find(|one| one.report.is_some());
    if let Some(first) = is_audited.filter(|_| look.has_next) {
        let command = format!("ckf-hardening audit --context {}", line(&first.context));
        out.push_str(&format!("\nnext: {}\n", look.style.paint(Ink::Id, &command)));
    }
    trimmed(&out)
}

fn clusters(fleet: &Fleet, look: &Look) -> String {
    let heads = match look.width {
        ..80 => ["SCORE", "ASSESSED", "CRIT", "HIGH", "MED", "LOW", "INFO"],
        _ => ["SCORE", "ASSESSED", "CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"],
    };
    let names: Vec<[String; 1]> =
        fleet.clusters.iter().map(|one| [line(&one.context).into_owned()]).collect();
    let rest: usize = heads.iter().map(|head| head.len() + 2).sum();
    let room = usize::from(look.width).saturating_sub(rest).max(12);
    let column = columns::fit([Column::flexible("CONTEXT", &names, 0)], room);
    let heading = format!("{}  {}", padded(&column.heading(), column.width()), heads.join("  "));
    let mut out = format!("\n{}\n", look.style.paint(Ink::Heading, &heading));
    for (one, name) in fleet.clusters.iter().zip(&names) {
        let lines: Vec<String> =
            column.lines(name).into_iter().map(|[cell]| cell.trim_end().to_owned()).collect();
        // A name that is broken continues above its numbers.
        if let Some((last, before)) = lines.split_last() {
            before.iter().for_each(|part| out.push_str(&format!("{part}\n")));
            let name = padded(last, column.width());
            match figures(one, &heads, look) {
                Some(figures) => out.push_str(&format!("{name}  {figures}\n")),
                None => out.push_str(&format!("{}\n", problem(one, &name, look))),
            }
        }
    }
    out
}

fn figures(one: &Member, heads: &[&str; 7], look: &Look) -> Option<String> {
    let report = one.report.as_ref()?;
    let score = [report.score.passed.to_string(), format!("{} %", report.score.covered)];
    let open = Severity::ALL.map(|severity| report.open_of(severity).to_string());
    let inks = [Ink::Heading, Ink::Quiet].into_iter().chain(Severity::ALL.map(Ink::of));
    let texts = score.into_iter().chain(open).zip(heads).zip(inks);
    let cells = texts.map(|((text, head), ink)| {
        let ink = if text == "0" { Ink::Quiet } else { ink };
        let cell = format!("{text:>width$}", width = head.len());
        look.style.paint(ink, &cell)
    });
    Some(cells.collect::<Vec<_>>().join("  "))
}

fn problem(one: &Member, name: &str, look: &Look) -> String {
    let text = line(one.problem.as_deref().unwrap_or_default()).into_owned();
    let room = usize::from(look.width).saturating_sub(name.width() + 2).max(20);
    let room = u16::try_from(room).unwrap_or(look.width);
    let indent = " ".repeat(name.width() + 2);
    let text = wrapped(&text, room).replace('\n', &format!("\n{indent}"));
    format!("{name}  {}", look.style.paint(Ink::Warning, &text))
}

fn controls(fleet: &Fleet, rows: &[&Row<'_>], look: &Look) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let names: Vec<String> = fleet.audited().map(|(name, _)| line(name).into_owned()).collect();
    let widths: Vec<usize> = names.iter().map(|name| name.width().max("waived".len())).collect();
    let wide: usize = widths.iter().map(|width| width + 2).sum();
    let texts: Vec<[String; 4]> = rows.iter().map(|row| texts(row, &names, fleet)).collect();
    let columns = || {
        [
            Column::fixed("SEVERITY", &texts, 0),
            Column::fixed("ID", &texts, 1),
            Column::flexible("FINDING", &texts, 2),
        ]
    };
    let total = usize::from(look.width);
    let fixed: usize = columns::fit(columns(), total).indent();
    if fixed + LEAST_FINDING + wide > total {
        return counted(&texts, rows, look);
    }
    let columns = columns::fit(columns(), total - wide);
    let width = columns.width();
    let cells = names.iter().zip(&widths).map(|(name, width)| padded(name, *width));
    let heading =
        format!("{}  {}", padded(&columns.heading(), width), cells.collect::<Vec<_>>().join("  "));
    let mut out = format!("\n{}\n", look.style.paint(Ink::Heading, &heading));
    for (row, [severity, id, finding, _]) in rows.iter().zip(&texts) {
        let row_of = [severity.clone(), id.clone(), finding.clone()];
        for (number, cells) in columns.lines(&row_of).into_iter().enumerate() {
            out.push_str(&start(row, cells, look));
            if number == 0 {
                for (cell, width) in row.audited(fleet).zip(&widths) {
                    out.push_str(&format!("  {}", verdict(cell, *width, look)));
                }
            }
            out.push('\n');
        }
    }
    out.push_str(&look.style.paint(Ink::Quiet, "-: not applicable  ?: not assessed\n"));
    out
}

/// Where the clusters are too many for columns: in how many a control fails, and in which.
fn counted(texts: &[[String; 4]], rows: &[&Row<'_>], look: &Look) -> String {
    let columns = columns::fit(
        [
            Column::fixed("SEVERITY", texts, 0),
            Column::fixed("ID", texts, 1),
            Column::flexible("FINDING", texts, 2),
            Column::flexible("FAILS IN", texts, 3),
        ],
        usize::from(look.width),
    );
    let mut out = format!("\n{}\n", look.style.paint(Ink::Heading, &columns.heading()));
    for (row, text) in rows.iter().zip(texts) {
        for [severity, id, finding, clusters] in columns.lines(text) {
            let start = start(row, [severity, id, finding], look);
            let clusters = look.style.paint(Ink::Quiet, clusters.trim_end());
            out.push_str(&format!("{start}  {clusters}\n"));
        }
    }
    out
}

fn start(row: &Row<'_>, [severity, cell, finding]: [String; 3], look: &Look) -> String {
    let severity = look.style.paint(Ink::of(row.control.severity), &severity);
    format!("{severity}  {}  {finding}", linked(&cell, look))
}

fn texts(row: &Row<'_>, names: &[String], fleet: &Fleet) -> [String; 4] {
    let failing = row.audited(fleet).zip(names);
    let failing: Vec<&str> = failing
        .filter(|(cell, _)| *cell == Some(Verdict::Fail))
        .map(|(_, name)| name.as_str())
        .collect();
    let clusters = match failing.len() {
        number if number == names.len() => format!("all {number}"),
        number if number > NAMED => {
            format!("{number} of {}: {}, ...", names.len(), failing[..NAMED].join(", "))
        }
        number => format!("{number} of {}: {}", names.len(), failing.join(", ")),
    };
    [
        row.control.severity.name().to_owned(),
        line(&row.control.id).into_owned(),
        line(row.control.headline()).into_owned(),
        clusters,
    ]
}

fn verdict(cell: Option<Verdict>, width: usize, look: &Look) -> String {
    let (text, ink) = match cell {
        Some(Verdict::Fail) => ("FAIL", Ink::Warning),
        Some(Verdict::Pass) => ("pass", Ink::Good),
        Some(Verdict::Waived) => ("waived", Ink::Quiet),
        Some(Verdict::NotApplicable) => ("-", Ink::Quiet),
        Some(Verdict::NotAssessed) => ("?", Ink::Quiet),
        None => ("", Ink::Quiet),
    };
    look.style.paint(ink, &padded(text, width))
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}
