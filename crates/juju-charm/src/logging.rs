//! The unit's log: `juju-log`, as a logger of the crate `log`.

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::{printable, tool};

/// Writes records to Juju's log. Every user who may read the model may read it.
struct JujuLog {
    crates: &'static [&'static str],
}

/// Sends to Juju what these crates log, from this level on. What libraries log
/// is left out: each record is a process, and some log what they send.
pub fn init(level: LevelFilter, crates: &'static [&'static str]) {
    // It lives as long as the process; one that is there already stays.
    if log::set_boxed_logger(Box::new(JujuLog { crates })).is_ok() {
        log::set_max_level(level);
    }
}

impl Log for JujuLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let of_crate = metadata.target().split("::").next().unwrap_or_default();
        metadata.level() <= log::max_level() && self.crates.contains(&of_crate)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let level = match record.level() {
            Level::Error => "--log-level=ERROR",
            Level::Warn => "--log-level=WARNING",
            Level::Info => "--log-level=INFO",
            Level::Debug => "--log-level=DEBUG",
            Level::Trace => "--log-level=TRACE",
        };
        let message = record.args().to_string();
        // What others wrote must not begin a line of its own.
        let message = printable::line(&message);
        for part in parts(&message, tool::LONGEST_ARGUMENT) {
            if let Err(error) = tool::run("juju-log", &[level, "--", part]) {
                // Juju logs what goes to standard error as well.
                eprintln!("{error}: {part}");
            }
        }
    }

    fn flush(&self) {}
}

/// A message in parts of so many bytes at most, none of which splits a character.
fn parts(message: &str, longest: usize) -> Vec<&str> {
    let mut rest = message;
    let mut parts = Vec::new();
    while rest.len() > longest {
        let end = (1..=longest).rev().find(|end| rest.is_char_boundary(*end)).unwrap_or(longest);
        let (part, more) = rest.split_at(end);
        parts.push(part);
        rest = more;
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(rest);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn long_message_is_split_between_characters() {
        assert_eq!(parts("aébc", 2), ["a", "é", "bc"]);
        assert_eq!(parts("", 2), [""]);
        assert_eq!(parts("abcd", 2).concat(), "abcd");
    }
}
