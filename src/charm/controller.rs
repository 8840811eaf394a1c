//! The login to the controller, from the option `juju-credentials`.

use std::time::{Duration, Instant};

use juju_charm::Unit;
use juju_charm::secret::{self, Content, Which};
use juju_charm::tool::ToolError;
use juju_client::{Connection, Endpoint, Error, Login, Password, Target, Trust};

use crate::effects::Cluster;
use crate::facts::kubernetes::Source;
use crate::rotation::Credential;
use crate::rotation::backend::{Backends, RotationError};

/// How long connecting and each call may take.
const WITHIN: Duration = Duration::from_secs(10);
/// How long a mere check of the login may take.
const CHECK_WITHIN: Duration = Duration::from_secs(2);
/// What a controller says to a user who has no access to what is logged in to.
const DENIED: &str = "permission denied";
/// How long all work with the controller may take in one hook.
const DEADLINE: Duration = Duration::from_secs(90);

/// Why there is no login, in words that say what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginProblem {
    /// The option is not set.
    #[error("option juju-credentials is not set, and this needs it; see how-to/rotate-credentials")]
    NotSet,
    /// The secret is gone.
    #[error(
        "option juju-credentials: the secret {0} does not exist; make one with juju add-secret"
    )]
    Missing(String),
    /// The charm may not read it.
    #[error(
        "option juju-credentials: {application} may not read {secret}; juju grant-secret {secret} {application}"
    )]
    NotGranted {
        /// The secret.
        secret: String,
        /// This application.
        application: String,
    },
    /// A key is missing or wrong.
    #[error("option juju-credentials: key {key} of the secret {why}; juju update-secret fixes it")]
    Malformed {
        /// The key.
        key: &'static str,
        /// Problem of its value.
        why: String,
    },
    /// The tool failed.
    #[error("option juju-credentials: {0}")]
    Unreadable(String),
}

/// A login to the controller, and the connections made with it.
pub struct ControllerSession {
    endpoint: Endpoint,
    user: String,
    /// The first that is accepted is used.
    passwords: Vec<Password>,
    controller_uuid: Option<String>,
    model_uuid: String,
    deadline: Instant,
    controller: Option<Connection>,
    model: Option<Connection>,
    /// On Kubernetes a model is a namespace of its name.
    namespace: String,
    cluster: Option<Cluster>,
}

impl ControllerSession {
    /// Reads the secret of the option, and the charm's own one if it has rotated its
    /// login since.
    pub fn read(unit: &Unit, option: Option<&str>) -> Result<Self, LoginProblem> {
        let id = option.ok_or(LoginProblem::NotSet)?;
        let content = secret::get(id, Which::Refresh).map_err(|error| match error {
            ToolError::NotFound { .. } => LoginProblem::Missing(id.to_owned()),
            ToolError::Denied { .. } => LoginProblem::NotGranted {
                secret: id.to_owned(),
                application: application(unit).to_owned(),
            },
            other => LoginProblem::Unreadable(other.to_string()),
        })?;
        let secret = LoginSecret::parse(&content)?;
        let mut passwords = Vec::new();
        if let Ok(own) = secret::get_by_label(&Credential::OwnLogin.label(), Which::Peek) {
            let is_same = own.get("username").is_none_or(|name| name.expose() == secret.user);
            // The new one may hold already, if the hook that set it was cut short.
            let keys = ["password", "next-password"].iter().filter(|_| is_same);
            passwords.extend(keys.filter_map(|key| Some(password(own.get(*key)?))));
        }
        passwords.push(secret.password);
        let mut addresses: Vec<String> = secret.addresses;
        let env = std::env::var("JUJU_API_ADDRESSES").unwrap_or_default();
        for address in env.split_whitespace() {
            // One that does not answer is waited for once.
            if !addresses.iter().any(|known| known == address) {
                addresses.push(address.to_owned());
            }
        }
        let authority = secret.authority.or_else(|| agent_authority(unit));
        let authority = authority
            .ok_or(LoginProblem::Malformed { key: "ca-cert", why: "is missing".into() })?;
        Ok(Self {
            endpoint: Endpoint { addresses, trust: Trust::Authority(authority) },
            user: secret.user,
            passwords,
            controller_uuid: secret.controller_uuid,
            model_uuid: unit.model_uuid.clone(),
            deadline: Instant::now() + DEADLINE,
            controller: None,
            model: None,
            namespace: unit.model.clone(),
            cluster: None,
        })
    }

    /// Where the controller is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The login that the controller accepts.
    pub fn accepted(&self) -> Result<Login, RotationError> {
        self.open(&Target::Controller).map(|(_, login)| login)
    }

    /// Logs in and out again, in a short time: why the controller does not accept the login, or
    /// cannot be reached.
    pub fn check_login(self) -> Result<(), RotationError> {
        let deadline = self.deadline.min(Instant::now() + CHECK_WITHIN);
        Self { deadline, ..self }.open(&Target::Controller).map(drop)
    }

    /// Limits further calls to a time from now.
    pub fn end_within(&mut self, time: Duration) {
        self.deadline = self.deadline.min(Instant::now() + time);
    }

    fn open(&self, target: &Target) -> Result<(Connection, Login), RotationError> {
        let mut refused = None;
        for password in &self.passwords {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(RotationError(
                    "the time of this hook is over; the next one goes on".into(),
                ));
            }
            let login = Login::new(&self.user, password.clone())?.within(left.min(WITHIN));
            match Connection::open(&self.endpoint, target, &login) {
                Ok(connection) => return Ok((self.check(connection)?, login)),
                // The password is right, and others would be no better.
                Err(Error::Login { message, .. }) if message == DENIED => {
                    return Err(self.not_granted(target));
                }
                Err(error @ Error::Login { .. }) => refused = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        Err(match refused {
            Some(error) => self::refused(&error),
            None => RotationError("there is no password to log in with".into()),
        })
    }

    /// The grant that the login lacks.
    fn not_granted(&self, target: &Target) -> RotationError {
        let user = &self.user;
        let access = match target {
            Target::Controller => "login".to_owned(),
            Target::Model(_) => format!("write {}", self.namespace),
        };
        RotationError(format!(
            "the login {user} is not let in; juju grant {user} {access} allows it"
        ))
    }

    fn check(&self, connection: Connection) -> Result<Connection, RotationError> {
        match &self.controller_uuid {
            Some(uuid) if uuid != connection.controller_uuid() => Err(RotationError(format!(
                "the controller there is {}, and juju-credentials names {uuid}",
                connection.controller_uuid()
            ))),
            _ => Ok(connection),
        }
    }
}

fn refused(error: &Error) -> RotationError {
    RotationError(format!(
        "{error}; put the right password into the secret of juju-credentials, and see that \
         the user is not disabled"
    ))
}

impl Backends for ControllerSession {
    fn controller(&mut self) -> Result<&mut Connection, RotationError> {
        let connection = match self.controller.take() {
            Some(connection) => connection,
            None => self.open(&Target::Controller)?.0,
        };
        Ok(self.controller.insert(connection))
    }

    fn model(&mut self) -> Result<&mut Connection, RotationError> {
        let connection = match self.model.take() {
            Some(connection) => connection,
            None => self.open(&Target::Model(self.model_uuid.clone()))?.0,
        };
        Ok(self.model.insert(connection))
    }

    fn accepts(&mut self, user: &str, password: &Password) -> Result<bool, RotationError> {
        let login = Login::new(user, password.clone())?.within(WITHIN);
        match Connection::open(&self.endpoint, &Target::Controller, &login) {
            Ok(_) => Ok(true),
            // A user without access to the controller is known by the password all the same.
            Err(Error::Login { message, .. }) => Ok(message == DENIED),
            Err(error) => Err(error.into()),
        }
    }

    fn cluster(&mut self) -> Result<&Cluster, RotationError> {
        let cluster = match self.cluster.take() {
            Some(cluster) => cluster,
            None => Cluster::connect(&Source::default(), self.deadline)
                .map_err(|error| RotationError(error.to_string()))?,
        };
        Ok(self.cluster.insert(cluster))
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn user(&self) -> &str {
        &self.user
    }

    fn addresses(&self) -> &[String] {
        &self.endpoint.addresses
    }

    fn deadline(&self) -> Instant {
        self.deadline
    }
}

/// Content of the secret.
struct LoginSecret {
    user: String,
    password: Password,
    addresses: Vec<String>,
    authority: Option<String>,
    controller_uuid: Option<String>,
}

impl LoginSecret {
    fn parse(content: &Content) -> Result<Self, LoginProblem> {
        let text = |key: &str| {
            let text = content.get(key).map(|value| value.expose().trim());
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let malformed = |key, why: &str| LoginProblem::Malformed { key, why: why.to_owned() };
        let user = text("username").ok_or_else(|| malformed("username", "is missing"))?;
        if !juju_client::is_user_name(&user) {
            return Err(malformed("username", "is no name of a Juju user"));
        }
        let password = content.get("password").filter(|p| !p.expose().is_empty());
        let password = password.ok_or_else(|| malformed("password", "is missing"))?;
        let authority = text("ca-cert");
        if authority.as_ref().is_some_and(|pem| !pem.contains("BEGIN CERTIFICATE")) {
            return Err(malformed("ca-cert", "is no PEM certificate"));
        }
        let addresses = text("addresses").unwrap_or_default();
        let separators = |c: char| c == ',' || c.is_whitespace();
        Ok(Self {
            user,
            password: self::password(password),
            addresses: addresses
                .split(separators)
                .filter(|address| !address.is_empty())
                .map(str::to_owned)
                .collect(),
            authority,
            controller_uuid: text("controller-uuid"),
        })
    }
}

fn password(value: &secret::Value) -> Password {
    Password::new(value.expose())
}

fn application(unit: &Unit) -> &str {
    unit.name.split('/').next().unwrap_or(&unit.name)
}

/// The controller's authority, as Juju gives it to the unit's own agent.
fn agent_authority(unit: &Unit) -> Option<String> {
    let path = unit.charm_directory.parent()?.join("agent.conf");
    let text = std::fs::read_to_string(path).ok()?;
    let config: serde_json::Value = serde_yaml::from_str(&text).ok()?;
    config["cacert"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Any content of a secret is a login or a problem that names its key and shows no value.
        #[test]
        fn any_secret_is_a_login_or_a_problem_without_values(
            content in prop::collection::btree_map(
                prop_oneof![
                    Just("username".to_owned()), Just("password".to_owned()),
                    Just("ca-cert".to_owned()), Just("addresses".to_owned()), "[a-z]{3,8}",
                ],
                "[!-~]{9,20}", 0..6,
            )
        ) {
            let values: Vec<String> = content.values().cloned().collect();
            let content = content.into_iter().map(|(key, value)| (key, secret::Value::new(value)));
            if let Err(problem) = LoginSecret::parse(&content.collect()) {
                let text = problem.to_string();
                prop_assert!(values.iter().all(|value| !text.contains(value)), "{text}");
            }
        }
    }
}
