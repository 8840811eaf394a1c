//! Security events, as lines of JSON in OWASP's logging vocabulary: on standard output,
//! which Pebble forwards to Loki, and to subscribers.

use std::io::{IsTerminal as _, Write as _};

use juju_charm::printable::line;
use serde::Serialize;

/// An event.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// When, RFC 3339.
    pub datetime: String,
    /// The application that emits it.
    pub appid: &'static str,
    /// In OWASP's vocabulary: `NAME:DETAILS`.
    pub event: String,
    /// `INFO`, `WARN` or `CRITICAL`.
    pub level: &'static str,
    /// In words.
    pub description: String,
}

impl Event {
    /// An event of now.
    pub fn new(
        event: impl Into<String>,
        level: &'static str,
        description: impl Into<String>,
    ) -> Self {
        Self {
            datetime: crate::now().to_string(),
            appid: "ckf-hardening",
            event: event.into(),
            level,
            description: description.into(),
        }
    }

    /// Its line.
    pub fn line(&self) -> String {
        // Text only, so this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Writes it to standard output. One that is closed is no reason to end.
    pub fn write(&self) {
        let mut out = std::io::stdout().lock();
        let text = match out.is_terminal() {
            true => format!("{}  {:8}  {}", self.datetime, self.level, line(&self.description)),
            false => self.line(),
        };
        let _ = writeln!(out, "{text}");
    }
}

/// Writes a line to a terminal, and nothing elsewhere.
pub fn for_people(text: &str) {
    let mut out = std::io::stdout().lock();
    if out.is_terminal() {
        let _ = writeln!(out, "{text}");
    }
}

/// Writes an event of no further interest than the log.
pub fn say(event: &str, description: &str) {
    Event::new(event, "INFO", description).write();
}
