//! A change of a credential's value, and the connections that it takes.

use std::time::Instant;

use juju_client::{ApplicationConfig, Code, Connection, Error, Password};

use crate::effects::Cluster;
use crate::facts::juju::charm;
use crate::rotation::{Credential, Delivery, FIRST_USER};

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

pub(super) fn prepared<'a>(change: &Change<'a>) -> Result<&'a Password, RotationError> {
    let missing =
        || RotationError("no new value was prepared; run rotate-credentials again".into());
    change.new.ok_or_else(missing)
}

/// The application of a charm in the platform's model, with its options; `None` if it no longer
/// exists.
pub(super) fn application_of(
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
pub(super) fn write_access(backends: &dyn Backends) -> String {
    format!("write {}", backends.namespace())
}

/// Sets an option of an application, unless it already has this value, to avoid a restart.
pub(super) fn set_option(
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
pub(super) fn check_first_user(
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
