//! Changes, which Pebble works on after it has answered.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::change::Change;
use super::client::{Client, accepted, result};
use super::error::Error;

/// The longest that one question may wait, as Pebble's own clients ask.
const ONE_WAIT: Duration = Duration::from_secs(4);

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
            match accepted(answer.0, &answer.1) {
                Ok(envelope) => return result(&path, envelope.result),
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
