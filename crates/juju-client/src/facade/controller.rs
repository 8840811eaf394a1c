//! Controller: its configuration.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::wire::{Facade, or_default};
use crate::Error;
use crate::connection::Connection;

const FACADE: Facade = Facade { name: "Controller", versions: &[11, 12, 13, 14] };

#[derive(Deserialize)]
struct Config {
    #[serde(default, deserialize_with = "or_default")]
    config: BTreeMap<String, Value>,
}

impl Connection {
    /// The controller's configuration, for example `audit-log-max-size`. Every user who is
    /// logged in may read it.
    pub fn controller_config(&mut self) -> Result<BTreeMap<String, Value>, Error> {
        let config: Config = self.call(&FACADE, "ControllerConfig", serde_json::json!({}))?;
        Ok(config.config)
    }

    /// Sets options of the controller; needs `superuser`. What is not named stays.
    pub fn set_controller_config(&mut self, config: &BTreeMap<String, Value>) -> Result<(), Error> {
        let _: Value = self.call(&FACADE, "ConfigSet", serde_json::json!({"config": config}))?;
        Ok(())
    }
}
