//! ModelManager: the controller's models and who may do what in them.

use serde::{Deserialize, Serialize};

use super::user_manager::user_of;
use super::wire::{Entities, Facade, Wrapped, or_default, untagged};
use crate::connection::Connection;
use crate::{Error, Failure};

const FACADE: Facade = Facade { name: "ModelManager", versions: &[9, 10, 11] };

/// A model, in short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ModelSummary {
    /// Name.
    pub name: String,
    /// Uuid.
    pub uuid: String,
    /// `caas` for Kubernetes, `iaas` for machines.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it is the controller's own.
    pub is_controller: bool,
    /// Juju's version in it.
    pub agent_version: String,
}

/// A model, in full.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ModelInfo {
    /// Name.
    pub name: String,
    /// Uuid.
    pub uuid: String,
    /// Tag of the credential by which Juju uses the cloud.
    pub cloud_credential_tag: String,
    /// Access by user.
    #[serde(deserialize_with = "or_default")]
    pub users: Vec<ModelUser>,
    /// Tag of its owner; 3.6.
    owner_tag: String,
    /// Owner; Juju 4.0.
    qualifier: String,
}

impl ModelInfo {
    /// Owner.
    pub fn owner(&self) -> &str {
        match self.owner_tag.is_empty() {
            true => &self.qualifier,
            false => user_of(&self.owner_tag),
        }
    }

    /// The credential, `CLOUD/OWNER/NAME`; `None` if the model has none or it is not reported.
    pub fn credential(&self) -> Option<String> {
        let parts: Vec<&str> =
            untagged(&self.cloud_credential_tag, "cloudcred").splitn(3, '_').collect();
        (parts.len() == 3).then(|| parts.join("/"))
    }
}

/// A user's access to a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ModelUser {
    /// Name.
    pub user: String,
    /// `read`, `write` or `admin`.
    pub access: String,
    /// Last login to the model, RFC 3339.
    pub last_connection: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Summaries {
    user_tag: String,
    all: bool,
}

impl Connection {
    /// The models that one may see: all of them with `superuser`.
    pub fn models(&mut self) -> Result<Vec<ModelSummary>, Error> {
        // 4.0 refuses to list all to anyone else.
        let all = self.is_superuser();
        let params = Summaries { user_tag: self.user().identity.clone(), all };
        let all: Vec<Result<Wrapped<ModelSummary>, Failure>> =
            self.call_each(&FACADE, "ListModelSummaries", params)?;
        // One that is being removed has an error in its place.
        Ok(all.into_iter().filter_map(|model| Some(model.ok()?.result)).collect())
    }

    /// A model in full.
    pub fn model(&mut self, uuid: &str) -> Result<ModelInfo, Error> {
        let params = Entities::one(format!("model-{uuid}"));
        let info: Wrapped<ModelInfo> = self.call_one(&FACADE, "ModelInfo", params)?;
        Ok(info.result)
    }
}
