//! The report as JSON, and its JSON Schema.

use super::model::Report;

/// Renders a report as indented JSON, with a final newline; equal reports give equal bytes.
pub fn render(report: &Report) -> String {
    // A report has string keys only, so this cannot fail.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

/// JSON Schema of reports, as published in `docs/report-v1.schema.json`.
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Report)).unwrap_or_default();
    text.push('\n');
    text
}
