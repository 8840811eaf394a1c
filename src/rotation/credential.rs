//! Kinds of credentials, and how they are named.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A credential that can be rotated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Credential {
    /// The password of a local Juju user.
    JujuUser(String),
    /// The password of the Juju user that the charm itself logs in as.
    OwnLogin,
    /// The password of Dex's static user. The user stays: profiles belong to it.
    Dex,
    /// The key of MinIO's root user, and its copies in the platform and in profiles.
    Minio,
    /// A system user of a MySQL charm; its value stays with that charm.
    Mysql {
        /// The application, for example `katib-db`.
        application: String,
        /// `root`, `serverconfig` or `clusteradmin`.
        user: String,
    },
}

/// How a Juju user gets the new password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// It is in the secret. For programs.
    #[default]
    Password,
    /// The user chooses one, with a token for `juju register` in the secret. For people.
    Registration,
}

/// The user that Juju makes as it begins, who is everybody's last way in.
pub const FIRST_USER: &str = "admin";
/// Users of a MySQL charm whose password its action sets.
const MYSQL_USERS: [&str; 3] = ["root", "serverconfig", "clusteradmin"];

impl Credential {
    /// The label of its secret.
    pub fn label(&self) -> String {
        format!("credential/{self}")
    }

    /// The credential of a secret's label.
    pub fn of_label(label: &str) -> Option<Self> {
        label.strip_prefix("credential/")?.parse().ok()
    }

    /// Whether it names the controller's first user. That may also be who the charm logs in
    /// as, which is known with the login only.
    pub fn is_first_user(&self) -> bool {
        matches!(self, Self::JujuUser(name) if name == FIRST_USER)
    }

    /// Whether its value is made by its owner and not put into a secret.
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

impl FromStr for Credential {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts[..] {
            ["own-login"] => Ok(Self::OwnLogin),
            ["dex"] => Ok(Self::Dex),
            ["minio"] => Ok(Self::Minio),
            ["juju-user", name] if juju_client::is_user_name(name) && !name.contains('@') => {
                Ok(Self::JujuUser(name.to_owned()))
            }
            ["juju-user", name] => Err(format!("{name:?} is no name of a local Juju user")),
            ["mysql", application, user] if MYSQL_USERS.contains(&user) => {
                let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                match !application.is_empty() && application.chars().all(is_name) {
                    true => Ok(Self::Mysql {
                        application: application.to_owned(),
                        user: user.to_owned(),
                    }),
                    false => Err(format!("{application:?} is no name of an application")),
                }
            }
            ["mysql", _, user] => Err(format!("{user:?} is not one of {}", MYSQL_USERS.join(", "))),
            _ => Err(format!(
                "{text:?} is not one of juju-user/NAME, own-login, dex, minio, mysql/APPLICATION/USER"
            )),
        }
    }
}

impl TryFrom<String> for Credential {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Credential> for String {
    fn from(credential: Credential) -> Self {
        credential.to_string()
    }
}
