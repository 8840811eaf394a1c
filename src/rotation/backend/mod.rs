//! Backends, which accept a credential's value: one file per kind of credential. Setting the same
//! value twice is harmless.

mod dex;
mod juju_user;
mod minio;
mod mysql;
mod option_login;
mod own_login;

use std::time::Instant;

use juju_client::{ApplicationConfig, Code, Connection, Error, Password};

use super::{Credential, Delivery, FIRST_USER};
use crate::effects::Cluster;
use crate::facts::juju::charm;

/// Connections to the backends, opened on first use.
pub trait Backends {
    /// Connection to the Juju controller.
    fn controller(&mut self) -> Result<&mut Connection, RotationError>;
    /// Connection to the platform's model.
    fn model(&mut self) -> Result<&mut Connection, RotationError>;
    /// Connection to the Kubernetes API server.
    fn cluster(&mut self) -> Result<&Cluster, RotationError>;
    /// The controller accepts a user's password.
    fn accepts(&mut self, user: &str, password: &Password) -> Result<bool, RotationError>;
    /// Namespace of the platform, and the name of its model.
    fn namespace(&self) -> &str;
    /// The user that the charm logs in as.
    fn user(&self) -> &str;
    /// Addresses of the controller, for registration tokens.
    fn addresses(&self) -> &[String];
    /// Deadline of the hook.
    fn deadline(&self) -> Instant;
}

/// A value that could not be set; the message says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RotationError(pub String);

impl From<Error> for RotationError {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl RotationError {
    /// An error of the controller; for a denied request, with the access that `login` needs.
    pub fn of_grant(error: &Error, login: &str, access: &str) -> Self {
        let is_denied = error.failure().is_some_and(|failure| failure.code == Code::Unauthorized);
        Self(match is_denied {
            true => {
                format!("{error}; the login {login} needs more access: juju grant {login} {access}")
            }
            false => error.to_string(),
        })
    }
}

/// A new value to set.
#[derive(Debug)]
pub struct Change<'a> {
    /// How a Juju user receives it.
    pub delivery: Delivery,
    /// The new value; none if the backend generates it.
    pub new: Option<&'a Password>,
    /// Id of an action that an earlier hook enqueued and that is pending; empty if none.
    pub action: &'a str,
    /// An operator requested it with `force`.
    pub forced: bool,
}

/// Result of setting a value.
#[derive(Debug, Default)]
pub struct Applied {
    /// User name that belongs to the value.
    pub username: String,
    /// Registration token from the backend.
    pub registration: Option<Password>,
    /// Id of an action that is still running; a later hook polls it.
    pub pending_action: Option<String>,
}

/// State of a prepared value at its backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// Accepted, for this user.
    Yes(String),
    /// Another value is accepted.
    No,
    /// The user or application no longer exists.
    Gone,
}

/// Checks the preconditions of setting a new value.
pub fn check(
    credential: &Credential,
    forced: bool,
    backends: &mut dyn Backends,
) -> Result<(), RotationError> {
    match credential {
        Credential::JujuUser(name) => juju_user::check(name, forced, backends),
        Credential::OwnLogin => own_login::check(forced, backends),
        Credential::Dex => dex::check(backends),
        Credential::Minio => minio::check(backends),
        Credential::Mysql { application, .. } => mysql::check(application, backends),
    }
}

/// Sets a new value at its backend.
pub fn apply(
    credential: &Credential,
    change: &Change<'_>,
    backends: &mut dyn Backends,
) -> Result<Applied, RotationError> {
    match credential {
        Credential::JujuUser(name) => juju_user::apply(name, change, backends),
        Credential::OwnLogin => own_login::apply(change, backends),
        Credential::Dex => dex::apply(change, backends),
        Credential::Minio => minio::apply(change, backends),
        Credential::Mysql { application, user } => {
            mysql::apply(application, user, change, backends)
        }
    }
}

/// State of a prepared value at its backend, which already accepts it where a hook crashed after
/// setting it.
pub fn holds(
    credential: &Credential,
    prepared: &Password,
    backends: &mut dyn Backends,
) -> Result<Holding, RotationError> {
    match credential {
        Credential::JujuUser(name) => juju_user::holds(name, prepared, backends),
        Credential::OwnLogin => own_login::holds(prepared, backends),
        Credential::Dex => dex::holds(prepared, backends),
        Credential::Minio => minio::holds(prepared, backends),
        // The backend generates the value.
        Credential::Mysql { .. } => Ok(Holding::No),
    }
}

/// Ensures that the consumers of a published value have it. Until they do it is an error, and is
/// retried later; `attempts` is the number of earlier failures.
pub fn settle(
    credential: &Credential,
    published: &Password,
    attempts: u32,
    backends: &mut dyn Backends,
) -> Result<(), RotationError> {
    match credential {
        Credential::Minio => minio::settle(published, attempts, backends),
        _ => Ok(()),
    }
}

fn prepared<'a>(change: &Change<'a>) -> Result<&'a Password, RotationError> {
    let missing =
        || RotationError("no new value was prepared; run rotate-credentials again".into());
    change.new.ok_or_else(missing)
}

/// The application of a charm in the platform's model, with its options; `None` if it no longer
/// exists.
fn application_of(
    of: &str,
    backends: &mut dyn Backends,
) -> Result<Option<(String, ApplicationConfig)>, RotationError> {
    let needed = write_access(backends);
    let login = backends.user().to_owned();
    let model = backends.model()?;
    let mut applications = model.status()?.applications.into_iter();
    let Some((name, _)) = applications.find(|(_, known)| charm(&known.charm).0 == of) else {
        return Ok(None);
    };
    match model.application_config(&name) {
        Ok(config) => Ok(Some((name, config))),
        // An application that is being removed stays in the status for a while.
        Err(error) if error.is_gone() => Ok(None),
        Err(error) => Err(RotationError::of_grant(&error, &login, &needed)),
    }
}

/// Access to the platform's model that a change requires.
fn write_access(backends: &dyn Backends) -> String {
    format!("write {}", backends.namespace())
}

/// Sets an option of an application, unless it already has this value, to avoid a restart.
fn set_option(
    application: &str,
    config: &ApplicationConfig,
    (option, value): (&str, &Password),
    backends: &mut dyn Backends,
) -> Result<(), RotationError> {
    if config.text(option).as_ref() == Some(value) {
        return Ok(());
    }
    let needed = write_access(backends);
    let login = backends.user().to_owned();
    let set = [(option, value)].into();
    let result = backends.model()?.set_application_config(application, &set);
    result.map_err(|error| RotationError::of_grant(&error, &login, &needed))
}

/// Refuses the controller's first user, which Juju records as created by itself: its password is
/// the last resort for access to the controller.
fn check_first_user(
    user: &juju_client::User,
    credential: &Credential,
    forced: bool,
) -> Result<(), RotationError> {
    let is_first = user.username == FIRST_USER || user.created_by == user.username;
    match is_first && !forced {
        true => Err(RotationError(format!(
            "{credential} is {}, the controller's first user; only rotate-credentials with \
             force=true rotates it, and the new password is lost when this application is removed; \
             create a user for the charm, see how-to/rotate-credentials",
            user.username
        ))),
        false => Ok(()),
    }
}
