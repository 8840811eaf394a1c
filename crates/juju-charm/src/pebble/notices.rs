//! Notices, by which a workload or the charm itself makes Juju fire a hook.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::error::Error;

/// A notice.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Notice {
    /// Id.
    pub id: String,
    /// `custom`, `change-update` or another that Pebble makes itself.
    #[serde(rename = "type")]
    pub kind: String,
    /// For example `example.com/path`.
    pub key: String,
    /// Number of occurrences.
    pub occurrences: u64,
    /// When it was last given, RFC 3339.
    pub last_occurred: String,
    /// Data of the last occurrence.
    #[serde(default)]
    pub last_data: Map<String, Value>,
}

impl Client {
    /// Gives a custom notice; its key is like `example.com/path`. Within
    /// `repeat_after` of the last Juju is not reported again. Returns its id.
    pub fn notify(
        &self,
        key: &str,
        data: &Map<String, Value>,
        repeat_after: Option<Duration>,
    ) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Given {
            id: String,
        }
        let mut body = json!({"action": "add", "type": "custom", "key": key});
        if !data.is_empty() {
            body["data"] = json!(data);
        }
        if let Some(time) = repeat_after {
            body["repeat-after"] = json!(format!("{:.3}s", time.as_secs_f64()));
        }
        self.post("/v1/notices", &body).map(|given: Given| given.id)
    }

    /// A notice by its id.
    pub fn notice(&self, id: &str) -> Result<Notice, Error> {
        self.get(&format!("/v1/notices/{id}"), &[])
    }

    /// Notices of every user; only an administrator may ask.
    pub fn notices_of_all_users(&self) -> Result<Vec<Notice>, Error> {
        let found: Option<Vec<Notice>> = self.get("/v1/notices", &[("users", "all")])?;
        Ok(found.unwrap_or_default())
    }

    /// Notices of this user and public ones, of these types and keys; all without either.
    pub fn notices(&self, types: &[&str], keys: &[&str]) -> Result<Vec<Notice>, Error> {
        let types = types.iter().map(|kind| ("types", *kind));
        let keys = keys.iter().map(|key| ("keys", *key));
        let query: Vec<_> = types.chain(keys).collect();
        let found: Option<Vec<Notice>> = self.get("/v1/notices", &query)?;
        Ok(found.unwrap_or_default())
    }
}
