//! Application: the options of applications of the model that is logged in to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wire::{Facade, Nothing, or_default};
use crate::connection::{Connection, Password};
use crate::{Code, Error};

const FACADE: Facade = Facade { name: "Application", versions: &[19, 20, 21, 22] };

/// An application's options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ApplicationConfig {
    /// The charm's options.
    #[serde(deserialize_with = "or_default")]
    pub config: BTreeMap<String, OptionValue>,
    /// Juju's own: `trust`.
    #[serde(deserialize_with = "or_default")]
    application_config: BTreeMap<String, OptionValue>,
}

impl ApplicationConfig {
    /// Whether the application has the rights of Juju's own in the cluster.
    pub fn is_trusted(&self) -> bool {
        let trust = self.application_config.get("trust");
        trust.is_some_and(|option| option.value == Value::Bool(true))
    }

    /// An option that is text, if it is set and not empty. It may be a secret, and so
    /// it does not print.
    pub fn text(&self, option: &str) -> Option<Password> {
        let text = self.config.get(option)?.value.as_str()?;
        (!text.is_empty()).then(|| Password::new(text))
    }
}

/// Where an option's value comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptionSource {
    /// A user set it.
    User,
    /// The charm's default.
    Default,
    /// It has none, or it is not reported.
    #[default]
    #[serde(other)]
    Unset,
}

/// An option.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct OptionValue {
    /// Its value.
    pub value: Value,
    /// Where that comes from.
    pub source: OptionSource,
    /// Type in the charm's metadata: `string`, `secret`, ...
    #[serde(rename = "type")]
    pub kind: String,
}

/// Its value may be a secret.
impl std::fmt::Debug for OptionValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OptionValue({} from {:?}, ..)", self.kind, self.source)
    }
}

#[derive(Serialize)]
struct Arguments<'a> {
    #[serde(rename = "Args")]
    arguments: [SetConfig<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct SetConfig<'a> {
    application: &'a str,
    generation: &'a str,
    config: &'a BTreeMap<&'a str, &'a Password>,
    config_yaml: &'a str,
}

impl Connection {
    /// An application's options; needs `read`.
    pub fn application_config(&mut self, application: &str) -> Result<ApplicationConfig, Error> {
        let params = serde_json::json!({"application": application, "branch": ""});
        self.call(&FACADE, "Get", params)
    }

    /// Sets options; needs `write`. Others keep their values.
    pub fn set_application_config(
        &mut self,
        application: &str,
        options: &BTreeMap<&str, &Password>,
    ) -> Result<(), Error> {
        let arguments =
            [SetConfig { application, generation: "", config: options, config_yaml: "" }];
        let _: Nothing = self.call_one(&FACADE, "SetConfigs", Arguments { arguments })?;
        Ok(())
    }

    /// Sets options to the charm's defaults; needs `write`.
    pub fn reset_application_config(
        &mut self,
        application: &str,
        options: &[&str],
    ) -> Result<(), Error> {
        let unset = serde_json::json!({
            "application": application, "branch": "", "options": options,
        });
        let params = serde_json::json!({"Args": [unset]});
        let _: Nothing = self.call_one(&FACADE, "UnsetApplicationsConfig", params)?;
        Ok(())
    }

    /// Relates two endpoints, each `APPLICATION:ENDPOINT`; needs `write`. Related ones stay
    /// related.
    pub fn add_relation(&mut self, endpoints: &[String; 2]) -> Result<(), Error> {
        let params = serde_json::json!({"endpoints": endpoints, "via-cidrs": []});
        unless(Code::AlreadyExists, self.call(&FACADE, "AddRelation", params))
    }

    /// Takes the relation of two endpoints away; needs `write`. One that is not there is no
    /// error.
    pub fn destroy_relation(&mut self, endpoints: &[String; 2]) -> Result<(), Error> {
        let params = serde_json::json!({"endpoints": endpoints, "relation-id": 0});
        unless(Code::NotFound, self.call(&FACADE, "DestroyRelation", params))
    }
}

/// What was answered does not matter, nor does a refusal of this kind.
fn unless(code: Code, answer: Result<Value, Error>) -> Result<(), Error> {
    match answer {
        Err(error) if error.failure().is_some_and(|failure| failure.code == code) => Ok(()),
        answer => answer.map(drop),
    }
}
