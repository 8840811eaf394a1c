//! The agent in its container: its Pebble layer and its input.

use juju_charm::pebble::{Client, Current, Error, Ownership, Service};
use serde_json::{Value, json};

use crate::agent::input::{AgentInput, FILE, FOLDER};

/// The container, and the name of its service.
const CONTAINER: &str = "hardening";
const SERVICE: &str = "agent";
/// Largest input that is read back, in bytes.
const LARGEST_INPUT: u64 = 64 << 20;
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

    /// Writes the agent's input, and makes Pebble run the agent.
    pub fn run_agent(&self, input: &AgentInput) -> Result<(), Error> {
        self.push(input)?;
        // The agent sees the file change. A layer is added only if it is another: that may take
        // long.
        let is_running = |service: &Service| service.current == Current::Active;
        if self.has_layer() && self.0.services(&[SERVICE])?.iter().any(is_running) {
            return Ok(());
        }
        // JSON is YAML.
        self.0.add_layer("ckf-hardening", &layer().to_string(), true)?;
        self.0.replan().map(drop)
    }

    /// Stops the agent, and waits until it has ended. One that does not stop gets an input with
    /// which it changes nothing.
    pub fn stop(&self, namespace: &str) -> Result<(), Error> {
        let services = self.0.services(&[SERVICE])?;
        if services.iter().all(|service| service.current == Current::Inactive) {
            return Ok(());
        }
        let stopped = self.0.stop_services(&[SERVICE]).map(drop);
        if stopped.is_err() {
            let input = AgentInput { namespace: namespace.to_owned(), ..AgentInput::default() };
            self.push(&input)?;
        }
        stopped
    }

    /// Whether Pebble has the layer of this version.
    fn has_layer(&self) -> bool {
        let plan: Option<Value> =
            self.0.plan().ok().and_then(|plan| serde_yaml::from_str(&plan).ok());
        let Some(plan) = plan else {
            return false;
        };
        let wanted = layer();
        let has = |kind: &str, key: &str| plan[kind][SERVICE][key] == wanted[kind][SERVICE][key];
        has("services", "command") && has("services", "startup") && has("checks", "http")
    }

    /// The input that the agent has; `None` if it has none that is understood.
    pub fn input(&self) -> Option<AgentInput> {
        let text = self.0.pull(&format!("{FOLDER}/{FILE}"), LARGEST_INPUT).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn push(&self, input: &AgentInput) -> Result<(), Error> {
        // Text, numbers and maps of them, so this cannot fail.
        let text = serde_json::to_vec(input).unwrap_or_default();
        let path = format!("{FOLDER}/{FILE}");
        self.0.push(&path, &text[..], true, &Ownership::default()).map(drop)
    }

    /// Forwards its output to these targets.
    pub fn forward_logs(&self, targets: &Value) -> Result<(), Error> {
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
            "summary": "watches the cluster, and serves report and metrics",
            "command": format!("/usr/bin/ckf-hardening serve --listen 0.0.0.0:{PORT} --input {FOLDER}"),
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

/// Digest of the agent's input and of how it is run.
pub fn digest(input: &AgentInput) -> String {
    crate::digest(format!("{} {} {}", crate::VERSION, layer(), input.digest()))
}
