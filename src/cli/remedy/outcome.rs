//! Plans as a person and a program read them, and what became of them.

use anyhow::bail;
use serde_json::Value;

use crate::cli::shared::print;
use crate::cli::terminal;
use crate::pipeline::EnforceOutcome;
use crate::remedies::Plan;

/// Shows a plan.
pub(super) fn show(plan: &Plan, left_out: Option<String>) -> anyhow::Result<()> {
    print(&terminal::prose(&shown(plan, left_out)))
}

/// A plan in words: its changes, what they reach, and what it leaves out.
pub(super) fn shown(plan: &Plan, left_out: Option<String>) -> String {
    let mut lines = plan.reach();
    lines.extend(left_out);
    match lines.as_slice() {
        [] => format!("{plan}\n"),
        lines => format!("{plan}\n\n{}\n", lines.join("\n")),
    }
}

/// A plan as JSON.
pub(super) fn data(plan: &Plan) -> Value {
    let texts = |lines: Vec<String>| Value::from(lines);
    let notes = plan.notes.iter().map(|(remedy, why)| format!("{remedy}: {why}"));
    serde_json::json!({
        "changes": plan.data(),
        "skipped": texts(notes.collect()),
        "heldBack": texts(plan.held_back.iter().map(ToString::to_string).collect()),
        "impact": texts(plan.reach()),
        "ignored": texts(plan.ignored.clone()),
    })
}

/// Fails if a change did.
pub(super) fn check(outcome: &EnforceOutcome) -> anyhow::Result<()> {
    match outcome.failures.is_empty() {
        true => Ok(()),
        false => bail!("{}", outcome.reasons().join("; ")),
    }
}
