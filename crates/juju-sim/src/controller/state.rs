//! What a controller knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::model::Juju;

/// Stands for all users of an identity provider.
pub(super) const EVERYONE: &str = "everyone@external";

/// What a simulated controller knows.
#[derive(Clone)]
pub struct State {
    /// Which Juju it is.
    pub juju: Juju,
    /// Version to which it was upgraded; the line's own if none.
    pub upgraded_to: Option<String>,
    /// Its uuid.
    pub uuid: String,
    /// Its local users, by name.
    pub users: BTreeMap<String, User>,
    /// Its models, by uuid.
    pub models: BTreeMap<String, HostedModel>,
    /// Its clouds, by name: who may do what.
    pub clouds: BTreeMap<String, BTreeMap<String, String>>,
    /// Its offers.
    pub offers: Vec<Offer>,
    /// Who consumes them, by the offer's name: users.
    pub consumers: BTreeMap<String, Vec<String>>,
    /// Its configuration.
    pub config: BTreeMap<String, Value>,
    /// Whether it is being upgraded: logins are refused.
    pub upgrading: bool,
    /// Whether changes of the controller and of all of its models are blocked.
    pub blocked: bool,
    /// Its secret backends, by name: their kinds.
    pub secret_backends: BTreeMap<String, String>,
    /// What Charmhub has, by name of the charm, oldest revision first.
    pub charmhub: BTreeMap<String, Vec<CharmRevision>>,
    /// The requests that it was sent.
    pub requests: Vec<Call>,
    pub(super) removed: BTreeSet<String>,
    pub(super) operations: Vec<Operation>,
    pub(super) secret_keys: u8,
}

/// A request that a controller was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Who sent it; empty before the login.
    pub user: String,
    /// Facade and method.
    pub name: String,
    /// Version of the facade.
    pub version: u64,
    /// Parameters.
    pub params: Value,
}

/// A local user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct User {
    /// Name for people.
    pub display_name: String,
    /// Password, if one is set.
    pub password: Option<String>,
    /// What the user is to register with, base64.
    pub secret_key: Option<String>,
    /// Access to the controller.
    pub access: String,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created: Timestamp,
    /// Last login.
    pub last_connection: Option<Timestamp>,
    /// Whether logins are refused.
    pub disabled: bool,
}

/// A model of the controller.
#[derive(Clone, Default)]
pub struct HostedModel {
    /// Name.
    pub name: String,
    /// Who it belongs to.
    pub owner: String,
    /// Whether it is the controller's own.
    pub is_controller: bool,
    /// Tag of the credential by which Juju uses the cloud.
    pub credential_tag: String,
    /// Access of users.
    pub users: BTreeMap<String, String>,
    /// Last logins to it.
    pub connections: BTreeMap<String, Timestamp>,
    /// Its configuration.
    pub config: BTreeMap<String, Value>,
    /// Its applications, by name.
    pub applications: BTreeMap<String, Application>,
    /// Charms that were added to it, by URL.
    pub charms: BTreeSet<String>,
    /// Secrets that it owns, by id.
    pub secrets: BTreeMap<String, ModelSecret>,
    /// What an operator has blocked with `juju disable-command`: the message of each kind.
    pub blocks: BTreeMap<String, String>,
    /// Relations that are just being removed, by their endpoints, each since when.
    pub dying_relations: BTreeMap<String, Instant>,
}

/// A secret that a model owns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelSecret {
    /// Its name.
    pub label: String,
    /// What it is for.
    pub description: String,
    /// Contents, oldest first; values are base64.
    pub revisions: Vec<BTreeMap<String, String>>,
    /// Applications that may read it.
    pub granted: BTreeSet<String>,
}

/// How far an application's removal is. One that is gone is in no model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Life {
    /// It is not being removed.
    #[default]
    Alive,
    /// It is, and can be read and set all the same.
    Dying,
    /// Its units are gone; it is still in the status, and cannot be read.
    Dead,
}

impl Life {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Dying => "dying",
            Self::Dead => "dead",
        }
    }
}

/// An application of a model.
#[derive(Clone, Default)]
pub struct Application {
    /// How far its removal is.
    pub life: Life,
    /// URL of its charm.
    pub charm: String,
    /// Channel that it follows.
    pub channel: String,
    /// A newer revision in that channel.
    pub can_upgrade_to: String,
    /// Whether it has `trust`.
    pub trusted: bool,
    /// Options: type, default (`null` for none), value if one was set.
    pub options: BTreeMap<String, CharmOption>,
    /// Applications that it is related to, by its endpoint.
    pub relations: BTreeMap<String, Vec<String>>,
    /// What it was deployed with, by name.
    pub resources: BTreeMap<String, DeployedResource>,
    /// Containers of its charm, each with the resource that is its image.
    pub containers: BTreeMap<String, String>,
    /// Its units: status and message.
    pub units: BTreeMap<String, (String, String)>,
    /// What its actions do, by name.
    pub actions: BTreeMap<String, Action>,
    /// Status and message of its units once a refresh has run; `active` if none.
    pub after_refresh: Option<(String, String)>,
    /// When it was refreshed: its units work for a moment then.
    pub refreshed: Option<Instant>,
}

/// A revision of a charm in Charmhub.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CharmRevision {
    /// The revision.
    pub revision: i64,
    /// Revisions of its resources, by name.
    pub resources: BTreeMap<String, i64>,
}

/// A resource that an application was deployed with: an OCI image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeployedResource {
    /// Its revision in Charmhub; none for one that was attached.
    pub revision: Option<i64>,
    /// When it was made there.
    pub timestamp: Timestamp,
}

/// An option of an application.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CharmOption {
    /// What the charm says it is.
    pub kind: String,
    /// The charm's default.
    pub default: Value,
    /// What was set.
    pub set: Option<Value>,
}

/// What an action does: from its parameters to its results, or to why it failed.
pub type Action =
    Arc<dyn Fn(&Map<String, Value>) -> Result<Map<String, Value>, ActionFailure> + Send + Sync>;

/// Message with which an action fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ActionFailure(pub String);

impl From<&str> for ActionFailure {
    fn from(message: &str) -> Self {
        Self(message.to_owned())
    }
}

/// An offer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offer {
    /// Uuid of its model.
    pub model: String,
    /// The application.
    pub application: String,
    /// Its name.
    pub name: String,
    /// Access of users.
    pub users: BTreeMap<String, String>,
}

/// An action that was asked for.
#[derive(Clone)]
pub(super) struct Operation {
    pub(super) asked: bool,
    pub(super) receiver: String,
    pub(super) name: String,
    pub(super) result: Result<Map<String, Value>, ActionFailure>,
}

impl User {
    /// One whom an identity provider knows.
    pub(super) fn external(name: &str) -> Self {
        Self {
            display_name: name.to_owned(),
            created_by: EVERYONE.into(),
            created: Timestamp::now(),
            ..Self::default()
        }
    }
}

impl Application {
    /// Declares an option without a default.
    pub fn with_option(mut self, name: &str, kind: &str, set: Option<&str>) -> Self {
        let option =
            CharmOption { kind: kind.into(), default: Value::Null, set: set.map(Value::from) };
        self.options.insert(name.into(), option);
        self
    }

    /// An option as it holds.
    pub fn option(&self, name: &str) -> Option<&Value> {
        let option = self.options.get(name)?;
        let value = option.set.as_ref().unwrap_or(&option.default);
        (!value.is_null()).then_some(value)
    }
}

impl State {
    /// A controller with its administrator.
    pub fn new(juju: Juju, admin_password: &str) -> Self {
        let controller = HostedModel {
            name: "controller".into(),
            owner: "admin".into(),
            is_controller: true,
            credential_tag: "cloudcred-k8s_admin_default".into(),
            users: BTreeMap::from([("admin".into(), "admin".into())]),
            ..HostedModel::default()
        };
        let admin = User {
            display_name: "admin".into(),
            password: Some(admin_password.into()),
            access: "superuser".into(),
            created_by: "admin".into(),
            created: Timestamp::now(),
            ..User::default()
        };
        // Made by Juju itself: the controller's metrics, and all users of an identity provider.
        let of_juju = |display_name: &str| User {
            display_name: display_name.into(),
            access: "login".into(),
            created_by: "admin".into(),
            created: Timestamp::now(),
            ..User::default()
        };
        let users = BTreeMap::from([
            ("admin".into(), admin),
            ("juju-metrics".into(), of_juju("Juju Metrics")),
            (EVERYONE.into(), of_juju("")),
        ]);
        Self {
            juju,
            upgraded_to: None,
            uuid: "deadbeef-1bad-500d-9000-4b1d0d06f00d".into(),
            users,
            models: BTreeMap::from([("deadbeef-0bad-400d-8000-4b1d0d06f00d".into(), controller)]),
            clouds: BTreeMap::from([(
                "k8s".into(),
                BTreeMap::from([("admin".into(), "admin".into())]),
            )]),
            offers: Vec::new(),
            consumers: BTreeMap::new(),
            charmhub: BTreeMap::new(),
            config: BTreeMap::from([
                ("api-port".into(), json!(17070)),
                ("auditing-enabled".into(), json!(false)),
                ("audit-log-max-size".into(), json!("200M")),
            ]),
            upgrading: false,
            blocked: false,
            secret_backends: [("internal", "controller"), ("kubeflow-local", "kubernetes")]
                .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
                .into(),
            requests: Vec::new(),
            removed: BTreeSet::new(),
            operations: Vec::new(),
            secret_keys: 0,
        }
    }

    /// Version of its agents.
    pub fn version(&self) -> &str {
        self.upgraded_to.as_deref().unwrap_or_else(|| self.juju.version())
    }

    /// Adds a model that belongs to `admin`.
    pub fn add_model(&mut self, uuid: &str, name: &str) -> &mut HostedModel {
        let model = HostedModel {
            name: name.into(),
            owner: "admin".into(),
            credential_tag: "cloudcred-k8s_admin_default".into(),
            users: BTreeMap::from([("admin".into(), "admin".into())]),
            ..HostedModel::default()
        };
        self.models.entry(uuid.into()).or_insert(model)
    }

    /// Adds a user who may log in, with a password.
    pub fn add_user(&mut self, name: &str, password: &str) -> &mut User {
        let user = User {
            password: Some(password.into()),
            access: "login".into(),
            created_by: "admin".into(),
            created: Timestamp::now(),
            ..User::default()
        };
        self.users.entry(name.into()).or_insert(user)
    }

    /// Whether a login of that user with that password would be accepted.
    pub fn accepts(&self, user: &str, password: &str) -> bool {
        let user = self.users.get(user);
        user.is_some_and(|user| !user.disabled && user.password.as_deref() == Some(password))
    }

    /// The application of the first model that has one of that name.
    pub fn application(&self, name: &str) -> Option<&Application> {
        let mut models = self.models.values();
        models.find_map(|model| model.applications.get(name))
    }

    /// The same, to be changed.
    pub fn application_mut(&mut self, name: &str) -> Option<&mut Application> {
        let mut models = self.models.values_mut();
        models.find_map(|model| model.applications.get_mut(name))
    }
}
