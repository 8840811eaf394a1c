//! Who is known: `/v1/identities`.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal, decode, done, sync};
use super::records::identity::Identity;
use super::state::App;

#[derive(Deserialize)]
struct Request {
    action: String,
    #[serde(default)]
    identities: BTreeMap<String, Option<Identity>>,
}

/// `GET`: without passwords.
pub(super) async fn list(State(app): State<App>) -> Answer {
    let state = app.lock();
    let shown = state.identities.0.iter().map(|(name, identity)| {
        let mut shown = json!({"access": identity.access});
        if let Some(local) = &identity.local {
            shown["local"] = json!(local);
        }
        if identity.basic.is_some() {
            shown["basic"] = json!({"password": "*****"});
        }
        (name.clone(), shown)
    });
    sync(shown.collect::<BTreeMap<String, Value>>())
}

/// `POST`.
pub(super) async fn change(State(app): State<App>, body: Bytes) -> Answer {
    let request: Request = decode(&body)?;
    let mut state = app.lock();
    let known = &mut state.identities.0;
    let action = request.action.as_str();
    let is_known = |name: &&String| known.contains_key(*name);
    let (present, absent): (Vec<&String>, Vec<&String>) =
        request.identities.keys().partition(is_known);
    let names = |names: &[&String]| {
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        names.join(", ")
    };
    match action {
        "add" if !present.is_empty() => {
            Err(Refusal::bad_request(format!("identities already exist: {}", names(&present))))
        }
        "update" | "remove" if !absent.is_empty() => {
            Err(Refusal::bad_request(format!("identities do not exist: {}", names(&absent))))
        }
        "add" | "update" | "replace" | "remove" => {
            for (name, identity) in request.identities {
                match identity {
                    Some(identity) if action != "remove" => known.insert(name, identity),
                    // To replace one by nothing removes it too.
                    _ => known.remove(&name),
                };
            }
            done()
        }
        other => Err(Refusal::bad_request(format!("invalid action {other:?}"))),
    }
}
