//! The status in a line, with what to do next.

use juju_charm::Status;

use super::memory::Memory;
use crate::config::{OptionProblem, Options};

/// What a unit that is not the leader says.
pub fn standing_by() -> (Status, String) {
    (Status::Active, "standing by; the leader audits".into())
}

/// What the leader says: first what keeps it from its work, then what is open.
pub fn decide(
    unit: &str,
    options: &Options,
    problems: &[OptionProblem],
    memory: &Memory,
) -> (Status, String) {
    if let Some(why) = memory.unreachable() {
        return (Status::Waiting, why.to_owned());
    }
    let Some(audit) = memory.audit() else {
        return (Status::Waiting, "the first audit is to come".into());
    };
    let found = format!("{}; juju run {unit} get-report", audit.line);
    if let Some(first) = problems.first() {
        let more = match problems.len() {
            1 => String::new(),
            number => format!(" (and {} more)", number - 1),
        };
        return (Status::Blocked, format!("{first}{more}; {found}"));
    }
    if audit.unread > 0 {
        let application = unit.split('/').next().unwrap_or(unit);
        let message = format!(
            "{} kinds of objects could not be read; juju trust {application} --scope=cluster, or see get-report; {}",
            audit.unread, audit.line
        );
        return (Status::Blocked, message);
    }
    if let Some(why) = &audit.juju_problem {
        return (Status::Blocked, format!("Juju: {why}; {found}"));
    }
    if let Some(why) = &audit.enforcement_problem {
        return (Status::Blocked, format!("enforce: {why}; {found}"));
    }
    let found = match &audit.held_back {
        Some(why) => format!("enforce: {why}; {found}"),
        None => found,
    };
    let blocks = options
        .block_on
        .is_some_and(|threshold| audit.worst.is_some_and(|worst| worst >= threshold));
    (
        if blocks {
            Status::Blocked
        } else {
            Status::Active
        },
        found,
    )
}

/// The status with what keeps the charm from a part of its work, which comes first.
pub fn with_hindrance(
    (status, message): (Status, String),
    hindrance: (Status, String),
) -> (Status, String) {
    match hindrance {
        (Status::Blocked, why) => (Status::Blocked, format!("{why}; {message}")),
        // What blocks for another reason goes on blocking.
        (_, why) if status == Status::Blocked => (status, format!("{message}; {why}")),
        (waiting, why) => (waiting, format!("{why}; {message}")),
    }
}
