//! The status in a line, with what to do next.

use juju_charm::{Status, status as juju_status};
use log::warn;

use super::absence::is_absence;
use super::fate::Fate;
use super::hook::Hook;
use super::issue::{StatusIssue, brief};
use super::removal;
use crate::config::UNTIL_CORRECTED;

/// Longest message, in characters.
const LONGEST: usize = 300;
/// As much of it as `juju status` shows.
const SHOWN: usize = 120;
/// As much of the worst issue, and of each other one: a command that fixes it still fits.
const FIRST: usize = 210;
const SHARED: usize = 130;
/// Most issues that are named.
const NAMED: usize = 3;

/// Sets the status if it changed or Juju has replaced it, and writes the state.
pub fn publish(mut hook: Hook<'_>, is_reset: bool) -> anyhow::Result<()> {
    let StatusIssue { status, message } = match hook.is_leader {
        true => decide(&hook),
        false => {
            hook.state.clear_issues();
            StatusIssue::active("standing by; the leader audits")
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

/// The leader's status: first what keeps it from its work, then what is open.
fn decide(hook: &Hook<'_>) -> StatusIssue {
    let (options, problems, state) = (&hook.options, &hook.option_problems, &hook.state);
    let more = match problems.len() {
        0 | 1 => String::new(),
        number => format!(" (and {} more)", number - 1),
    };
    let mut all = Vec::new();
    // What freezes everything comes before what waits.
    if let Some(first) = options.frozen.first() {
        let first = brief(&first.to_string(), SHOWN);
        all.push(StatusIssue::blocked(format!("{first}{more}; {UNTIL_CORRECTED}")));
    }
    all.extend(state.issues());
    if let Some(why) = state.unreachable() {
        return compose(all, StatusIssue::waiting(why));
    }
    let Some(audit) = state.audit() else {
        return compose(all, StatusIssue::waiting("waiting for the first audit"));
    };
    if let Some(first) = problems.first().filter(|_| !options.is_frozen()) {
        all.push(StatusIssue::blocked(format!("{}{more}", brief(&first.to_string(), 105))));
    }
    if audit.unread > 0 {
        all.push(StatusIssue::blocked(format!(
            "{} kinds of objects could not be read; juju trust {} --scope=cluster, or see get-report",
            audit.unread,
            hook.unit.application()
        )));
    }
    if let Some(why) = &audit.juju_problem {
        all.push(StatusIssue::blocked(format!("Juju: {why}")));
    }
    if let Some(why) = &audit.enforcement_problem {
        all.push(StatusIssue::blocked(format!("enforce: {why}")));
    }
    if let Some(why) = &audit.held_back {
        all.push(StatusIssue::active(format!("enforce: {why}")));
    }
    let is_blocking = options
        .block_on
        .is_some_and(|threshold| audit.worst.is_some_and(|worst| worst >= threshold));
    let status = if is_blocking { Status::Blocked } else { Status::Active };
    let message = format!("{}; juju run {} get-report", audit.summary, hook.unit.name);
    compose(all, StatusIssue { status, message })
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
