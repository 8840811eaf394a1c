//! The agent in its container: what Pebble runs, and what the agent is told.

use juju_charm::pebble::{Client, Error, Ownership};
use serde_json::{Value, json};

use crate::agent::told::{FILE, FOLDER, Told};

/// The container, and the name of its service.
const CONTAINER: &str = "hardening";
const SERVICE: &str = "agent";
/// Where the agent listens.
pub const PORT: u16 = 8090;

/// The container, where Pebble answers.
pub struct Workload(Client);

impl Workload {
    /// Connects; `None` while the container is not there.
    pub fn connect() -> Option<Self> {
        let pebble = Client::of_container(CONTAINER);
        pebble.system_info().ok().map(|_| Self(pebble))
    }

    /// Has the agent run, and tells it.
    pub fn keep(&self, told: &Told) -> Result<(), Error> {
        // Text, numbers and maps of them, so this cannot fail.
        let text = serde_json::to_vec(told).unwrap_or_default();
        let path = format!("{FOLDER}/{FILE}");
        self.0.push(&path, &text[..], true, &Ownership::default())?;
        // JSON is YAML.
        self.0
            .add_layer("ckf-hardening", &layer().to_string(), true)?;
        self.0.replan().map(drop)
    }

    /// Has its output go to these targets.
    pub fn forward(&self, targets: &Value) -> Result<(), Error> {
        let layer = json!({"summary": "log forwarding", "log-targets": targets});
        let label = format!("{CONTAINER}-log-forwarding");
        self.0.add_layer(&label, &layer.to_string(), true)?;
        self.0.replan().map(drop)
    }
}

/// What Pebble runs.
fn layer() -> Value {
    json!({
        "summary": "ckf-hardening",
        "services": {SERVICE: {
            "override": "replace",
            "summary": "watches the cluster, and serves what it finds",
            "command": format!("/usr/bin/ckf-hardening serve --listen 0.0.0.0:{PORT} --told {FOLDER}"),
            "startup": "enabled",
        }},
        "checks": {SERVICE: {
            "override": "replace",
            "level": "alive",
            "http": {"url": format!("http://127.0.0.1:{PORT}/healthz")},
            "period": "30s",
            "threshold": 5,
        }},
    })
}

/// Stands for what the agent is told and how it is run: if it is another, it is told anew.
pub fn mark(told: &Told) -> String {
    crate::mark(format!("{} {} {}", crate::VERSION, layer(), told.mark()))
}
