//! Kinds of credentials, and their names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A credential that can be rotated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Credential {
    /// Password of a local Juju user.
    JujuUser(String),
    /// Password of the Juju user that the charm logs in as.
    OwnLogin,
    /// Password of Dex's static user. The user itself stays, since it owns profiles.
    Dex,
    /// Key of MinIO's root user, with its copies in the platform and in profiles.
    Minio,
    /// Password of a system user of a MySQL charm; only that charm stores it.
    Mysql {
        /// Application name, for example `katib-db`.
        application: String,
        /// `root`, `serverconfig` or `clusteradmin`.
        user: String,
    },
}

/// How a Juju user receives a new password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// The secret has the password. For programs.
    #[default]
    Password,
    /// The secret has a token for `juju register`, with which the user sets one. For people.
    Registration,
}

/// The user that Juju creates at bootstrap, the last resort for access to the controller.
pub const FIRST_USER: &str = "admin";
/// Users of a MySQL charm whose password its action `set-password` can set.
const MYSQL_USERS: [&str; 3] = ["root", "serverconfig", "clusteradmin"];

impl Credential {
    /// Label of its Juju secret.
    pub fn label(&self) -> String {
        format!("credential/{self}")
    }

    /// Parses a secret's label.
    pub fn of_label(label: &str) -> Option<Self> {
        label.strip_prefix("credential/")?.parse().ok()
    }

    /// It is the controller's first user by name. The charm's own login may be that user too,
    /// which only the login itself shows.
    pub fn is_first_user(&self) -> bool {
        matches!(self, Self::JujuUser(name) if name == FIRST_USER)
    }

    /// The backend generates and stores its value, so the secret has none.
    pub fn is_kept_by_owner(&self) -> bool {
        matches!(self, Self::Mysql { .. })
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JujuUser(name) => write!(f, "juju-user/{name}"),
            Self::OwnLogin => f.write_str("own-login"),
            Self::Dex => f.write_str("dex"),
            Self::Minio => f.write_str("minio"),
            Self::Mysql { application, user } => write!(f, "mysql/{application}/{user}"),
        }
    }
}

/// A name that is not a credential's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// A Juju user that is not local, or whose name is invalid.
    #[error("{0:?} is not a valid name of a local Juju user")]
    User(String),
    /// An invalid application name.
    #[error("{0:?} is not a valid application name")]
    Application(String),
    /// A MySQL user whose password cannot be set.
    #[error("{name:?} is not one of {}", MYSQL_USERS.join(", "))]
    MysqlUser {
        /// The user.
        name: String,
    },
    /// No kind of credential.
    #[error("{0:?} is not one of juju-user/NAME, own-login, dex, minio, mysql/APPLICATION/USER")]
    Unknown(String),
}

impl FromStr for Credential {
    type Err = CredentialError;

    fn from_str(text: &str) -> Result<Self, CredentialError> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts[..] {
            ["own-login"] => Ok(Self::OwnLogin),
            ["dex"] => Ok(Self::Dex),
            ["minio"] => Ok(Self::Minio),
            ["juju-user", name] if juju_client::is_user_name(name) && !name.contains('@') => {
                Ok(Self::JujuUser(name.to_owned()))
            }
            ["juju-user", name] => Err(CredentialError::User(name.to_owned())),
            ["mysql", application, user] if MYSQL_USERS.contains(&user) => {
                let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                match !application.is_empty() && application.chars().all(is_name) {
                    true => Ok(Self::Mysql {
                        application: application.to_owned(),
                        user: user.to_owned(),
                    }),
                    false => Err(CredentialError::Application(application.to_owned())),
                }
            }
            ["mysql", _, user] => Err(CredentialError::MysqlUser { name: user.to_owned() }),
            _ => Err(CredentialError::Unknown(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Credential {
    type Error = CredentialError;

    fn try_from(text: String) -> Result<Self, CredentialError> {
        text.parse()
    }
}

impl From<Credential> for String {
    fn from(credential: Credential) -> Self {
        credential.to_string()
    }
}
