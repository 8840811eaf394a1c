//! Cloud: the clouds of a controller and who may use them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::wire::{Entities, Facade, Wrapped, or_default, untagged};
use crate::Error;
use crate::connection::Connection;

const FACADE: Facade = Facade { name: "Cloud", versions: &[7, 8] };

/// A cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct CloudInfo {
    /// Kind, for example `kubernetes`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Access by user.
    #[serde(deserialize_with = "or_default")]
    pub users: Vec<CloudUser>,
}

/// A user's access to a cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct CloudUser {
    /// Name.
    #[serde(alias = "user")]
    pub name: String,
    /// `add-model` or `admin`.
    pub access: String,
}

#[derive(Deserialize)]
struct Clouds {
    #[serde(default, deserialize_with = "or_default")]
    clouds: BTreeMap<String, Value>,
}

impl Connection {
    /// Names of the clouds that one may see.
    pub fn clouds(&mut self) -> Result<Vec<String>, Error> {
        let clouds: Clouds = self.call(&FACADE, "Clouds", serde_json::json!({}))?;
        let names = clouds.clouds.into_keys();
        Ok(names.map(|tag| untagged(&tag, "cloud").to_owned()).collect())
    }

    /// A cloud and who may use it; needs `admin` of it, or `superuser`.
    pub fn cloud(&mut self, name: &str) -> Result<CloudInfo, Error> {
        let params = Entities::one(format!("cloud-{name}"));
        let info: Wrapped<CloudInfo> = self.call_one(&FACADE, "CloudInfo", params)?;
        Ok(info.result)
    }
}
