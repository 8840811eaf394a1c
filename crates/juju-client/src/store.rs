//! The store of Juju's own command line: controllers, accounts and models that the
//! operator of this machine uses. It is read, never written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::connection::Password;
use crate::{Endpoint, Login, Trust};

/// Why the store gives no login.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no place where it could be.
    #[error(
        "none of JUJU_DATA, XDG_DATA_HOME and HOME is set, so Juju's client store is not found"
    )]
    Nowhere,
    /// A file of it cannot be read.
    #[error("cannot read {}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// No controller is chosen.
    #[error("no controller is chosen; `juju switch CONTROLLER`, or name one")]
    NoController,
    /// The controller is not known.
    #[error(
        "the controller {0} is not in the client store; `juju controllers` lists those that are"
    )]
    UnknownController(String),
    /// No user is logged in to the controller.
    #[error("no user is logged in to the controller {0}; `juju login -c {0}`")]
    NoAccount(String),
    /// The login left no password.
    #[error(
        "the client store has no password of {user} on the controller {controller}, and other \
         logins are not used; `juju change-user-password {user}` leaves one"
    )]
    NoPassword {
        /// The controller.
        controller: String,
        /// The user.
        user: String,
    },
    /// Its content is unusable.
    #[error("the account on the controller {controller}: {error}")]
    Unusable {
        /// The controller.
        controller: String,
        /// Why.
        error: crate::Error,
    },
}

/// A controller that the operator is logged in to.
#[derive(Clone, Debug)]
pub struct Account {
    /// The controller's name here.
    pub controller: String,
    /// The controller's uuid.
    pub uuid: String,
    /// Where it is.
    pub endpoint: Endpoint,
    /// The operator's user name.
    pub user: String,
    /// The login.
    pub login: Login,
    /// Uuids of its models that were seen here, by `OWNER/NAME`.
    pub models: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Controllers {
    controllers: BTreeMap<String, Controller>,
    current_controller: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Controller {
    uuid: String,
    api_endpoints: Vec<String>,
    public_hostname: String,
    ca_cert: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Accounts {
    controllers: BTreeMap<String, AccountWire>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AccountWire {
    user: String,
    password: Option<Password>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Models {
    controllers: BTreeMap<String, ControllerModels>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ControllerModels {
    models: BTreeMap<String, Model>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Model {
    uuid: String,
}

/// Where the store is, by the environment.
pub fn directory(env: impl Fn(&str) -> Option<String>) -> Result<PathBuf, StoreError> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("JUJU_DATA")
        .or_else(|| Some(set("XDG_DATA_HOME")?.join("juju")))
        .or_else(|| Some(set("HOME")?.join(".local/share/juju")))
        .ok_or(StoreError::Nowhere)
}

/// The login to a controller; without a name, to the one that is chosen.
pub fn account(directory: &Path, controller: Option<&str>) -> Result<Account, StoreError> {
    let controllers: Controllers = read(directory, "controllers.yaml")?;
    let name = match controller {
        Some(name) => name.to_owned(),
        None if controllers.current_controller.is_empty() => return Err(StoreError::NoController),
        None => controllers.current_controller.clone(),
    };
    let found = controllers.controllers.get(&name);
    let found = found.ok_or_else(|| StoreError::UnknownController(name.clone()))?;
    let mut accounts: Accounts = read(directory, "accounts.yaml")?;
    let account = accounts.controllers.remove(&name);
    let account = account.filter(|account| !account.user.is_empty());
    let account = account.ok_or_else(|| StoreError::NoAccount(name.clone()))?;
    let user = account.user;
    let password = account
        .password
        .ok_or_else(|| StoreError::NoPassword { controller: name.clone(), user: user.clone() })?;
    let login = Login::new(&user, password)
        .map_err(|error| StoreError::Unusable { controller: name.clone(), error })?;
    // One that was bootstrapped has its authority; one with a public name has none.
    let endpoint = match found.ca_cert.is_empty() {
        false => Endpoint {
            addresses: found.api_endpoints.clone(),
            trust: Trust::Authority(found.ca_cert.clone()),
        },
        true => Endpoint {
            addresses: match found.public_hostname.is_empty() {
                false => vec![found.public_hostname.clone()],
                true => found.api_endpoints.clone(),
            },
            trust: Trust::Public,
        },
    };
    let mut models: Models = read(directory, "models.yaml").unwrap_or_default();
    let models = models.controllers.remove(&name).unwrap_or_default().models;
    Ok(Account {
        uuid: found.uuid.clone(),
        controller: name,
        endpoint,
        user,
        login,
        models: models.into_iter().map(|(k, model)| (k, model.uuid)).collect(),
    })
}

fn read<T: DeserializeOwned>(directory: &Path, file: &str) -> Result<T, StoreError> {
    let path = directory.join(file);
    let unreadable = |why: String| StoreError::Unreadable { path: path.clone(), why };
    let text = std::fs::read_to_string(&path).map_err(|e| unreadable(e.to_string()))?;
    // The message of a YAML error may quote the file, and so a password.
    serde_yaml::from_str(&text).map_err(|error| {
        let at = error.location();
        let line = at.map_or(0, |at| at.line());
        unreadable(format!("line {line} is not as Juju writes it"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_is_at_the_path_of_juju() {
        for (vars, expected) in [
            (&[("JUJU_DATA", "/a"), ("HOME", "/h")][..], Some("/a")),
            (&[("XDG_DATA_HOME", "/x"), ("HOME", "/h")], Some("/x/juju")),
            (&[("JUJU_DATA", ""), ("HOME", "/h")], Some("/h/.local/share/juju")),
            (&[], None),
        ] {
            let env = |name: &str| {
                let found = vars.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(directory(env).ok(), expected.map(PathBuf::from));
        }
    }
}
