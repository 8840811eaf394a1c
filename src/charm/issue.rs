//! Problems of the unit, as its status shows them.

use std::fmt::Display;

use juju_charm::Status;

/// Most reasons that are named where many are alike, and the longest one in characters.
const REASONS: usize = 3;
const REASON: usize = 160;

/// A problem that the unit's status shows. Its text says what is wrong and what to do.
pub trait StatusProblem: Display {
    /// `blocked` if an operator must act, `waiting` if it is retried, `active` for advice.
    fn status(&self) -> Status;
}

impl<P: StatusProblem> From<P> for StatusIssue {
    fn from(problem: P) -> Self {
        Self { status: problem.status(), message: problem.to_string() }
    }
}

/// The text of a problem with its status, as the state stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusIssue {
    /// Status of the unit while the problem lasts.
    pub status: Status,
    /// One sentence: what is wrong and what to do.
    pub message: String,
}

#[cfg(test)]
impl StatusIssue {
    /// An operator must act.
    pub fn blocked(message: impl Into<String>) -> Self {
        Self { status: Status::Blocked, message: message.into() }
    }

    /// It is retried.
    pub fn waiting(message: impl Into<String>) -> Self {
        Self { status: Status::Waiting, message: message.into() }
    }

    /// The unit works, and there is advice.
    pub fn active(message: impl Into<String>) -> Self {
        Self { status: Status::Active, message: message.into() }
    }
}

/// Shortens a text to one line of at most `longest` characters: Juju prints a status with a line
/// break over the next unit.
pub fn brief(text: &str, longest: usize) -> String {
    let is_gap = |c: char| c.is_whitespace() || c.is_control();
    let words: Vec<&str> = text.split(is_gap).filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    if line.chars().count() <= longest {
        return line;
    }
    let cut: String = line.chars().take(longest.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

/// Joins the first of many reasons, and says how many more there are.
pub fn first_reasons(reasons: &[String]) -> String {
    let first = reasons.iter().take(REASONS).map(|why| brief(why, REASON));
    let mut all: Vec<String> = first.collect();
    let more = reasons.len().saturating_sub(REASONS);
    if more > 0 {
        all.push(format!("and {more} more"));
    }
    all.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_many_objects_are_three_and_a_number() {
        let reasons: Vec<String> = (0..2000).map(|n| format!("{n} {}", "x".repeat(900))).collect();
        let text = first_reasons(&reasons);
        assert!(text.len() < 600 && text.ends_with("; and 1997 more"), "{text}");
        assert_eq!(first_reasons(&reasons[..1]).chars().count(), REASON);
    }
}
