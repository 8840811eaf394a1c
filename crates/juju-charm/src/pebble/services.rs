//! Layers, the plan that they make, and its services.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::change::Change;
use super::client::{Client, accepted};
use super::error::Error;

/// Timeout of adding a layer.
const LAYER_DEADLINE: Duration = Duration::from_millis(1500);

/// Whether a service is started by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are Pebble's")]
pub enum Startup {
    Enabled,
    Disabled,
}

/// State of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are Pebble's")]
pub enum Current {
    Active,
    Inactive,
    Backoff,
    Error,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Service {
    /// Name.
    pub name: String,
    /// Whether it is started by itself.
    pub startup: Startup,
    /// Its state.
    pub current: Current,
}

impl Client {
    /// The plan: all layers, one over the other, as YAML.
    pub fn plan(&self) -> Result<String, Error> {
        self.get("/v1/plan", &[("format", "yaml")])
    }

    /// Adds a layer, YAML, with services, checks and log targets. With `combine` it
    /// goes into the layer of that label; without, such a layer is an error.
    ///
    /// Pebble answers when it has sent what it still has for its log targets. That takes up to ten
    /// seconds where one does not answer, and the layer holds before it; so the wait is short,
    /// and its end is no error.
    pub fn add_layer(&self, label: &str, yaml: &str, combine: bool) -> Result<(), Error> {
        let layer = json!({
            "action": "add", "combine": combine, "label": label, "format": "yaml", "layer": yaml,
        });
        match self.ask("POST", "/v1/layers", &[], Some(&layer), LAYER_DEADLINE) {
            Ok((status, text)) => accepted(status, &text).map(drop),
            Err(Error::TimedOut { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Services of these names, or all.
    pub fn services(&self, names: &[&str]) -> Result<Vec<Service>, Error> {
        let names = names.join(",");
        let query = [("names", names.as_str())];
        let query = if names.is_empty() { &[][..] } else { &query };
        self.get("/v1/services", query)
    }

    /// Starts those that should run, and restarts those whose plan has changed.
    pub fn replan(&self) -> Result<Change, Error> {
        self.act("replan", &[])
    }

    /// Starts those that are started by themselves.
    pub fn autostart(&self) -> Result<Change, Error> {
        self.act("autostart", &[])
    }

    /// Starts services.
    pub fn start_services(&self, names: &[&str]) -> Result<Change, Error> {
        self.act("start", names)
    }

    /// Stops services.
    pub fn stop_services(&self, names: &[&str]) -> Result<Change, Error> {
        self.act("stop", names)
    }

    /// Stops services and starts them again.
    pub fn restart_services(&self, names: &[&str]) -> Result<Change, Error> {
        self.act("restart", names)
    }

    fn act(&self, action: &str, names: &[&str]) -> Result<Change, Error> {
        self.carry_out("/v1/services", &json!({"action": action, "services": names}))
    }

    /// Sends a signal, for example `SIGHUP`, to services.
    pub fn signal(&self, signal: &str, services: &[&str]) -> Result<(), Error> {
        let body = json!({"signal": signal, "services": services});
        self.post::<Option<Value>>("/v1/signals", &body).map(drop)
    }
}
