//! What the simulated Juju knows.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A line of Juju.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Juju {
    /// 3.6, long-term support.
    #[default]
    V3_6,
    /// 4.0.
    V4_0,
}

impl Juju {
    /// What `JUJU_VERSION` holds.
    pub fn version(self) -> &'static str {
        match self {
            Self::V3_6 => "3.6.9",
            Self::V4_0 => "4.0.15",
        }
    }
}

/// A model with one application and the unit under test.
#[derive(Clone, Debug)]
pub struct Model {
    /// Line of Juju.
    pub juju: Juju,
    /// Name.
    pub name: String,
    /// UUID.
    pub uuid: String,
    /// The unit.
    pub unit: String,
    /// Whether it is the leader.
    pub leader: bool,
    /// Options that the operator set.
    pub options: BTreeMap<String, Value>,
    /// What the unit has stored.
    pub state: BTreeMap<String, String>,
    /// The unit's status.
    pub status: Status,
    /// The application's status, once it was set.
    pub application_status: Option<Status>,
    /// Every status that was set, oldest first.
    pub status_history: Vec<Status>,
    /// The workload's version.
    pub workload_version: String,
    /// The unit's log.
    pub log: Vec<LogLine>,
}

/// A status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// For example `active`.
    pub name: String,
    /// Message.
    pub message: String,
}

impl Status {
    /// A status.
    pub fn new(name: &str, message: &str) -> Self {
        Self {
            name: name.into(),
            message: message.into(),
        }
    }
}

/// A line of the unit's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// For example `INFO`.
    pub level: String,
    /// Text.
    pub message: String,
}

/// A call of a hook tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The tool.
    pub tool: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What it read.
    pub input: Option<String>,
    /// Exit status.
    pub code: u8,
}

/// What became of an action.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActionResult {
    /// The failure's message.
    pub failed: Option<String>,
    /// Results.
    pub results: Map<String, Value>,
    /// Progress lines.
    pub log: Vec<String>,
}

impl Model {
    /// A model `kubeflow` with the unit 0 of an application, its leader.
    pub fn new(application: &str) -> Self {
        Self {
            juju: Juju::default(),
            name: "kubeflow".into(),
            uuid: "7d3f0c7e-6f52-4d0a-8a35-0a1b2c3d4e5f".into(),
            unit: format!("{application}/0"),
            leader: true,
            options: BTreeMap::new(),
            state: BTreeMap::new(),
            status: Status::new("waiting", "installing agent"),
            application_status: None,
            status_history: Vec::new(),
            workload_version: String::new(),
            log: Vec::new(),
        }
    }
}
