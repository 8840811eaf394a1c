//! What a Juju controller tells: who may do what, and how the applications of the
//! platform's model are set up. Values of options that may be secrets are not kept.

pub(crate) mod options;
mod read;

pub(crate) use self::options::holds_no_secret;
pub(crate) use self::read::{Given, charm, setting};
pub use self::read::{Source, read};

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::known::{Known, Unknown};

/// What a controller tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Juju {
    /// Whether it is a bundle that tells, and nothing is deployed yet.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub planned: bool,
    /// Version of the controller.
    pub server_version: String,
    /// Who asked; one without `superuser` sees little.
    pub login: String,
    /// Local users. Without `superuser` only the one who asked, and so not known.
    pub users: Known<Vec<User>>,
    /// Models, and who may do what in them.
    pub models: Known<Vec<Model>>,
    /// Clouds, and who may use them.
    pub clouds: Known<Vec<Grants>>,
    /// Offers, and who may use them.
    pub offers: Known<Vec<Grants>>,
    /// Applications of the platform's model.
    pub applications: Known<Vec<Application>>,
}

impl Juju {
    /// Why the applications of a model could not be read, with the grant that is missing if one
    /// is: a superuser without access to the model may not read them either.
    pub fn unread_applications(&self, model: &str) -> Option<String> {
        let Known::Unknown(why) = &self.applications else {
            return None;
        };
        let login = &self.login;
        Some(match why {
            Unknown::Forbidden(_) | Unknown::Failed(_) => format!(
                "{why}; the login {login} may lack access: juju grant {login} read {model}, or \
                 write for what is to be changed"
            ),
            Unknown::TimedOut(_) | Unknown::NotCollected => why.to_string(),
        })
    }
}

/// A local user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct User {
    /// Name.
    pub name: String,
    /// `superuser`, `login`, or nothing.
    pub access: String,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Last login; none if there was none.
    pub last_connection: Option<Timestamp>,
    /// Whether logins are refused.
    pub disabled: bool,
}

/// A model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Model {
    /// Name.
    pub name: String,
    /// Who it belongs to.
    pub owner: String,
    /// The credential by which Juju uses the cloud, `CLOUD/OWNER/NAME`.
    pub credential: Option<String>,
    /// Access of users: `read`, `write` or `admin`.
    pub users: BTreeMap<String, String>,
}

/// A thing, and who may do what with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Grants {
    /// Its name.
    pub name: String,
    /// Access of users.
    pub users: BTreeMap<String, String>,
}

/// An application of the platform's model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Application {
    /// Name.
    pub name: String,
    /// Name of its charm.
    pub charm: String,
    /// Revision of its charm.
    pub revision: Option<u64>,
    /// Channel that it follows, `TRACK/RISK`.
    pub channel: String,
    /// Version of Ubuntu that its charm is for, for example `24.04`.
    pub base: String,
    /// What it was deployed with, by name.
    pub resources: Known<BTreeMap<String, Resource>>,
    /// Containers of its charm, each with the resource that is its image; read where the
    /// image itself does not tell.
    pub containers: BTreeMap<String, String>,
    /// A newer revision in that channel.
    pub can_upgrade_to: Option<String>,
    /// Whether it has `trust`.
    pub trusted: bool,
    /// Applications that it is related to, by its endpoint.
    pub relations: BTreeMap<String, Vec<String>>,
    /// Units that are in `error` or `blocked`, with what they say.
    pub troubled: BTreeMap<String, String>,
    /// Options.
    pub options: BTreeMap<String, Setting>,
}

/// A resource that an application was deployed with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Resource {
    /// Its revision in Charmhub; none if somebody gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// Stands for it: another one has another.
    pub mark: String,
}

/// An option.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Setting {
    /// Whether somebody set it.
    pub set: bool,
    /// Its value, where that is no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What is told of a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Strength>,
    /// Whether its value is a secret, or has one in it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// Where its value is not told: whether it is what the policy declared when it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_declared: Option<bool>,
}

/// What is told of a password: never the password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Strength {
    /// Characters.
    pub length: usize,
    /// Whether it is one that everybody tries first.
    pub well_known: bool,
}

/// Passwords that everybody tries first.
const WELL_KNOWN: [&str; 8] =
    ["admin", "password", "kubeflow", "minio123", "12341234", "changeme", "secret", "user123"];

impl Strength {
    fn of(password: &str) -> Self {
        let lower = password.to_lowercase();
        Self { length: password.chars().count(), well_known: WELL_KNOWN.contains(&lower.as_str()) }
    }
}

impl Juju {
    /// Forgets what holds only by the policy that it was read with: a snapshot is judged by
    /// another one, too.
    pub(crate) fn forget_comparisons(&mut self) {
        if let Known::Known(applications) = &mut self.applications {
            let settings = applications.iter_mut().flat_map(|app| app.options.values_mut());
            settings.for_each(|setting| setting.as_declared = None);
        }
    }
}

impl Application {
    /// The text of an option, if it is told and not empty.
    pub fn option(&self, name: &str) -> Option<&str> {
        let value = self.options.get(name)?.value.as_deref()?;
        (!value.is_empty()).then_some(value)
    }

    /// Whether somebody set an option to something.
    pub fn has_set(&self, name: &str) -> bool {
        self.options.get(name).is_some_and(|setting| setting.set)
    }

    /// Whether an endpoint is related.
    pub fn is_related(&self, endpoint: &str) -> bool {
        self.relations.get(endpoint).is_some_and(|with| !with.is_empty())
    }
}
