//! Setting a new value where it holds, one file a kind of credential. Doing so
//! twice with the same value is harmless.

mod dex;
mod juju_user;
mod minio;
mod mysql;
mod own_login;

use std::time::Instant;

use juju_client::{Connection, Password};

use super::{Credential, Delivery};
use crate::cluster::Cluster;

/// Connections to those who own credentials, made when they are asked for.
pub trait Owners {
    /// The connection to the controller.
    fn controller(&mut self) -> Result<&mut Connection, Refusal>;
    /// The connection to the model of the platform.
    fn model(&mut self) -> Result<&mut Connection, Refusal>;
    /// The connection to the API server.
    fn cluster(&mut self) -> Result<&Cluster, Refusal>;
    /// Namespace of the platform.
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

impl From<juju_client::Error> for Refusal {
    fn from(error: juju_client::Error) -> Self {
        Self(error.to_string())
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

/// Sees to it that whoever uses a value that was published has it. What is not so yet
/// is a refusal: it is asked again later.
pub fn settle(
    credential: &Credential,
    published: &Password,
    owners: &mut dyn Owners,
) -> Result<(), Refusal> {
    match credential {
        Credential::Minio => minio::settle(published, owners),
        _ => Ok(()),
    }
}

fn prepared<'a>(change: &Change<'a>) -> Result<&'a Password, Refusal> {
    let lost = || Refusal("no new value was prepared; run rotate-credentials again".into());
    change.new.ok_or_else(lost)
}
