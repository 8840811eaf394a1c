//! Subjects that look like one who is not named: another case, kind or spelling.

use super::subject::Who;
use crate::facts::object::Object as _;
use crate::views::{Context, MissingFact};

/// Edits by which a name of a profile may differ to be reported.
const EDITS: usize = 2;

/// What names a subject that is nearly this one, a line each.
pub fn near_misses(context: &Context<'_>, who: &Who) -> Result<Vec<String>, MissingFact> {
    let mut found = Vec::new();
    match who {
        Who::Profile(name) => {
            for other in context.profile_namespaces()? {
                if *other != name && is_near(other, name) {
                    found.push(format!("there is a profile {other}"));
                }
            }
        }
        Who::Account { namespace, name } => {
            for account in context.service_accounts()? {
                let meta = &account.metadata;
                let is_here = *meta.namespace == *namespace.as_str();
                if meta.name == *name && !is_here
                    || is_here && meta.name != *name && is_near(&meta.name, name)
                {
                    found.push(format!(
                        "there is a service account {}/{}",
                        meta.namespace, meta.name
                    ));
                }
            }
            // Any namespace has one of this name.
            found.truncate(5);
        }
        Who::User(name) => named(context, "User", "Group", name, &mut found)?,
        Who::Group(name) => named(context, "Group", "User", name, &mut found)?,
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn named(
    context: &Context<'_>,
    kind: &str,
    other: &str,
    name: &str,
    found: &mut Vec<String>,
) -> Result<(), MissingFact> {
    let mut note = |object: &dyn std::fmt::Display, of: &str, seen: &str| {
        if of == kind && seen != name && seen.trim().to_lowercase() == name.trim().to_lowercase() {
            found.push(format!("{object} names {of} {seen:?}, which differs in case or spaces"));
        }
        if of == other && seen == name {
            found.push(format!("{object} names {of} {seen:?}, not {kind}"));
        }
    };
    for profile in context.profiles()? {
        let kind = match &*profile.spec.owner.kind {
            "" => "User",
            kind => kind,
        };
        note(&profile.reference(), kind, &profile.spec.owner.name);
    }
    for binding in context.cluster_role_bindings()? {
        let object = binding.reference();
        binding.subjects.iter().for_each(|of| note(&object, &of.kind, &of.name));
    }
    for binding in context.role_bindings()? {
        for of in &binding.subjects {
            if of.name.eq_ignore_ascii_case(name) || of.name.trim() == name.trim() {
                note(&binding.reference(), &of.kind, &of.name);
            }
        }
    }
    for policy in context.authorization_policies()? {
        let rules = policy.spec.rules.iter().flat_map(|rule| &rule.when);
        let values = rules.flat_map(|condition| condition.values.iter());
        for value in values.filter(|value| value.eq_ignore_ascii_case(name)) {
            note(&policy.reference(), "User", value);
        }
    }
    Ok(())
}

fn is_near(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || distance(one, other) <= EDITS.min(other.len() / 3)
}

/// Edits that make one text of another.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, sign) in one.chars().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (index, wanted) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(sign != *wanted);
            diagonal = row[index + 1];
            row[index + 1] = replaced.min(row[index] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_near_by_case_and_few_edits() {
        assert!(is_near("team-a", "Team-A") && is_near("team-ab", "team-a"));
        assert!(!is_near("ab", "ac") && !is_near("team-a", "other"));
        assert_eq!((distance("", "abc"), distance("kitten", "sitting")), (3, 3));
    }
}
