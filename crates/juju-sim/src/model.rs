//! What the simulated Juju knows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::secret::{Grant, Owner, Secret};

/// When every simulation begins: 2026-01-01 00:00 UTC.
const START: Timestamp = Timestamp::constant(1_767_225_600, 0);

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
    /// Status of the application's other units.
    pub other_units: BTreeMap<String, Status>,
    /// The application's status, once it was set.
    pub application_status: Option<Status>,
    /// Every status that was set, oldest first.
    pub status_history: Vec<Status>,
    /// The workload's version.
    pub workload_version: String,
    /// The unit's log.
    pub log: Vec<LogLine>,
    /// The time.
    pub now: Timestamp,
    /// When `update-status` was last fired.
    pub status_updated: Timestamp,
    /// Secrets of the model.
    pub secrets: Vec<Secret>,
    /// Ids that the next secrets get; made up when there are none.
    pub secret_ids: VecDeque<String>,
    /// Opened ports.
    pub ports: BTreeSet<Port>,
    /// The unit's addresses.
    pub addresses: Addresses,
    /// What `goal-state` returns; made up from the rest if absent.
    pub goal: Option<Goal>,
    /// Storage of the unit.
    pub storage: Vec<Storage>,
    /// The file of each resource that was uploaded.
    pub resources: BTreeMap<String, PathBuf>,
    /// The cloud's credential, for an application that is trusted with it.
    pub cloud_credential: Option<Value>,
    /// An error with which Juju will refuse to commit the next hook.
    pub fail_next_commit: Option<String>,
    /// Units of the application that are being removed.
    pub dying: BTreeSet<String>,
    /// What Juju has forgotten of the unit while its last hooks run.
    pub forgotten: Forgotten,
    secrets_made: u64,
}

/// What Juju has forgotten while a unit's last hooks run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forgotten {
    /// Nothing.
    #[default]
    No,
    /// The application, as far as `goal-state` shows: it was removed by force.
    Application,
    /// The unit and the application: most tools fail, and so does a hook that writes.
    Unit,
}

/// An opened port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// `tcp`, `udp` or `icmp`.
    pub protocol: String,
    /// Number; 0 for `icmp`.
    pub number: u16,
    /// The endpoint that it is for; empty for all.
    pub endpoint: String,
}

/// Where the unit is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Address of the pod.
    pub pod: String,
    /// Address of the application's service.
    pub service: String,
    /// Whether `network-get` puts an empty entry first, as early 4.0 did.
    pub placeholder_first: bool,
}

/// What the operator wants to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goal {
    /// Units of the application.
    pub units: BTreeMap<String, GoalStatus>,
    /// By endpoint, the remote applications and units.
    pub relations: BTreeMap<String, BTreeMap<String, GoalStatus>>,
}

/// How far something is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoalStatus {
    /// For example `active`, `joined` or `dying`.
    pub status: String,
    /// Since when.
    pub since: String,
}

/// A storage of the unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// For example `data/0`.
    pub id: String,
    /// `filesystem` or `block`.
    pub kind: String,
    /// Where it is in the charm's container.
    pub location: String,
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
    /// Its endpoint.
    pub remote_endpoint: String,
    /// What it has written.
    pub remote_application_data: BTreeMap<String, String>,
    /// Units at the other side, and what each has written; for peers the other units.
    pub remote_units: BTreeMap<String, BTreeMap<String, String>>,
    /// What each other unit of this application has written; for peers see the remote ones.
    pub sibling_units: BTreeMap<String, BTreeMap<String, String>>,
    /// What this application has written.
    pub application_data: BTreeMap<String, String>,
    /// What the unit has written.
    pub unit_data: BTreeMap<String, String>,
    /// UUID of the model at the other side, if it is another.
    pub remote_model: Option<String>,
    /// Whether its `relation-broken` is fired.
    pub broken: bool,
    /// What Juju has removed of it, while it is listed still.
    pub gone: Gone,
}

/// What Juju has removed of a relation that its tools list still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gone {
    /// Nothing.
    #[default]
    No,
    /// The unit has left its scope: its own bags are denied. A unit that is removed while it is
    /// blocked leaves at once what it is the last in, the peer relation of a lone unit above all.
    Left,
    /// The relation, with an application that was removed by force: no bag can be read, in any
    /// later hook, and no broken hook comes.
    Removed,
}

impl Relation {
    /// A relation of an endpoint with an application of so many units.
    pub fn new(id: u32, endpoint: &str, remote_application: &str, units: u32) -> Self {
        let names = (0..units).map(|number| format!("{remote_application}/{number}"));
        Self {
            id,
            endpoint: endpoint.into(),
            remote_application: remote_application.into(),
            remote_endpoint: endpoint.into(),
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
        Self { name: name.into(), message: message.into() }
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
            other_units: BTreeMap::new(),
            application_status: None,
            status_history: Vec::new(),
            workload_version: String::new(),
            log: Vec::new(),
            now: START,
            status_updated: START,
            secrets: Vec::new(),
            secret_ids: VecDeque::new(),
            ports: BTreeSet::new(),
            addresses: Addresses {
                pod: "10.1.0.11".into(),
                service: "10.152.183.12".into(),
                placeholder_first: false,
            },
            goal: None,
            storage: Vec::new(),
            resources: BTreeMap::new(),
            cloud_credential: None,
            fail_next_commit: None,
            dying: BTreeSet::new(),
            forgotten: Forgotten::No,
            secrets_made: 0,
        }
    }

    /// A secret by its id.
    pub fn secret(&self, id: &str) -> Option<&Secret> {
        self.secrets.iter().find(|s| s.id == id)
    }

    /// Adds a secret as `juju add-secret` and `juju grant-secret` would; its URI.
    pub fn add_user_secret(&mut self, content: &[(&str, &str)], granted: bool) -> String {
        let encode = |(key, value): &(&str, &str)| ((*key).to_owned(), BASE64.encode(value));
        let id = self.next_secret_id();
        let content = content.iter().map(encode).collect();
        let mut secret = Secret::new(&id, Owner::Model, content);
        if granted {
            secret.grants.push(Grant { relation: None, to: self.application().to_owned() });
        }
        self.secrets.push(secret);
        format!("secret:{id}")
    }

    /// The id that the next secret gets.
    pub(crate) fn next_secret_id(&mut self) -> String {
        self.secrets_made += 1;
        let made_up = format!("d0{:018}", self.secrets_made);
        self.secret_ids.pop_front().unwrap_or(made_up)
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
