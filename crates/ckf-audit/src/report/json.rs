//! The report as JSON, and its JSON Schema.

use super::fleet::Fleet;
use super::model::Report;

/// Renders a report as indented JSON, with a final newline; equal reports give equal bytes.
pub fn render(report: &Report) -> String {
    render_any(report)
}

/// Renders data of string keys only, which cannot fail.
pub(super) fn render_any(data: &impl serde::Serialize) -> String {
    let mut text = serde_json::to_string_pretty(data).unwrap_or_default();
    text.push('\n');
    text
}

/// JSON Schema of reports, as published in `docs/report-v1.schema.json`.
pub fn schema() -> String {
    render_any(&schemars::schema_for!(Report))
}

/// JSON Schema of reports of several clusters, as published in `docs/fleet-v1.schema.json`.
pub fn fleet_schema() -> String {
    render_any(&schemars::schema_for!(Fleet))
}
