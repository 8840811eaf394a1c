//! ModelConfig: the configuration of the model that is logged in to.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::wire::{Facade, or_default};
use crate::Error;
use crate::connection::Connection;

const FACADE: Facade = Facade { name: "ModelConfig", versions: &[3, 4] };

#[derive(Deserialize)]
struct Config {
    #[serde(default, deserialize_with = "or_default")]
    config: BTreeMap<String, Sourced>,
}

#[derive(Deserialize)]
struct Sourced {
    #[serde(default)]
    value: Value,
}

impl Connection {
    /// The model's configuration, defaults too.
    pub fn model_config(&mut self) -> Result<BTreeMap<String, Value>, Error> {
        let config: Config = self.call(&FACADE, "ModelGet", serde_json::json!({}))?;
        let values = config.config.into_iter();
        Ok(values.map(|(key, sourced)| (key, sourced.value)).collect())
    }

    /// Sets options of the model; needs `write`. What is not named stays.
    pub fn set_model_config(&mut self, config: &BTreeMap<String, Value>) -> Result<(), Error> {
        let _: Value = self.call(&FACADE, "ModelSet", serde_json::json!({"config": config}))?;
        Ok(())
    }

    /// Where the model's secrets are kept; None of a controller that has it in the configuration,
    /// as `secret-backend`.
    pub fn model_secret_backend(&mut self) -> Result<Option<String>, Error> {
        #[derive(Deserialize)]
        struct Backend {
            #[serde(default)]
            result: String,
            #[serde(default)]
            error: Value,
        }
        if self.version(&FACADE)? < 4 {
            return Ok(None);
        }
        let what = "ModelConfig.GetModelSecretBackend";
        let backend: Backend =
            self.call(&FACADE, "GetModelSecretBackend", serde_json::json!({}))?;
        match backend.error.get("message").and_then(Value::as_str) {
            None => Ok(Some(backend.result)),
            Some(why) => Err(Error::Answer { what: what.into(), why: why.into() }),
        }
    }
}
