//! The report of several clusters in its formats.

use super::html;
use super::matrix::Matrix;
use super::model::Fleet;
use super::table::render_with;
use crate::controls::Verdict;
use crate::report::csv::records;
use crate::report::format::Format;
use crate::report::json;
use crate::report::table::Look;

impl Fleet {
    /// Renders the report; `None` for formats that have one cluster only.
    pub fn render(&self, format: Format) -> Option<String> {
        Some(match format {
            Format::Table => render_with(self, &Look::default()),
            Format::Json => json::render_any(self),
            Format::Csv => self.csv(),
            Format::Markdown => self.markdown(),
            Format::Html => html::render(self),
            _ => return None,
        })
    }

    /// A row for each control, with a verdict for each cluster.
    fn csv(&self) -> String {
        let matrix = Matrix::of(self);
        let fixed = ["control", "severity", "section", "title"].map(str::to_owned);
        let names = self.clusters.iter().map(|one| one.context.clone());
        let mut rows = vec![fixed.into_iter().chain(names).collect::<Vec<String>>()];
        for row in &matrix.rows {
            let fixed = [
                row.control.id.clone(),
                row.control.severity.name().into(),
                row.control.section.clone(),
                row.control.title.clone(),
            ];
            let cells = row.cells.iter().map(|cell| match cell {
                Some(verdict) => verdict.name().to_owned(),
                None => String::new(),
            });
            rows.push(fixed.into_iter().chain(cells).collect());
        }
        rows.into_iter().map(records).collect()
    }

    fn markdown(&self) -> String {
        let cell = |text: &str| printable::line(text).replace('|', "\\|").replace('<', "&lt;");
        let mut out = format!("# {}\n\n", self.status_line());
        out.push_str("| context | score | assessed | fail | problem |\n|---|---|---|---|---|\n");
        for one in &self.clusters {
            let [score, covered, fail] = one.report.as_ref().map_or_else(Default::default, |it| {
                let covered = format!("{} %", it.score.covered);
                [it.score.passed.to_string(), covered, it.summary.fail.to_string()]
            });
            let problem = cell(one.problem.as_deref().unwrap_or_default());
            let name = cell(&one.context);
            out.push_str(&format!("| {name} | {score} | {covered} | {fail} | {problem} |\n"));
        }
        let matrix = Matrix::of(self);
        let names: Vec<String> = self.audited().map(|(name, _)| cell(name)).collect();
        out.push_str(&format!(
            "\n| severity | control | finding | {} |\n|{}\n",
            names.join(" | "),
            "---|".repeat(names.len() + 3)
        ));
        for row in matrix.failing() {
            let cells = row.audited(self).map(|cell| cell.map_or("", Verdict::name));
            let cells: Vec<&str> = cells.collect();
            out.push_str(&format!(
                "| {} | {} | {} | {} |\n",
                row.control.severity.name(),
                cell(&row.control.id),
                cell(row.control.headline()),
                cells.join(" | ")
            ));
        }
        out
    }
}
