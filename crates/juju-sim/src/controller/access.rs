//! Levels of access to a model or the controller: granted and revoked.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::reply::{Reply, refuse};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Change {
    pub(super) user_tag: String,
    pub(super) action: String,
    pub(super) access: String,
    #[serde(default)]
    pub(super) model_tag: String,
}

#[derive(Deserialize)]
pub(super) struct Changes {
    #[serde(default)]
    pub(super) changes: Vec<Change>,
}

/// Grants a level, or takes it and those above it.
pub(super) fn modify(
    users: &mut BTreeMap<String, String>,
    user: &str,
    action: &str,
    levels: &[&str],
    level: usize,
) -> Reply {
    let has = users.get(user).and_then(|a| levels.iter().position(|l| l == a));
    match action {
        "grant" if has.is_some_and(|has| has >= level) => {
            let text = levels[level];
            refuse(format!("user {user:?} already has {text:?} access or greater"), "")
        }
        "grant" => {
            users.insert(user.into(), levels[level].into());
            Ok(json!({}))
        }
        "revoke" => {
            if has.is_some_and(|has| has >= level) {
                match level {
                    0 => users.remove(user),
                    level => users.insert(user.into(), levels[level - 1].into()),
                };
            }
            Ok(json!({}))
        }
        other => refuse(format!("unknown action {other:?}"), ""),
    }
}
