//! Backends, which accept a credential's value: one file per kind of credential. Setting the same
//! value twice is harmless.

mod change;
mod dex;
mod juju_user;
mod minio;
mod mysql;
mod option_login;
mod own_login;

pub use self::change::{Applied, Backends, Change, Holding, RotationError};

use juju_client::Password;

use crate::rotation::Credential;

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
