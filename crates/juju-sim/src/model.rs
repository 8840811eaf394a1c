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
    /// Relations.
    pub relations: Vec<Relation>,
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

/// A relation of the application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relation {
    /// Number of its id.
    pub id: u32,
    /// The endpoint of this application.
    pub endpoint: String,
    /// The application at the other side; for peers this one.
    pub remote_application: String,
    /// What it has written.
    pub remote_application_data: BTreeMap<String, String>,
    /// Units at the other side, and what each has written; for peers the other units.
    pub remote_units: BTreeMap<String, BTreeMap<String, String>>,
    /// What this application has written.
    pub application_data: BTreeMap<String, String>,
    /// What the unit has written.
    pub unit_data: BTreeMap<String, String>,
    /// UUID of the model at the other side, if it is another.
    pub remote_model: Option<String>,
    /// Whether its `relation-broken` is fired.
    pub broken: bool,
}

impl Relation {
    /// A relation of an endpoint with an application of so many units.
    pub fn new(id: u32, endpoint: &str, remote_application: &str, units: u32) -> Self {
        let names = (0..units).map(|number| format!("{remote_application}/{number}"));
        Self {
            id,
            endpoint: endpoint.into(),
            remote_application: remote_application.into(),
            remote_units: names.map(|name| (name, BTreeMap::new())).collect(),
            ..Self::default()
        }
    }

    /// For example `db:7`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.endpoint, self.id)
    }
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
            relations: Vec::new(),
            status: Status::new("waiting", "installing agent"),
            application_status: None,
            status_history: Vec::new(),
            workload_version: String::new(),
            log: Vec::new(),
        }
    }

    /// The application, for example `ckf-hardening`.
    pub fn application(&self) -> &str {
        self.unit.split('/').next().unwrap_or(&self.unit)
    }

    /// A relation by the number of its id.
    pub fn relation(&self, id: u32) -> Option<&Relation> {
        self.relations.iter().find(|r| r.id == id)
    }
}
