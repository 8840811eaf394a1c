//! A control as text.

use crate::catalog;
use crate::remedies::Remedy;

/// Describes a control as text: rationale, check, fix, mappings and remedies.
pub fn explain(control: &catalog::Control) -> String {
    let mut text = format!(
        "{} {}\nsection: {}\nseverity: {}\nread from: {}\n\n{}\n\nchecked: {}\n\nfix: {}\n\nmay break: {}\nworks on: {}\nevidence: {}\n{}\nwaive: {}\n\n",
        control.id,
        control.title,
        control.section,
        control.severity.name(),
        control.source.name(),
        control.why.trim(),
        control.check.trim(),
        control.fix.trim(),
        control.fix_breaks.trim(),
        control.fix_works_on,
        control.fix_proof,
        match control.kept.trim() {
            "" => String::new(),
            enforced => format!("\nby the charm: {enforced}\n"),
        },
        control.waive.trim(),
    );
    for limit in &control.limits {
        text.push_str(&format!(
            "limit of the platform, where {} is {}: {}\nissue: {}\nmitigation: {}\n\n",
            limit.field.trim(),
            limit.seen.trim(),
            limit.why.trim(),
            limit.issue.trim(),
            limit.mitigation.trim()
        ));
    }
    for line in control.mappings.in_words() {
        text.push_str(&line);
        text.push('\n');
    }
    let remedies: Vec<&str> = Remedy::of_control(&control.id).map(Remedy::name).collect();
    if !remedies.is_empty() {
        text.push_str(&format!("\nby remedy: ckf-hardening plan {}\n", remedies.join(" ")));
    }
    text
}
