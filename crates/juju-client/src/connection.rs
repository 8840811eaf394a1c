//! A connection that is logged in.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::error::FailureWire;
use crate::facade::wire::Facade;
use crate::transport::Transport;
use crate::{Code, Endpoint, Error, Failure};

/// Sent to the controller: one of another major version takes few calls only.
const CLIENT_VERSION: &str = "3.6.0";
/// Default timeout of connecting and of each call.
const WITHIN: Duration = Duration::from_secs(30);

/// A password, which does not print and is wiped when it goes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes a password.
    pub fn new(password: impl Into<String>) -> Self {
        Self(Zeroizing::new(password.into()))
    }

    /// Shows it, to be used and not to be kept.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

impl Serialize for Password {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Login, with the timeout of connecting and of each call.
#[derive(Clone, Debug)]
pub struct Login {
    user: String,
    password: Password,
    within: Duration,
}

impl Login {
    /// A local user, by name and password.
    pub fn new(user: &str, password: Password) -> Result<Self, Error> {
        if !is_user_name(user) {
            return Err(Error::UserName(user.to_owned()));
        }
        Ok(Self { user: user.to_owned(), password, within: WITHIN })
    }

    /// Sets how long connecting may take, and then each call.
    pub fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }
}

/// Whether Juju takes it for the name of a user: letters, digits and inner `.+-`,
/// and for one who is not local a domain after `@`.
pub fn is_user_name(name: &str) -> bool {
    let part = |part: &str| {
        let end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        end(part.chars().next())
            && end(part.chars().last())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || ".+-".contains(c))
    };
    match name.split_once('@') {
        None => part(name),
        Some((name, domain)) => part(name) && part(domain),
    }
}

/// The model or controller to log in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The controller: users, models, clouds, offers.
    Controller,
    /// A model, by its uuid: status, applications, options, secrets, actions.
    Model(String),
}

/// The logged-in user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct UserInfo {
    /// Tag, `user-NAME`.
    pub identity: String,
    /// Access to the controller: `login` or `superuser`.
    pub controller_access: String,
    /// Access to the model, if one is logged in to.
    pub model_access: String,
}

/// A connection that is logged in. It closes when it goes.
#[derive(Debug)]
pub struct Connection {
    transport: Transport,
    within: Duration,
    last_id: u64,
    facades: BTreeMap<String, Vec<u32>>,
    server_version: String,
    controller_tag: String,
    user: UserInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Request<'a, P> {
    request_id: u64,
    #[serde(rename = "type")]
    facade: &'a str,
    version: u32,
    id: &'a str,
    request: &'a str,
    params: P,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Response {
    #[serde(default)]
    request_id: u64,
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_code: String,
    #[serde(default)]
    error_info: Option<Value>,
    #[serde(default)]
    response: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct LoginResult {
    #[serde(default)]
    facades: Vec<FacadeVersions>,
    #[serde(default)]
    server_version: String,
    #[serde(default)]
    controller_tag: String,
    user_info: Option<UserInfo>,
}

#[derive(Deserialize)]
struct FacadeVersions {
    name: String,
    versions: Vec<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct LoginParams<'a> {
    auth_tag: String,
    credentials: &'a Password,
    nonce: &'a str,
    macaroons: [(); 0],
    user_data: &'a str,
    client_version: &'a str,
}

impl Connection {
    /// Connects and logs in.
    pub fn open(endpoint: &Endpoint, target: &Target, login: &Login) -> Result<Self, Error> {
        let connection = Self::open_as(endpoint, target, login, CLIENT_VERSION)?;
        let major = |version: &str| version.split('.').next().unwrap_or_default().to_owned();
        let server = major(&connection.server_version);
        if server == major(CLIENT_VERSION) || server.is_empty() {
            return Ok(connection);
        }
        drop(connection);
        Self::open_as(endpoint, target, login, &format!("{server}.0.0"))
    }

    fn open_as(
        endpoint: &Endpoint,
        target: &Target,
        login: &Login,
        client_version: &str,
    ) -> Result<Self, Error> {
        let path = match target {
            Target::Controller => "/api".to_owned(),
            Target::Model(uuid) => format!("/model/{uuid}/api"),
        };
        let mut connection = Self {
            transport: Transport::open(endpoint, &path, login.within)?,
            within: login.within,
            last_id: 0,
            facades: BTreeMap::new(),
            server_version: String::new(),
            controller_tag: String::new(),
            user: UserInfo::default(),
        };
        let params = LoginParams {
            auth_tag: format!("user-{}", login.user),
            credentials: &login.password,
            nonce: "",
            macaroons: [],
            user_data: "",
            client_version,
        };
        let refused = |message: String| Error::Login { user: login.user.clone(), message };
        let result: LoginResult =
            connection.request("Admin", 3, "Login", &params).map_err(|error| match error {
                Error::Call { failure, .. } if failure.code == Code::Unauthorized => {
                    refused(failure.message)
                }
                other => other,
            })?;
        let Some(user) = result.user_info else {
            // It sends a macaroon to be discharged elsewhere.
            return Err(refused("it wants a login elsewhere, not a password".into()));
        };
        connection.user = user;
        connection.server_version = result.server_version;
        connection.controller_tag = result.controller_tag;
        let facades = result.facades.into_iter();
        connection.facades = facades.map(|f| (f.name, f.versions)).collect();
        Ok(connection)
    }

    /// The logged-in user.
    pub fn user(&self) -> &UserInfo {
        &self.user
    }

    /// Whether who is logged in may do anything.
    pub fn is_superuser(&self) -> bool {
        self.user.controller_access == "superuser"
    }

    /// Version of the controller.
    pub fn server_version(&self) -> &str {
        &self.server_version
    }

    /// The controller's uuid.
    pub fn controller_uuid(&self) -> &str {
        let tag = self.controller_tag.as_str();
        tag.strip_prefix("controller-").unwrap_or(tag)
    }

    /// Calls a method in the newest version that both sides know.
    pub(crate) fn call<T: DeserializeOwned>(
        &mut self,
        facade: &Facade,
        method: &str,
        params: impl Serialize,
    ) -> Result<T, Error> {
        let version = self.version(facade)?;
        self.request(facade.name, version, method, &params)
    }

    /// Calls a method on several things; each has its own result.
    pub(crate) fn call_each<T: DeserializeOwned>(
        &mut self,
        facade: &Facade,
        method: &str,
        params: impl Serialize,
    ) -> Result<Vec<Result<T, Failure>>, Error> {
        let results: Results = self.call(facade, method, params)?;
        let what = || format!("{}.{method}", facade.name);
        let parse = |item: Item| match item.error {
            Some(error) => Ok(Err(Failure::from(error))),
            None => serde_json::from_value(Value::Object(item.rest))
                .map(Ok)
                .map_err(|error| not_understood(what(), error)),
        };
        let results = results.results.unwrap_or_default();
        results.into_iter().map(parse).collect()
    }

    /// Calls a method on one thing.
    pub(crate) fn call_one<T: DeserializeOwned>(
        &mut self,
        facade: &Facade,
        method: &str,
        params: impl Serialize,
    ) -> Result<T, Error> {
        let call = format!("{}.{method}", facade.name);
        let mut results = self.call_each(facade, method, params)?;
        let count = results.len();
        match results.pop().filter(|_| count == 1) {
            Some(result) => result.map_err(|failure| Error::Call { call, failure }),
            None => {
                Err(Error::Answer { what: call, why: format!("{count} results for one question") })
            }
        }
    }

    /// The newest version of a facade that both sides know.
    pub(crate) fn version(&self, facade: &Facade) -> Result<u32, Error> {
        let offered = self.facades.get(facade.name).cloned().unwrap_or_default();
        let both = offered.iter().filter(|v| facade.versions.contains(v));
        both.max().copied().ok_or_else(|| Error::Facade {
            server: self.server_version.clone(),
            facade: facade.name,
            offered,
            known: facade.versions,
        })
    }

    fn request<T: DeserializeOwned>(
        &mut self,
        facade: &str,
        version: u32,
        method: &str,
        params: &impl Serialize,
    ) -> Result<T, Error> {
        self.last_id += 1;
        let id = self.last_id;
        let what = format!("{facade}.{method}");
        let request = Request { request_id: id, facade, version, id: "", request: method, params };
        let text = serde_json::to_string(&request).map_err(|e| not_understood(what.clone(), e))?;
        self.transport.set_deadline(Instant::now() + self.within);
        let failed = |error| broken(error, &what, self.within);
        self.transport.send(text).map_err(failed)?;
        loop {
            let text = Zeroizing::new(self.transport.receive().map_err(failed)?);
            let response: Response =
                serde_json::from_str(&text).map_err(|e| not_understood(what.clone(), e))?;
            // Another id is of a call that was given up.
            if response.request_id == id {
                return response.result(what);
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.transport.close();
    }
}

impl Response {
    fn result<T: DeserializeOwned>(self, what: String) -> Result<T, Error> {
        if !self.error.is_empty() || !self.error_code.is_empty() {
            let code = Code::parse(&self.error_code, &self.error);
            if code == Code::Redirected {
                return Err(Error::Redirected(servers(self.error_info.as_ref())));
            }
            let message = self.error;
            return Err(Error::Call { call: what, failure: Failure { code, message } });
        }
        let empty = "{}";
        let text = self.response.as_ref().map_or(empty, |raw| raw.get());
        serde_json::from_str(text).map_err(|error| not_understood(what, error))
    }
}

#[derive(Deserialize)]
struct Results {
    results: Option<Vec<Item>>,
}

#[derive(Deserialize)]
struct Item {
    error: Option<FailureWire>,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

fn servers(info: Option<&Value>) -> Vec<String> {
    let all = info.and_then(|info| info["servers"].as_array());
    let each = all.into_iter().flatten().filter_map(Value::as_array);
    each.flatten()
        .filter_map(|server| Some(format!("{}:{}", server["value"].as_str()?, server["port"])))
        .collect()
}

fn not_understood(what: String, error: serde_json::Error) -> Error {
    // Its text may quote a value; where it is and of which kind is enough.
    let why =
        format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column());
    Error::Answer { what, why }
}

fn broken(error: tungstenite::Error, what: &str, within: Duration) -> Error {
    use std::io::ErrorKind;
    let what = what.to_owned();
    match error {
        tungstenite::Error::Io(error)
            if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) =>
        {
            Error::TimedOut { what, within }
        }
        tungstenite::Error::Io(error) => Error::Closed { what, why: error.to_string() },
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
            Error::Closed { what, why: "closed".into() }
        }
        other => Error::Answer { what, why: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ApplicationConfig, CloudInfo, FullStatus, ModelInfo, Offer, User};

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        let keys = prop_oneof![
            Just("request-id".to_owned()),
            Just("response".to_owned()),
            Just("error".to_owned()),
            Just("error-info".to_owned()),
            Just("results".to_owned()),
            Just("result".to_owned()),
            Just("servers".to_owned()),
            Just("applications".to_owned()),
            Just("config".to_owned()),
            Just("users".to_owned()),
            "[a-z-]{1,6}",
        ];
        leaf.prop_recursive(5, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((keys.clone(), inner), 0..6)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    /// What a frame is taken for is a result or an error, and never a panic.
    fn take(text: &str) {
        let Ok(response) = serde_json::from_str::<Response>(text) else {
            return;
        };
        let _ = response.result::<Results>("a call".into());
        fn parses<T: serde::de::DeserializeOwned>(text: &str) -> bool {
            serde_json::from_str::<T>(text).is_ok()
        }
        for parse in [
            parses::<FullStatus>,
            parses::<ApplicationConfig>,
            parses::<ModelInfo>,
            parses::<CloudInfo>,
            parses::<Offer>,
            parses::<User>,
            parses::<LoginResult>,
        ] {
            parse(text);
        }
    }

    proptest! {
        #[test]
        fn json_frame_never_panics(frame in any_json()) {
            take(&frame.to_string());
        }

        #[test]
        fn other_frame_never_panics(frame in ".*") {
            take(&frame);
        }

        /// A failure shows its reason without the frame, which may hold a secret.
        #[test]
        fn malformed_answer_is_not_quoted(secret in "[a-z]{12}") {
            let frame = format!(r#"{{"request-id": 1, "response": {{"results": "{secret}"}}}}"#);
            let response: Response = serde_json::from_str(&frame).unwrap();
            let error = response.result::<Results>("a call".into()).err().unwrap();
            prop_assert!(!error.to_string().contains(&secret));
        }
    }
}
