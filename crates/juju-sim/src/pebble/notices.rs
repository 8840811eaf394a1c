//! Notices: `/v1/notices`. Changes make notices of their own.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, Query, State};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::access::Peer;
use super::answer::{Answer, Parameters, Refusal, decode, sync};
use super::durations;
use super::records::identity::Access;
use super::records::notice::Filter;
use super::records::options::Happened;
use super::state::App;

/// The longest key.
const KEY: usize = 256;
/// The largest data, in bytes.
const DATA: usize = 4096;

/// `GET`, and waits for one if the query asks for it.
pub(super) async fn list(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Query(parameters): Query<Parameters>,
) -> Answer {
    let user = match parameters.one("users") {
        None => Some(peer.user()),
        Some("all") if app.lock().access(peer, None) == Access::Admin => None,
        Some("all") => {
            let refusal = "only admins may use the \"users\" filter";
            return Err(Refusal::new(axum::http::StatusCode::FORBIDDEN, refusal));
        }
        Some(_) => return Err(Refusal::bad_request("invalid \"users\" filter")),
    };
    let after = parameters.one("after").map(str::parse).transpose();
    let filter = Filter {
        user,
        kinds: parameters.many("types"),
        keys: parameters.many("keys"),
        after: after.map_err(|_| Refusal::bad_request("invalid \"after\" timestamp"))?,
    };
    let deadline = parameters.timeout()?.map(|wait| Instant::now() + wait);
    let mut changed = app.changed();
    loop {
        let asked = app.lock().notices.asked(&filter);
        let Some(deadline) = deadline.filter(|_| asked.is_empty()) else {
            return sync(asked);
        };
        let waited = tokio::time::timeout_at(deadline, changed.changed()).await;
        if waited.is_err() {
            return sync(asked);
        }
    }
}

/// `GET` of one.
pub(super) async fn get(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(id): Path<String>,
) -> Answer {
    let state = app.lock();
    let all = Filter {
        user: (state.access(peer, None) != Access::Admin).then(|| peer.user()),
        kinds: Vec::new(),
        keys: Vec::new(),
        after: None,
    };
    let found = state.notices.0.iter().find(|n| n.id.to_string() == id);
    match found.filter(|notice| all.takes(notice)) {
        Some(notice) => sync(notice.to_json()),
        None => Err(Refusal::not_found(format!("cannot find notice with ID {id:?}"))),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct NoticeRequest {
    action: String,
    #[serde(rename = "type")]
    kind: String,
    key: String,
    #[serde(default)]
    repeat_after: String,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

/// `POST`: a client records a custom notice.
pub(super) async fn tell(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Bytes,
) -> Answer {
    let request: NoticeRequest = decode(&body)?;
    if request.action != "add" {
        return Err(Refusal::bad_request(format!("invalid action {:?}", request.action)));
    }
    if request.kind != "custom" {
        return Err(Refusal::bad_request(format!(
            "invalid type {:?} (can only add \"custom\" notices)",
            request.kind
        )));
    }
    if request.key.len() > KEY || !is_key(&request.key) {
        return Err(Refusal::bad_request(format!(
            "invalid key {:?} (must be in \"example.com/path\" format)",
            request.key
        )));
    }
    let size: usize = request.data.iter().map(|(k, v)| k.len() + v.len()).sum();
    if size > DATA {
        return Err(Refusal::bad_request(format!(
            "total size of data must be {DATA} bytes or less"
        )));
    }
    let repeat_after = match request.repeat_after.as_str() {
        "" => Duration::ZERO,
        text => durations::parse(text)
            .ok_or_else(|| Refusal::bad_request(format!("invalid repeat-after: {text:?}")))?,
    };
    let data = request.data.into_iter().map(|(k, v)| (k, v.into())).collect();
    let mut state = app.lock();
    let (id, is_repeated) =
        state.notices.occurred(peer.user(), "custom", &request.key, data, repeat_after);
    if is_repeated {
        state.happened.push(Happened::Notice { id: id.to_string(), key: request.key });
    }
    state.note();
    sync(json!({"id": id.to_string()}))
}

/// A domain of two parts or more, then a path.
fn is_key(key: &str) -> bool {
    let words = |text: &str, between: char| {
        text.split(between).all(|word| {
            let mut parts = word.split('-');
            parts.all(|part| {
                let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
                !part.is_empty() && part.chars().all(is_plain)
            })
        })
    };
    let Some((domain, path)) = key.split_once('/') else {
        return false;
    };
    domain.contains('.') && words(domain, '.') && words(path, '/')
}

#[cfg(test)]
mod tests {
    use super::is_key;

    #[test]
    fn notice_key_is_a_domain_and_a_path() {
        for key in ["example.com/path", "a-b.example.com/x/y-z", "1.2/3"] {
            assert!(is_key(key), "{key}");
        }
        for key in ["badkey", "example/path", "example.com/", "Example.com/x", "a..b/c", "a.b/c_d"]
        {
            assert!(!is_key(key), "{key}");
        }
    }
}
