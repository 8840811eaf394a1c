//! Bounds on what one object adds to a report.

use crate::controls::Finding;

/// Limit on findings of one object under one control.
const MOST_OF_ONE: usize = 50;
/// Limit on an object's name in bytes: names of most kinds have at most half of it, but RBAC names
/// may have any length.
const LONGEST_NAME: usize = 512;

/// Limits findings per object, so that one object cannot crowd out the others.
pub(super) fn limited(findings: Vec<Finding>) -> Vec<Finding> {
    let mut limited: Vec<Finding> = Vec::with_capacity(findings.len());
    let (mut of_one, mut omitted) = (0, 0);
    for mut finding in findings {
        let name = &mut finding.object.name;
        if name.len() > LONGEST_NAME {
            let end = (0..=LONGEST_NAME).rev().find(|end| name.is_char_boundary(*end));
            let digest = crate::digest(&*name);
            name.truncate(end.unwrap_or(0));
            name.push_str(&format!("…{digest}"));
        }
        // Findings are sorted by object.
        let is_same = limited.last().is_some_and(|last| last.object == finding.object);
        if !is_same {
            note_omitted(&mut limited, &mut omitted);
            of_one = 0;
        }
        of_one += 1;
        match of_one > MOST_OF_ONE {
            true => omitted += 1,
            false => limited.push(finding),
        }
    }
    note_omitted(&mut limited, &mut omitted);
    limited
}

/// Adds a finding with the number of omitted findings of the last object.
fn note_omitted(findings: &mut Vec<Finding>, omitted: &mut usize) {
    if let Some(last) = findings.last()
        && *omitted > 0
    {
        let note = Finding {
            object: last.object.clone(),
            field: "other fields".into(),
            seen: format!("{omitted} more findings of the same kind"),
            wanted: "none".into(),
            owner: last.owner.clone(),
        };
        findings.push(note);
        *omitted = 0;
    }
}
