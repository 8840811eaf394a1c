//! State of a Juju controller: users and their access, and the applications of the platform's
//! model. Values of options that may be secret are not retained.

mod connectors;
pub mod options;
mod passwords;
mod settings;

pub use self::connectors::{Connector, connectors};
pub use self::options::holds_no_secret;
pub use self::settings::{ControllerSettings, ModelSettings};

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::known::{Known, Unknown};

/// Charm options by application and name, with values as Juju prints them.
pub type Options = BTreeMap<String, BTreeMap<String, String>>;

/// State of a Juju controller.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Juju {
    /// Whether it was read from a bundle that is not deployed yet.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub planned: bool,
    /// Juju version of the controller.
    pub server_version: String,
    /// User that logged in; most facts require `superuser` access.
    pub login: String,
    /// Local users; unknown without `superuser` access, which lists the own user only.
    pub users: Known<Vec<User>>,
    /// Models, with the access of users.
    pub models: Known<Vec<Model>>,
    /// Clouds, with the access of users.
    pub clouds: Known<Vec<Grants>>,
    /// Offers, with the access of users.
    pub offers: Known<Vec<Grants>>,
    /// Applications of the platform's model.
    pub applications: Known<Vec<Application>>,
    /// Configuration of the controller.
    pub controller: Known<ControllerSettings>,
    /// Configuration of the platform's model.
    pub settings: Known<ModelSettings>,
    /// Applications of other models that the platform's model consumes: offer URL by name.
    pub remotes: BTreeMap<String, String>,
}

impl Juju {
    /// Error of reading the applications of a model, with the grant to add if access may be
    /// missing: even a superuser needs access to the model.
    pub fn unread_applications(&self, model: &str) -> Option<String> {
        let Known::Unknown(why) = &self.applications else {
            return None;
        };
        let login = &self.login;
        Some(match why {
            Unknown::Forbidden(_) | Unknown::Failed(_) => format!(
                "{why}; the user {login} may lack access: juju grant {login} read {model}, or \
                 write to allow changes"
            ),
            Unknown::TimedOut(_) | Unknown::NotCollected => why.to_string(),
        })
    }
}

/// All users whom the controller's identity provider knows.
pub const EVERYONE: &str = "everyone@external";

/// A user: local ones, and those of an identity provider that grants name, `NAME@DOMAIN`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct User {
    /// Name.
    pub name: String,
    /// `superuser`, `login`, or empty.
    pub access: String,
    /// Creation time.
    pub created: Option<Timestamp>,
    /// Time of the last login, to the second; absent if there was none.
    pub last_connection: Option<Timestamp>,
    /// Whether the user is disabled.
    pub disabled: bool,
}

/// A model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Model {
    /// Name.
    pub name: String,
    /// Name of the owner.
    pub owner: String,
    /// Cloud credential of the model, `CLOUD/OWNER/NAME`.
    pub credential: Option<String>,
    /// Access by user: `read`, `write` or `admin`.
    pub users: BTreeMap<String, String>,
    /// Last login to it, by user; of those who never logged in there is none.
    pub last_logins: BTreeMap<String, Timestamp>,
}

/// Access to a cloud or an offer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Grants {
    /// Name of the cloud, or URL of the offer.
    pub name: String,
    /// Access by user.
    pub users: BTreeMap<String, String>,
    /// Relations over an offer; None for a cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<usize>,
}

/// An application of the platform's model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Application {
    /// Name.
    pub name: String,
    /// Name of the charm.
    pub charm: String,
    /// Revision of the charm.
    pub revision: Option<u64>,
    /// Channel that it follows, `TRACK/RISK`.
    pub channel: String,
    /// Ubuntu version of the charm's base, for example `24.04`.
    pub base: String,
    /// Resources by name.
    pub resources: Known<BTreeMap<String, Resource>>,
    /// Containers of the charm, each with the resource of its image; read only if an image
    /// resource was attached by hand.
    pub containers: BTreeMap<String, String>,
    /// Charm URL of a newer revision in the channel.
    pub can_upgrade_to: Option<String>,
    /// Whether it was deployed with `--trust`.
    pub trusted: bool,
    /// Related applications by endpoint.
    pub relations: BTreeMap<String, Vec<String>>,
    /// Units in `error` or `blocked`, with their status message.
    pub troubled: BTreeMap<String, String>,
    /// Whether it is exposed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exposed: bool,
    /// Charm options by name.
    pub options: BTreeMap<String, Setting>,
}

/// A resource of an application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Resource {
    /// Revision in Charmhub; absent if it was attached by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// First 16 characters of its fingerprint.
    pub mark: String,
}

/// A charm option.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Setting {
    /// Whether it was set by a user, to a non-empty value.
    pub set: bool,
    /// Value, unless it may be secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Strength, if the value is a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Strength>,
    /// Whether the value is or contains a secret.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// What the value of Dex's `connectors` says of each connector.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub connectors: Vec<Connector>,
    /// If `value` is withheld: whether it equals the value that the policy declared at the time
    /// of collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_declared: Option<bool>,
}

/// Strength of a password, without the password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Strength {
    /// Length in characters.
    pub length: usize,
    /// Whether it is a well-known default.
    pub well_known: bool,
}

impl Strength {
    /// How strong a password is.
    pub fn of(password: &str) -> Self {
        Self { length: password.chars().count(), well_known: passwords::is_common(password) }
    }
}

impl Juju {
    /// Clears comparisons with the policy: a snapshot may be audited against another policy.
    pub fn clear_comparisons(&mut self) {
        if let Known::Known(applications) = &mut self.applications {
            let settings = applications.iter_mut().flat_map(|app| app.options.values_mut());
            settings.for_each(|setting| setting.as_declared = None);
        }
    }
}

impl Application {
    /// Value of an option, if it is known and not empty.
    pub fn option(&self, name: &str) -> Option<&str> {
        let value = self.options.get(name)?.value.as_deref()?;
        (!value.is_empty()).then_some(value)
    }

    /// Whether a user set an option to a non-empty value.
    pub fn has_set(&self, name: &str) -> bool {
        self.options.get(name).is_some_and(|setting| setting.set)
    }

    /// Whether an endpoint has a relation.
    pub fn is_related(&self, endpoint: &str) -> bool {
        self.relations.get(endpoint).is_some_and(|with| !with.is_empty())
    }
}
