//! The status in a line, with what to do next.

use juju_charm::Status;

use super::memory::Memory;
use crate::config::{OptionProblem, Options, UNTIL_CORRECTED};

/// Longest message, in characters.
const LONGEST: usize = 300;
/// As much of it as `juju status` shows.
const SHOWN: usize = 120;
/// As much of the worst hindrance, and of each other: a command that cures it still fits.
const FIRST: usize = 210;
const SHARED: usize = 130;
/// Most hindrances that are named.
const NAMED: usize = 3;

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
    let more = match problems.len() {
        0 | 1 => String::new(),
        number => format!(" (and {} more)", number - 1),
    };
    let blocked = |why: String| (Status::Blocked, why);
    let mut all = Vec::new();
    // What nothing is changed for comes before what waits.
    if let Some(first) = options.frozen.first() {
        let first = brief(&first.to_string(), SHOWN);
        all.push(blocked(format!("{first}{more}; {UNTIL_CORRECTED}")));
    }
    all.extend(memory.hindrances());
    if let Some(why) = memory.unreachable() {
        return compose(all, (Status::Waiting, why.to_owned()));
    }
    let Some(audit) = memory.audit() else {
        let why = "the first audit is to come".into();
        return compose(all, (Status::Waiting, why));
    };
    if let Some(first) = problems.first().filter(|_| !options.is_frozen()) {
        all.push(blocked(format!("{}{more}", brief(&first.to_string(), 105))));
    }
    if audit.unread > 0 {
        let application = unit.split('/').next().unwrap_or(unit);
        all.push(blocked(format!(
            "{} kinds of objects could not be read; juju trust {application} --scope=cluster, or see get-report",
            audit.unread
        )));
    }
    if let Some(why) = &audit.juju_problem {
        all.push(blocked(format!("Juju: {why}")));
    }
    if let Some(why) = &audit.enforcement_problem {
        all.push(blocked(format!("enforce: {why}")));
    }
    if let Some(why) = &audit.held_back {
        all.push((Status::Active, format!("enforce: {why}")));
    }
    let blocks = options
        .block_on
        .is_some_and(|threshold| audit.worst.is_some_and(|worst| worst >= threshold));
    let status = match blocks {
        true => Status::Blocked,
        false => Status::Active,
    };
    let found = format!("{}; juju run {unit} get-report", audit.line);
    compose(all, (status, found))
}

/// A message in which what hinders comes first, the worst before the others, and then what is
/// open: `juju status` shows the beginning only.
fn compose(
    mut hindrances: Vec<(Status, String)>,
    (status, found): (Status, String),
) -> (Status, String) {
    hindrances.sort_by_key(|(status, _)| *status != Status::Blocked);
    hindrances.dedup();
    let status = match hindrances.first() {
        // What blocks for another reason goes on blocking.
        Some((first, _)) if status != Status::Blocked => *first,
        _ => status,
    };
    let more = hindrances.len().saturating_sub(NAMED);
    let mut parts: Vec<String> = hindrances
        .iter()
        .take(NAMED)
        .enumerate()
        .map(|(index, (_, why))| match index {
            0 => brief(why, FIRST),
            _ => brief(why, SHARED),
        })
        .collect();
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    parts.push(found);
    (status, brief(&parts.join("; "), LONGEST))
}

/// A text in one line of so many characters at most: Juju prints a status with a line break
/// over the next unit.
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

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: (Status, &str) = (Status::Active, "4 high open; juju run x/0 get-report");

    fn say(hindrances: &[(Status, &str)]) -> (Status, String) {
        let own = |(status, text): &(Status, &str)| (*status, (*text).to_owned());
        compose(hindrances.iter().map(own).collect(), own(&FOUND))
    }

    #[test]
    fn status_with_hindrance_shows_it_within_what_juju_status_prints() {
        let long = "the certificate request of istio-pilot/0 is refused ".repeat(20);
        for hindrances in [
            &[(Status::Waiting, "loki is slow"), (Status::Blocked, "no login")][..],
            &[(Status::Waiting, long.as_str()), (Status::Blocked, "no login")],
        ] {
            let (status, message) = say(hindrances);
            assert_eq!(status, Status::Blocked);
            assert!(message.starts_with("no login; "), "{message}");
            assert!(message.chars().count() <= LONGEST, "{message}");
        }
        let (status, message) = say(&[(Status::Waiting, "loki is slow")]);
        let wanted = "loki is slow; 4 high open; juju run x/0 get-report";
        assert_eq!((status, message.as_str()), (Status::Waiting, wanted));
    }

    #[test]
    fn status_of_anything_is_one_line_and_bounded() {
        let many: Vec<(Status, String)> = (0..2000)
            .map(|n| (Status::Blocked, format!("refused {n}\n\u{1b}[2K{}", "é".repeat(500))))
            .collect();
        let (_, message) = compose(many, (Status::Active, "fine".into()));
        assert!(message.chars().count() <= LONGEST);
        assert!(!message.contains(|c: char| c.is_control()), "{message:?}");
        assert_eq!(brief("a\nb\t c ", 9), "a b c");
        assert_eq!(brief("ééééé", 3), "éé…");
    }
}
