//! Setting a new value where it holds, one file a kind of credential. Doing so
//! twice with the same value is harmless.

mod dex;
mod juju_user;
mod minio;
mod mysql;
mod own_login;

use std::time::Instant;

use juju_client::{ApplicationConfig, Code, Connection, Error, Password};

use super::{Credential, Delivery, FIRST_USER};
use crate::effects::Cluster;
use crate::facts::juju::charm;

/// Connections to those who own credentials, made when they are asked for.
pub trait Owners {
    /// The connection to the controller.
    fn controller(&mut self) -> Result<&mut Connection, Refusal>;
    /// The connection to the model of the platform.
    fn model(&mut self) -> Result<&mut Connection, Refusal>;
    /// The connection to the API server.
    fn cluster(&mut self) -> Result<&Cluster, Refusal>;
    /// Whether the controller lets a user in with a password.
    fn accepts(&mut self, user: &str, password: &Password) -> Result<bool, Refusal>;
    /// Namespace of the platform, which is also its model's name.
    fn namespace(&self) -> &str;
    /// The user that is logged in as.
    fn user(&self) -> &str;
    /// Addresses of the controller, for others to find it.
    fn addresses(&self) -> &[String];
    /// Until when everything must be done.
    fn deadline(&self) -> Instant;
}

/// Why a value could not be set, in words that say what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl Refusal {
    /// What the controller refused to a login, with the access that lets it through.
    fn of_grant(error: &Error, login: &str, access: &str) -> Self {
        let is_denied = error.failure().is_some_and(|failure| failure.code == Code::Unauthorized);
        Self(match is_denied {
            true => format!("{error}; the login {login} needs more: juju grant {login} {access}"),
            false => error.to_string(),
        })
    }
}

/// What is to be set.
#[derive(Debug)]
pub struct Change<'a> {
    /// How a Juju user gets it.
    pub delivery: Delivery,
    /// The new value, but for what its owner makes itself.
    pub new: Option<&'a Password>,
    /// The action that was asked for before and had not ended, if any.
    pub action: &'a str,
    /// Whether a person said `force`.
    pub forced: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Applied {
    /// The user that the value is of.
    pub username: String,
    /// A token that the owner made.
    pub registration: Option<Password>,
    /// An action that has not ended; it is to be asked after.
    pub pending_action: Option<String>,
}

/// Whether a prepared value holds at its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// It holds, for this user.
    Yes(String),
    /// Another one does.
    No,
    /// There is no such user or application any more.
    Gone,
}

/// Whether a new value could be set, by all that can be seen before.
pub fn check(
    credential: &Credential,
    forced: bool,
    owners: &mut dyn Owners,
) -> Result<(), Refusal> {
    match credential {
        Credential::JujuUser(name) => juju_user::check(name, forced, owners),
        Credential::OwnLogin => own_login::check(forced, owners),
        Credential::Dex => dex::check(owners),
        Credential::Minio => minio::check(owners),
        Credential::Mysql { application, .. } => mysql::check(application, owners),
    }
}

/// Sets a new value at its owner.
pub fn apply(
    credential: &Credential,
    change: &Change<'_>,
    owners: &mut dyn Owners,
) -> Result<Applied, Refusal> {
    match credential {
        Credential::JujuUser(name) => juju_user::apply(name, change, owners),
        Credential::OwnLogin => own_login::apply(change, owners),
        Credential::Dex => dex::apply(change, owners),
        Credential::Minio => minio::apply(change, owners),
        Credential::Mysql { application, user } => mysql::apply(application, user, change, owners),
    }
}

/// Whether a value that was prepared holds at its owner, as it does where a hook died after
/// it was set.
pub fn holds(
    credential: &Credential,
    prepared: &Password,
    owners: &mut dyn Owners,
) -> Result<Holding, Refusal> {
    match credential {
        Credential::JujuUser(name) => juju_user::holds(name, prepared, owners),
        Credential::OwnLogin => own_login::holds(prepared, owners),
        Credential::Dex => dex::holds(prepared, owners),
        Credential::Minio => minio::holds(prepared, owners),
        // Its owner makes the value.
        Credential::Mysql { .. } => Ok(Holding::No),
    }
}

/// Sees to it that whoever uses a value that was published has it. What is not so yet is a
/// refusal: it is asked again later. `attempts` is how often it was before.
pub fn settle(
    credential: &Credential,
    published: &Password,
    attempts: u32,
    owners: &mut dyn Owners,
) -> Result<(), Refusal> {
    match credential {
        Credential::Minio => minio::settle(published, attempts, owners),
        _ => Ok(()),
    }
}

fn prepared<'a>(change: &Change<'a>) -> Result<&'a Password, Refusal> {
    let lost = || Refusal("no new value was prepared; run rotate-credentials again".into());
    change.new.ok_or_else(lost)
}

/// The application of a charm in the platform's model and its options; `None` if there is
/// none any more.
fn application_of(
    of: &str,
    owners: &mut dyn Owners,
) -> Result<Option<(String, ApplicationConfig)>, Refusal> {
    let needed = write_access(owners);
    let login = owners.user().to_owned();
    let model = owners.model()?;
    let mut applications = model.status()?.applications.into_iter();
    let Some((name, _)) = applications.find(|(_, known)| charm(&known.charm).0 == of) else {
        return Ok(None);
    };
    match model.application_config(&name) {
        Ok(config) => Ok(Some((name, config))),
        // One that is being removed is in the status a while longer.
        Err(error) if error.is_gone() => Ok(None),
        Err(error) => Err(Refusal::of_grant(&error, &login, &needed)),
    }
}

/// The access to the platform's model that setting something takes.
fn write_access(owners: &dyn Owners) -> String {
    format!("write {}", owners.namespace())
}

/// Sets an option of an application, unless it has this value: that would restart it for
/// nothing.
fn set_option(
    application: &str,
    config: &ApplicationConfig,
    (option, value): (&str, &Password),
    owners: &mut dyn Owners,
) -> Result<(), Refusal> {
    if config.text(option).as_ref() == Some(value) {
        return Ok(());
    }
    let needed = write_access(owners);
    let login = owners.user().to_owned();
    let set = [(option, value)].into();
    let done = owners.model()?.set_application_config(application, &set);
    done.map_err(|error| Refusal::of_grant(&error, &login, &needed))
}

/// Refuses the controller's first user, which is whoever made itself: its password is
/// everybody's last way in.
fn check_first_user(
    user: &juju_client::User,
    credential: &Credential,
    forced: bool,
) -> Result<(), Refusal> {
    let is_first = user.username == FIRST_USER || user.created_by == user.username;
    match is_first && !forced {
        true => Err(Refusal(format!(
            "{credential} is {}, the controller's first user and everybody's last way in; only \
             rotate-credentials with force=true rotates it, and the new password is lost with \
             this application; make a user for the charm, see how-to/rotate-credentials",
            user.username
        ))),
        false => Ok(()),
    }
}
