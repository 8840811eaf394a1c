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
}
