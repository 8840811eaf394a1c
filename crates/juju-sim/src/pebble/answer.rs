//! What every answer is wrapped in.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A handler's answer.
pub(super) type Answer = Result<Response, Refusal>;

/// A refusal.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
    kind: &'static str,
}

impl Refusal {
    /// With a status of HTTP.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), kind: "" }
    }

    /// What was asked is wrong.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// There is no such thing.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// Pebble could not.
    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// The real one can.
    pub(super) fn not_simulated(what: &str) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, format!("juju-sim: {what} is not simulated"))
    }

    /// With a kind: `not-found`, `login-required`.
    pub(super) fn of_kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut result = json!({"message": self.message});
        if !self.kind.is_empty() {
            result["kind"] = self.kind.into();
        }
        envelope("error", self.status, Some(result))
    }
}

/// What was asked for.
pub(super) fn sync(result: impl Serialize) -> Answer {
    sync_of(StatusCode::OK, result)
}

/// What was asked for, with a status that says something about it.
pub(super) fn sync_of(status: StatusCode, result: impl Serialize) -> Answer {
    let result = serde_json::to_value(result).map_err(|e| Refusal::internal(e.to_string()))?;
    Ok(envelope("sync", status, Some(result)))
}

/// Nothing but that it was done.
pub(super) fn done() -> Answer {
    Ok(envelope("sync", StatusCode::OK, None))
}

/// A change has begun.
pub(super) fn started(change: &str, result: &Value) -> Answer {
    let status = StatusCode::ACCEPTED;
    let body = json!({
        "type": "async",
        "status-code": status.as_u16(),
        "status": status.canonical_reason(),
        "change": change,
        "result": result,
    });
    Ok((status, Json(body)).into_response())
}

fn envelope(kind: &str, status: StatusCode, result: Option<Value>) -> Response {
    let mut body = json!({
        "type": kind,
        "status-code": status.as_u16(),
        "status": status.canonical_reason(),
    });
    if let Some(result) = result {
        body["result"] = result;
    }
    (status, Json(body)).into_response()
}

/// A request's body, of services, checks and changes.
pub(super) fn decode_data<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        Refusal::bad_request(format!("cannot decode data from request body: {error}"))
    })
}

/// A request's body.
pub(super) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body)
        .map_err(|error| Refusal::bad_request(format!("cannot decode request body: {error}")))
}

/// The parameters of a request's address, each as often as it comes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The first of a name that is not empty.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.many(name).first().copied()
    }

    /// All of a name, which may be repeated, and hold several with commas between them.
    pub(super) fn many(&self, name: &str) -> Vec<&str> {
        let of_name = self.0.iter().filter(|(known, _)| known == name);
        of_name.flat_map(|(_, value)| value.split(',')).filter(|value| !value.is_empty()).collect()
    }

    /// A path: it may hold commas.
    pub(super) fn path(&self) -> &str {
        let path = self.0.iter().find(|(name, _)| name == "path");
        path.map_or("", |(_, value)| value)
    }

    /// How long to wait.
    pub(super) fn timeout(&self) -> Result<Option<std::time::Duration>, Refusal> {
        let Some(text) = self.one("timeout") else {
            return Ok(None);
        };
        match super::durations::parse(text) {
            Some(timeout) => Ok(Some(timeout)),
            None => Err(Refusal::bad_request(format!(
                "invalid timeout: time: invalid duration {text:?}"
            ))),
        }
    }
}
