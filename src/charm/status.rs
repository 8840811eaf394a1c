//! The status in a line, with what to do next.

use juju_charm::{Status, status as juju_status};
use log::warn;

use super::absence::is_absence;
use super::fate::Fate;
use super::hook::Hook;
use super::issue::{StatusIssue, StatusProblem, brief};
use super::removal;
use crate::config::UNTIL_CORRECTED;

/// Longest message, in characters.
const LONGEST: usize = 300;
/// As much of it as `juju status` shows.
const SHOWN: usize = 120;
/// As much of the worst issue, and of each other one: a command that fixes it still fits.
const FIRST: usize = 210;
const SHARED: usize = 130;
/// As much of a problem with an option.
const OPTION: usize = 105;
/// Most issues that are named.
const NAMED: usize = 3;

/// Sets the status if it changed or Juju has replaced it, and writes the state.
pub fn publish(mut hook: Hook<'_>, is_reset: bool) -> anyhow::Result<()> {
    let StatusIssue { status, message } = match hook.is_leader {
        true => decide(&hook),
        false => {
            hook.state.clear_issues();
            UnitStatus::StandingBy.into()
        }
    };
    let is_new = is_reset || !hook.state.is_status(status, &message);
    // Of a unit that is being removed and is blocked, Juju removes relations before their hooks.
    if is_new && status == Status::Blocked && !hook.state.is_going() {
        let fate = Fate::of(hook.unit);
        if fate.is_going() {
            return removal::leave(hook.unit, &mut hook.state, fate);
        }
    }
    if is_new && !hook.state.is_going() {
        match juju_status::set(status, &message) {
            Ok(()) => hook.state.set_status(status, &message),
            Err(error) if error.is_absence() => warn!("the status could not be set: {error}"),
            Err(error) => return Err(error.into()),
        }
    }
    match hook.state.write() {
        Err(error) if is_absence(&error) => {
            warn!("{error:#}");
            Ok(())
        }
        result => result,
    }
}

/// What the leader's status may say, apart from the problems of steps.
#[derive(Debug, thiserror::Error)]
enum UnitStatus<'a> {
    /// This unit does not lead.
    #[error("standing by; the leader audits")]
    StandingBy,
    /// An option is wrong, and nothing is done by any.
    #[error("{}{}; {UNTIL_CORRECTED}", brief(.0, SHOWN), others(*.1))]
    Frozen(String, usize),
    /// Options are wrong: the first, and how many others.
    #[error("{}{}", brief(.0, OPTION), others(*.1))]
    Options(String, usize),
    /// The cluster could not be read.
    #[error("{0}")]
    Unreachable(&'a str),
    /// There is no audit yet.
    #[error("waiting for the first audit")]
    NoAudit,
    /// Kinds of objects could not be read.
    #[error(
        "{kinds} kinds of objects could not be read; juju trust {application} --scope=cluster, or \
         see get-report"
    )]
    Unread { kinds: usize, application: &'a str },
    /// The controller could not be read.
    #[error("Juju: {0}")]
    Controller(&'a str),
    /// The option `enforce` is not in force.
    #[error("enforce: {0}")]
    NotEnforced(&'a str),
    /// Changes of the option `enforce` wait for consent.
    #[error("enforce: {0}")]
    HeldBack(&'a str),
    /// The findings of the last audit, which block the unit or do not.
    #[error("{summary}; juju run {unit} get-report")]
    Findings { summary: &'a str, unit: &'a str, is_blocking: bool },
}

impl StatusProblem for UnitStatus<'_> {
    fn status(&self) -> Status {
        match self {
            Self::Frozen(..) | Self::Options(..) | Self::Unread { .. } => Status::Blocked,
            Self::Controller(_) | Self::NotEnforced(_) => Status::Blocked,
            Self::Unreachable(_) | Self::NoAudit => Status::Waiting,
            Self::StandingBy | Self::HeldBack(_) => Status::Active,
            Self::Findings { is_blocking: true, .. } => Status::Blocked,
            Self::Findings { .. } => Status::Active,
        }
    }
}

/// How many problems there are beside the one that is named.
fn others(number: usize) -> String {
    match number {
        0 => String::new(),
        _ => format!(" (and {number} more)"),
    }
}

/// The leader's status: first what keeps it from its work, then what is open.
fn decide(hook: &Hook<'_>) -> StatusIssue {
    let (options, problems, state) = (&hook.options, &hook.option_problems, &hook.state);
    let others = problems.len().saturating_sub(1);
    let mut all: Vec<StatusIssue> = Vec::new();
    // What freezes everything comes before what waits.
    if let Some(first) = options.frozen.first() {
        all.push(UnitStatus::Frozen(first.to_string(), others).into());
    }
    all.extend(state.issues());
    if let Some(why) = state.unreachable() {
        return compose(all, UnitStatus::Unreachable(why).into());
    }
    let Some(audit) = state.audit() else {
        return compose(all, UnitStatus::NoAudit.into());
    };
    if let Some(first) = problems.first().filter(|_| !options.is_frozen()) {
        all.push(UnitStatus::Options(first.to_string(), others).into());
    }
    if audit.unread > 0 {
        let application = hook.unit.application();
        all.push(UnitStatus::Unread { kinds: audit.unread, application }.into());
    }
    let optional = [
        audit.juju_problem.as_deref().map(UnitStatus::Controller),
        audit.enforcement_problem.as_deref().map(UnitStatus::NotEnforced),
        audit.held_back.as_deref().map(UnitStatus::HeldBack),
    ];
    all.extend(optional.into_iter().flatten().map(StatusIssue::from));
    let is_blocking = options
        .block_on
        .is_some_and(|threshold| audit.worst.is_some_and(|worst| worst >= threshold));
    let (summary, unit) = (audit.summary.as_str(), hook.unit.name.as_str());
    compose(all, UnitStatus::Findings { summary, unit, is_blocking }.into())
}

/// One status of several issues, the worst first, and then what is open: `juju status` shows the
/// beginning only.
fn compose(mut issues: Vec<StatusIssue>, open: StatusIssue) -> StatusIssue {
    // Advice comes last.
    issues.sort_by_key(|issue| match issue.status {
        Status::Blocked => 0,
        Status::Active => 2,
        _ => 1,
    });
    issues.dedup();
    let status = match issues.first() {
        // What blocks for another reason goes on blocking.
        Some(first) if open.status != Status::Blocked => first.status,
        _ => open.status,
    };
    let more = issues.len().saturating_sub(NAMED);
    let named = issues.iter().take(NAMED).enumerate();
    let mut parts: Vec<String> = named
        .map(|(index, issue)| match index {
            0 => brief(&issue.message, FIRST),
            _ => brief(&issue.message, SHARED),
        })
        .collect();
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    parts.push(open.message);
    StatusIssue { status, message: brief(&parts.join("; "), LONGEST) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status_of(issues: Vec<StatusIssue>) -> StatusIssue {
        compose(issues, StatusIssue::active("4 high open; juju run x/0 get-report"))
    }

    #[test]
    fn status_with_issues_shows_the_worst_within_what_juju_status_prints() {
        let long = "the certificate request of istio-pilot/0 is refused ".repeat(20);
        for waiting in ["loki is slow", &long] {
            let issues = vec![StatusIssue::waiting(waiting), StatusIssue::blocked("no login")];
            let StatusIssue { status, message } = status_of(issues);
            assert_eq!(status, Status::Blocked);
            assert!(message.starts_with("no login; "), "{message}");
            assert!(message.chars().count() <= LONGEST, "{message}");
        }
        let expected = "loki is slow; 4 high open; juju run x/0 get-report";
        let status = status_of(vec![StatusIssue::waiting("loki is slow")]);
        assert_eq!(status, StatusIssue::waiting(expected));
    }

    #[test]
    fn status_of_any_text_is_one_line_and_bounded() {
        let text = |n| format!("refused {n}\n\u{1b}[2K{}", "é".repeat(500));
        let many = (0..2000).map(|n| StatusIssue::blocked(text(n)));
        let StatusIssue { message, .. } = compose(many.collect(), StatusIssue::active("fine"));
        assert!(message.chars().count() <= LONGEST);
        assert!(!message.contains(|c: char| c.is_control()), "{message:?}");
        assert_eq!(brief("a\nb\t c ", 9), "a b c");
        assert_eq!(brief("ééééé", 3), "éé…");
    }
}
