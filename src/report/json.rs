//! The report as JSON, and its JSON Schema.

use super::Report;

/// Renders it, with a newline at the end; the same report gives the same bytes.
pub fn render(report: &Report) -> String {
    // A report has string keys only, so this cannot fail.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

/// The JSON Schema of reports, as it is published in `docs/report-v1.schema.json`.
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Report)).unwrap_or_default();
    text.push('\n');
    text
}
