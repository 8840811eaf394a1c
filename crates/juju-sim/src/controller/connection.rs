//! One connection: the login, then calls.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::{About, Caller};
use super::reply::{Refusal, Reply, denied, name_of, parse, refuse};
use super::state::{Call, State};
use super::{
    applications, charms, clouds, controllers, facades, model_config, models, offers, secrets,
};
use crate::model::Juju;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Request {
    #[serde(default)]
    request_id: u64,
    #[serde(rename = "type", default)]
    facade: String,
    #[serde(default)]
    version: u64,
    #[serde(default)]
    request: String,
    #[serde(default)]
    params: Value,
}

impl Request {
    /// A request, if it is one that does not end the connection.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let request: Self = serde_json::from_str(text).ok()?;
        (request.request_id > 0).then_some(request)
    }

    /// Facade and method.
    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.facade, self.request)
    }

    /// The answer to it that says why it is refused.
    pub(super) fn refusal(&self, message: &str, code: &'static str) -> Value {
        let refused: Reply = refuse(message, code);
        self.say(refused)
    }

    fn say(&self, reply: Reply) -> Value {
        let id = self.request_id;
        match reply {
            Ok(response) => json!({"request-id": id, "response": response}),
            Err(Refusal { message, code, info }) => {
                let mut said = json!({"request-id": id, "error": message, "response": {}});
                if !code.is_empty() {
                    said["error-code"] = json!(code);
                }
                if let Some(info) = info {
                    said["error-info"] = info;
                }
                said
            }
        }
    }
}

impl Caller {
    pub(super) fn answer(
        &mut self,
        state: &mut State,
        about: &About<'_>,
        request: &Request,
    ) -> Value {
        state.requests.push(Call {
            user: self.user.clone(),
            name: request.name(),
            version: request.version,
            params: request.params.clone(),
        });
        let reply = self.reply(state, about, request);
        request.say(reply)
    }

    fn reply(&mut self, state: &mut State, about: &About<'_>, request: &Request) -> Reply {
        let (facade, version, method) = (&request.facade, request.version, &request.request);
        if self.user.is_empty() {
            if facade != "Admin" || method != "Login" {
                let message = format!("unknown version {version} for facade type {facade:?}");
                return refuse(message, "not implemented");
            }
            return self.log_in(state, about, version, &request.params);
        }
        let user = state.users.get(&self.user);
        self.is_superuser = user.is_some_and(|user| user.access == "superuser" && !user.disabled);
        let kind = if self.model.is_some() { "model" } else { "controller" };
        let offered = facades::offered(state.juju, self.model.is_some());
        let Some((_, versions)) = offered.into_iter().find(|(name, _)| name == facade) else {
            let of_controller = facades::offered(state.juju, false);
            let is_there = kind == "model" && of_controller.iter().any(|(name, _)| name == facade);
            let message = match is_there {
                true => format!("facade {facade:?} not supported on container models"),
                false => format!("facade {facade:?} not supported for {kind} API connection"),
            };
            return refuse(message, "not supported");
        };
        if version == 0 {
            return refuse(format!("unknown facade type {facade:?}"), "not implemented");
        }
        if !versions.iter().any(|known| u64::from(*known) == version) {
            let message = format!("unknown version {version} for facade type {facade:?}");
            return refuse(message, "not implemented");
        }
        self.check_client(state)?;
        let params = &request.params;
        let done = match facade.as_str() {
            "UserManager" => super::users::call(state, self, method, params),
            "ModelManager" => models::manager(state, self, method, params),
            "Controller" => controllers::controller(state, self, about, method, params),
            "ModelConfig" => model_config::config(state, self, method, params),
            "Cloud" => clouds::cloud(state, self, method, params),
            "ApplicationOffers" => offers::offers(state, self, method, params),
            "SecretBackends" => controllers::secret_backends(state, method, params),
            "Block" => super::blocks::call(state, self, method, params),
            "Client" => applications::status(state, self, method),
            "Application" => applications::application(state, self, method, params),
            "Charms" => charms::info(state, self, method, params),
            "Resources" => charms::resources(state, self, method, params),
            "Action" => applications::action(state, self, method, params),
            "Secrets" => secrets::call(state, self, method, params),
            "Pinger" if method == "Ping" => Some(Ok(json!({}))),
            _ => None,
        };
        done.unwrap_or_else(|| {
            let message = format!(
                "unknown method {method:?} at version {version} for facade type {facade:?}"
            );
            refuse(message, "not implemented")
        })
    }

    /// A 3.6 controller takes next to nothing from a client of another major version.
    fn check_client(&self, state: &State) -> Result<(), Refusal> {
        let major = self.client_version.split('.').next().unwrap_or_default();
        match state.juju {
            Juju::V3_6 if !["3", "4"].contains(&major) => {
                let version = &self.client_version;
                refuse(
                    format!("this version of Juju does not support calls from client {version:?}"),
                    "incompatible client version",
                )
            }
            _ => Ok(()),
        }
    }

    fn log_in(
        &mut self,
        state: &mut State,
        about: &About<'_>,
        version: u64,
        params: &Value,
    ) -> Reply {
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct Login {
            auth_tag: String,
            #[serde(default)]
            credentials: String,
            #[serde(default)]
            client_version: String,
        }
        if version < 3 {
            let message =
                "this version of Juju does not support login from old clients (not supported)";
            return refuse(message, "not supported");
        }
        let login: Login = parse(params)?;
        if let Some(model) = &self.model
            && !state.models.contains_key(model)
        {
            return refuse(format!("unknown model: {model:?}"), "model not found");
        }
        let name = name_of(&login.auth_tag, "user")?;
        if name.contains('@') {
            // Such a user is known by a macaroon only.
            let message = "failed to authenticate request: unauthorized";
            return refuse(message, "unauthorized access");
        }
        if state.upgrading {
            return refuse("login failed - maintenance in progress", "");
        }
        if login.credentials.is_empty() {
            // A macaroon, to be discharged elsewhere.
            return Ok(
                json!({"discharge-required": {}, "discharge-required-error": "no credentials"}),
            );
        }
        if !state.accepts(name, &login.credentials) {
            return refuse("invalid entity name or password", "unauthorized access");
        }
        let now = Timestamp::now();
        let Some(user) = state.users.get_mut(name) else {
            return denied();
        };
        if user.access.is_empty() {
            return denied();
        }
        let access = user.access.clone();
        let mut model_access = String::new();
        if let Some(uuid) = &self.model {
            let of_model = state.models.get_mut(uuid);
            let has = of_model.as_ref().and_then(|model| model.users.get(name).cloned());
            model_access = match has {
                Some(access) => access,
                None if access == "superuser" => "admin".into(),
                None => return denied(),
            };
            if let Some(model) = of_model {
                model.connections.insert(name.into(), now);
            }
        }
        user.last_connection = Some(now);
        self.user = name.to_owned();
        self.client_version = login.client_version;
        let access = (access.as_str(), model_access.as_str());
        Ok(self.logged_in(state, about, &login.auth_tag, access))
    }

    /// The answer to a login that is accepted.
    fn logged_in(
        &self,
        state: &State,
        about: &About<'_>,
        auth_tag: &str,
        (access, model_access): (&str, &str),
    ) -> Value {
        let (host, port) = about.address.rsplit_once(':').unwrap_or_default();
        let offered = facades::offered(state.juju, self.model.is_some());
        let offered = offered.into_iter();
        let mut answer = json!({
            "servers": [[{
                "value": host, "type": "ipv4", "scope": "local-machine",
                "port": port.parse::<u16>().unwrap_or_default(),
            }]],
            "controller-tag": format!("controller-{}", state.uuid),
            "user-info": {
                "display-name": "", "identity": auth_tag, "controller-access": access,
                "model-access": model_access,
            },
            "facades": offered
                .map(|(name, versions)| json!({"name": name, "versions": versions}))
                .collect::<Vec<_>>(),
            "server-version": state.version(),
        });
        if let Some(uuid) = &self.model {
            answer["model-tag"] = json!(format!("model-{uuid}"));
        }
        answer
    }
}
