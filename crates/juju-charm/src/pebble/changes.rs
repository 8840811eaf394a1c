//! Changes, which Pebble works on after it has answered.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Client, Error};

/// The longest that one question may wait, as Pebble's own clients ask.
const ONE_WAIT: Duration = Duration::from_secs(4);

/// A change.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Change {
    /// Id.
    pub id: String,
    /// For example `replan` or `exec`.
    pub kind: String,
    /// A line about it.
    pub summary: String,
    /// For example `Doing`, `Done` or `Error`.
    pub status: String,
    /// Whether it has ended.
    pub ready: bool,
    /// Why it failed.
    #[serde(default)]
    pub err: Option<String>,
    /// Its steps.
    #[serde(default)]
    pub tasks: Vec<Task>,
}

/// A step of a change.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Task {
    /// Id.
    pub id: String,
    /// Kind.
    pub kind: String,
    /// A line about it.
    pub summary: String,
    /// Status.
    pub status: String,
    /// What it wrote, output of a service that failed among it.
    #[serde(default)]
    pub log: Vec<String>,
    /// What it found.
    #[serde(default)]
    pub data: Map<String, Value>,
}

impl Change {
    /// Why it failed, with the log of the tasks that did.
    pub fn error(&self) -> String {
        let mut lines = vec![self.err.clone().unwrap_or_else(|| self.summary.clone())];
        let failed = self.tasks.iter().filter(|t| t.status == "Error");
        lines.extend(failed.flat_map(|t| t.log.iter().cloned()));
        lines.join("\n")
    }
}

impl Client {
    /// A change by its id.
    pub fn change(&self, id: &str) -> Result<Change, Error> {
        self.get(&format!("/v1/changes/{id}"), &[])
    }

    /// Changes: `all`, `in-progress` or `ready`, perhaps of a service.
    pub fn changes(&self, select: &str, service: Option<&str>) -> Result<Vec<Change>, Error> {
        let mut query = vec![("select", select)];
        query.extend(service.map(|service| ("for", service)));
        self.get("/v1/changes", &query)
    }

    /// Asks a change to stop.
    pub fn abort_change(&self, id: &str) -> Result<Change, Error> {
        self.post(&format!("/v1/changes/{id}"), &json!({"action": "abort"}))
    }

    /// Waits until a change has ended, well or not.
    pub fn wait(&self, id: &str, deadline: Duration) -> Result<Change, Error> {
        let end = Instant::now() + deadline;
        let path = format!("/v1/changes/{id}/wait");
        loop {
            let left = end.saturating_duration_since(Instant::now()).min(ONE_WAIT);
            let seconds = format!("{:.3}s", left.as_secs_f64());
            let query = [("timeout", seconds.as_str())];
            let answer = self.ask("GET", &path, &query, None, left + ONE_WAIT)?;
            match super::accepted(answer.0, &answer.1) {
                Ok(envelope) => return super::result(&path, envelope.result),
                // Not yet.
                Err(Error::Refused { status: 504, .. }) if Instant::now() < end => {}
                Err(Error::Refused { status: 504, .. }) => {
                    return Err(Error::TimedOut {
                        socket: self.socket.clone(),
                        request: format!("change {id}"),
                    });
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Starts a change and waits; a change that fails is an error.
    pub(super) fn carry_out(&self, path: &str, body: &Value) -> Result<Change, Error> {
        let (id, _) = self.start(path, body)?;
        let change = self.wait(&id, Duration::from_secs(30))?;
        match &change.err {
            Some(err) if !err.is_empty() => Err(Error::Change(Box::new(change))),
            _ => Ok(change),
        }
    }
}
