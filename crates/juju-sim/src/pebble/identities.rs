//! Who is known: `/v1/identities`.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{Answer, Refusal, decode, done, sync};
use super::state::App;

/// What somebody may; each more than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Access {
    Untrusted,
    Metrics,
    Read,
    Admin,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    access: Access,
    local: Option<Local>,
    basic: Option<Basic>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Local {
    user_id: u32,
}

#[derive(Clone, Deserialize)]
struct Basic {
    password: String,
}

/// Those that are known, by name.
#[derive(Default)]
pub(super) struct Identities(BTreeMap<String, Identity>);

impl Identities {
    pub(super) fn of_user(&self, user: u32) -> Option<Access> {
        let local = |identity: &&Identity| {
            let local = identity.local.as_ref();
            local.is_some_and(|local| local.user_id == user)
        };
        self.0.values().find(local).map(|found| found.access)
    }

    pub(super) fn of_password(&self, name: &str, password: &str) -> Option<Access> {
        let identity = self.0.get(name)?;
        let hash = &identity.basic.as_ref()?.password;
        sha_crypt::sha512_check(password, hash).is_ok().then_some(identity.access)
    }
}

#[derive(Deserialize)]
struct Request {
    action: String,
    #[serde(default)]
    identities: BTreeMap<String, Option<Identity>>,
}

/// `GET`: nobody is told a password.
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
