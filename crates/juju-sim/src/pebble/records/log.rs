//! The lines that services printed.

use std::collections::VecDeque;

use jiff::Timestamp;

/// Lines that are kept of all services together.
const KEPT: usize = 10_000;
/// Lines that tell why a service did not start.
const LAST: usize = 10;

/// A line.
pub(crate) struct Line {
    pub(crate) time: Timestamp,
    pub(crate) service: String,
    pub(crate) message: String,
}

/// All lines, oldest first.
#[derive(Default)]
pub(crate) struct Logs {
    pub(crate) lines: VecDeque<Line>,
    dropped: usize,
}

impl Logs {
    pub(crate) fn add(&mut self, service: &str, message: String) {
        self.lines.push_back(Line { time: Timestamp::now(), service: service.to_owned(), message });
        if self.lines.len() > KEPT {
            self.lines.pop_front();
            self.dropped += 1;
        }
    }

    /// Where the next line comes.
    pub(crate) fn end(&self) -> usize {
        self.dropped + self.lines.len()
    }

    /// The lines from a place on.
    pub(crate) fn since(&self, place: usize) -> impl Iterator<Item = &Line> {
        self.lines.iter().skip(place.saturating_sub(self.dropped))
    }

    /// The last lines of a service, each set in.
    pub(crate) fn last_output(&self, service: &str) -> String {
        let of_service = self.lines.iter().rev().filter(|l| l.service == service);
        let mut last: Vec<&str> = of_service.take(LAST).map(|l| l.message.as_str()).collect();
        last.reverse();
        format!("    {}", last.join("\n    "))
    }
}
