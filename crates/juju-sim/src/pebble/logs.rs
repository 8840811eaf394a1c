//! What services printed: `/v1/logs`.

use axum::extract::{Query, State};
use axum::http::header;
use axum::response::IntoResponse as _;
use serde_json::json;

use super::answer::{Answer, Parameters, Refusal};
use super::records::log::Line;
use super::state::App;

/// Lines that are given to who does not say how many.
const USUAL: usize = 30;

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
