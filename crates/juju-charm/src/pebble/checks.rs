//! Checks of the plan.

use serde::Deserialize;
use serde_json::json;

use super::client::Client;
use super::error::Error;
use super::services::Startup;

/// Status of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are Pebble's")]
pub enum CheckStatus {
    Up,
    Down,
    Inactive,
}

/// A check.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// Name.
    pub name: String,
    /// `alive`, `ready`, or absent.
    #[serde(default)]
    pub level: Option<String>,
    /// Whether it is started by itself.
    #[serde(default)]
    pub startup: Option<Startup>,
    /// Its status.
    pub status: CheckStatus,
    /// Failures in a row.
    #[serde(default)]
    pub failures: u64,
    /// So many make it down.
    pub threshold: u64,
    /// The change that makes the check, or recovers it.
    #[serde(default)]
    pub change_id: Option<String>,
}

impl Client {
    /// Checks of a level, `alive` or `ready`, and of these names; all without either.
    pub fn checks(&self, level: Option<&str>, names: &[&str]) -> Result<Vec<Check>, Error> {
        let mut query: Vec<_> = level.map(|level| ("level", level)).into_iter().collect();
        query.extend(names.iter().map(|name| ("names", *name)));
        self.get("/v1/checks", &query)
    }

    /// Starts checks; those that were stopped are named in return.
    pub fn start_checks(&self, names: &[&str]) -> Result<Vec<String>, Error> {
        self.change_checks("start", names)
    }

    /// Stops checks; those that ran are named in return.
    pub fn stop_checks(&self, names: &[&str]) -> Result<Vec<String>, Error> {
        self.change_checks("stop", names)
    }

    fn change_checks(&self, action: &str, names: &[&str]) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Changed {
            changed: Option<Vec<String>>,
        }
        let body = json!({"action": action, "checks": names});
        let changed: Changed = self.post("/v1/checks", &body)?;
        Ok(changed.changed.unwrap_or_default())
    }
}
