//! What was asked and answered, for tests to look at; and where a call is interrupted.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use super::answer::Refusal;
use super::records::exchange::Exchange;
use super::state::App;
use crate::fault::{Absence, Interruption};

/// Notes an exchange, and does to it what a sweep wants.
pub(super) async fn note(State(app): State<App>, request: Request, next: Next) -> Response {
    let (method, target) = (request.method().to_string(), request.uri().to_string());
    let name = format!("pebble {method} {}", request.uri().path());
    let (parts, body) = request.into_parts();
    // A body that breaks off is that of a client that was killed.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let sent = json_of(&body);
    let interruption = app.link.as_ref().and_then(|link| link.interruption(&name));
    if app.link.as_ref().and_then(|link| link.absence(&name)) == Some(Absence::Disconnected) {
        return refused();
    }
    let kill = || {
        if let Some(link) = &app.link {
            link.kill();
        }
    };
    let answer = match interruption {
        Some(Interruption::KillBefore) => {
            kill();
            return refused();
        }
        Some(Interruption::Refuse) => return refused(),
        _ => next.run(Request::from_parts(parts, Body::from(body))).await,
    };
    let status = answer.status();
    let (answer, said) = match status {
        // A websocket's answer goes on.
        StatusCode::SWITCHING_PROTOCOLS => (answer, Bytes::new()),
        _ => {
            let (parts, body) = answer.into_parts();
            let said = to_bytes(body, usize::MAX).await.unwrap_or_default();
            (Response::from_parts(parts, Body::from(said.clone())), said)
        }
    };
    app.lock().exchanges.push(Exchange {
        method,
        target,
        body: sent,
        status: status.as_u16(),
        answer: json_of(&said),
    });
    match interruption {
        Some(Interruption::KillAfter) => {
            kill();
            refused()
        }
        Some(Interruption::Lose) => refused(),
        _ => answer,
    }
}

fn refused() -> Response {
    Refusal::internal("juju-sim: the call was interrupted").into_response()
}

/// A body, or the JSON in one of several parts.
fn json_of(body: &Bytes) -> Option<Value> {
    if let Ok(value) = serde_json::from_slice(body) {
        return Some(value);
    }
    let mut lines = body.split(|byte| *byte == b'\n');
    let is_object = |line: &&[u8]| line.starts_with(b"{");
    serde_json::from_slice(lines.find(is_object)?).ok()
}
