//! The client of one container's Pebble: requests, answers and what they are wrapped in.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use ureq::Agent;

use super::error::Error;
use super::socket::{NoResolver, Socket};

/// Default timeout of a call.
const DEADLINE: Duration = Duration::from_secs(5);
/// The largest answer that is taken, in bytes; files may be larger.
const LARGEST: u64 = 16 * 1024 * 1024;

/// A client of one container's Pebble.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) agent: Agent,
    pub(super) socket: PathBuf,
}

/// Envelope of an answer.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    change: String,
    #[serde(borrow)]
    pub(super) result: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    message: String,
    kind: String,
}

/// Version of Pebble, and its boot.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SystemInfo {
    /// Version, for example `v1.32.1`.
    pub version: String,
    /// Differs after each start.
    pub boot_id: String,
}

impl Client {
    /// The client of a workload container of this unit.
    pub fn of_container(name: &str) -> Self {
        // A simulated Juju has its containers elsewhere.
        let root = std::env::var_os("JUJU_SIM_CONTAINERS");
        let root = root.map_or_else(|| PathBuf::from("/charm/containers"), PathBuf::from);
        Self::at(root.join(name).join("pebble.socket"))
    }

    /// A client of the Pebble at a socket.
    pub fn at(socket: impl Into<PathBuf>) -> Self {
        let socket = socket.into();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent("juju-charm")
            .proxy(None)
            .build();
        let connector = Socket(socket.clone());
        let agent = Agent::with_parts(config, connector, NoResolver);
        Self { agent, socket }
    }

    /// Reads Pebble's version; an error if it cannot be reached.
    pub fn system_info(&self) -> Result<SystemInfo, Error> {
        self.get("/v1/system-info", &[])
    }

    /// Whether all checks are up, or those of a level (`alive`, `ready`) or of these names.
    pub fn is_healthy(&self, level: Option<&str>, names: &[&str]) -> Result<bool, Error> {
        #[derive(Deserialize)]
        struct Health {
            healthy: bool,
        }
        let mut query: Vec<_> = level.map(|level| ("level", level)).into_iter().collect();
        query.extend(names.iter().map(|name| ("names", *name)));
        let (_, text) = self.ask("GET", "/v1/health", &query, None, DEADLINE)?;
        let envelope = envelope(&text)?;
        // Ill is 502, and no refusal.
        result::<Health>("health", envelope.result).map(|health| health.healthy)
    }

    pub(super) fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Error> {
        self.sync("GET", path, query, None)
    }

    pub(super) fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Error> {
        self.sync("POST", path, &[], Some(body))
    }

    fn sync<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<T, Error> {
        let (status, text) = self.ask(method, path, query, body, DEADLINE)?;
        result(path, accepted(status, &text)?.result)
    }

    /// Starts a change; its id, and what else Pebble says.
    pub(super) fn start(&self, path: &str, body: &Value) -> Result<(String, Value), Error> {
        let (status, text) = self.ask("POST", path, &[], Some(body), DEADLINE)?;
        let envelope = accepted(status, &text)?;
        Ok((envelope.change, result::<Option<Value>>(path, envelope.result)?.unwrap_or_default()))
    }

    pub(super) fn ask(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
        deadline: Duration,
    ) -> Result<(u16, String), Error> {
        let accept = ("accept", "application/json");
        let answer = match body {
            Some(body) => {
                let text = body.to_string();
                let request = self.request(self.agent.post(url(path)), query, deadline);
                request
                    .header(accept.0, accept.1)
                    .header("content-type", "application/json")
                    .send(text)
            }
            None => self
                .request(self.agent.get(url(path)), query, deadline)
                .header(accept.0, accept.1)
                .call(),
        };
        let request = format!("{method} {path}");
        let mut answer = answer.map_err(|error| self.error(error, &request))?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(LARGEST).read_to_string();
        text.map(|text| (status, text)).map_err(|error| self.error(error, &request))
    }

    pub(super) fn request<B>(
        &self,
        request: ureq::RequestBuilder<B>,
        query: &[(&str, &str)],
        deadline: Duration,
    ) -> ureq::RequestBuilder<B> {
        let query = query.iter().map(|(name, value)| (*name, *value));
        request.query_pairs(query).config().timeout_global(Some(deadline)).build()
    }

    pub(super) fn error(&self, error: ureq::Error, request: &str) -> Error {
        let socket = self.socket.clone();
        match error {
            ureq::Error::Timeout(_) => Error::TimedOut { socket, request: request.to_owned() },
            ureq::Error::BodyExceedsLimit(limit) => Error::Answer {
                what: request.to_owned(),
                why: format!("it is longer than {limit} bytes"),
            },
            error => Error::Unreachable { socket, source: Box::new(error) },
        }
    }
}

/// A host must be named; the socket is what counts.
pub(super) fn url(path: &str) -> String {
    format!("http://localhost{path}")
}

fn envelope(text: &str) -> Result<Envelope<'_>, Error> {
    serde_json::from_str(text)
        .map_err(|error| Error::Answer { what: "an answer".into(), why: error.to_string() })
}

/// The envelope of an answer that is no refusal.
pub(super) fn accepted(status: u16, text: &str) -> Result<Envelope<'_>, Error> {
    let envelope = envelope(text)?;
    if envelope.kind == "error" || status >= 400 {
        let refusal: Refusal = result("an error", envelope.result).unwrap_or_default();
        return Err(Error::Refused { status, kind: refusal.kind, message: refusal.message });
    }
    Ok(envelope)
}

pub(super) fn result<T: DeserializeOwned>(what: &str, raw: Option<&RawValue>) -> Result<T, Error> {
    let text = raw.map_or("null", RawValue::get);
    serde_json::from_str(text)
        .map_err(|error| Error::Answer { what: what.to_owned(), why: error.to_string() })
}
