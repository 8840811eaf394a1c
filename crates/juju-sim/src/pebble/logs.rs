//! What services printed: `/v1/logs`.

use std::collections::VecDeque;

use axum::extract::{Query, State};
use axum::http::header;
use axum::response::IntoResponse as _;
use jiff::Timestamp;
use serde_json::json;

use super::answer::{Answer, Parameters, Refusal};
use super::state::App;

/// Lines that are kept of all services together.
const KEPT: usize = 10_000;
/// Lines that tell why a service did not start.
const LAST: usize = 10;
/// Lines that are given to who does not say how many.
const USUAL: usize = 30;

/// A line.
pub(super) struct Line {
    pub(super) time: Timestamp,
    pub(super) service: String,
    pub(super) message: String,
}

/// All lines, oldest first.
#[derive(Default)]
pub(super) struct Logs {
    lines: VecDeque<Line>,
    dropped: usize,
}

impl Logs {
    pub(super) fn add(&mut self, service: &str, message: String) {
        self.lines.push_back(Line { time: Timestamp::now(), service: service.to_owned(), message });
        if self.lines.len() > KEPT {
            self.lines.pop_front();
            self.dropped += 1;
        }
    }

    /// Where the next line comes.
    pub(super) fn end(&self) -> usize {
        self.dropped + self.lines.len()
    }

    /// The lines from a place on.
    pub(super) fn since(&self, place: usize) -> impl Iterator<Item = &Line> {
        self.lines.iter().skip(place.saturating_sub(self.dropped))
    }

    /// The last lines of a service, each set in.
    pub(super) fn last_output(&self, service: &str) -> String {
        let of_service = self.lines.iter().rev().filter(|l| l.service == service);
        let mut last: Vec<&str> = of_service.take(LAST).map(|l| l.message.as_str()).collect();
        last.reverse();
        format!("    {}", last.join("\n    "))
    }
}

/// `GET`: a JSON object a line.
pub(super) async fn get(State(app): State<App>, Query(parameters): Query<Parameters>) -> Answer {
    if parameters.one("follow") == Some("true") {
        return Err(Refusal::not_simulated("following a log"));
    }
    let number: i64 = match parameters.one("n") {
        None => USUAL as i64,
        Some(text) => text.parse().map_err(|_| {
            Refusal::bad_request(format!("n must be a valid integer, not {text:?}"))
        })?,
    };
    let services = parameters.many("services");
    let state = app.lock();
    let is_asked = |line: &&Line| services.is_empty() || services.contains(&line.service.as_str());
    let asked: Vec<&Line> = state.logs.lines.iter().filter(is_asked).collect();
    // A negative number is all.
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    let text: String = asked[asked.len().saturating_sub(number)..]
        .iter()
        .map(|line| {
            let time = line.time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
            let line = json!({"time": time, "service": line.service, "message": line.message});
            format!("{line}\n")
        })
        .collect();
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], text).into_response())
}
