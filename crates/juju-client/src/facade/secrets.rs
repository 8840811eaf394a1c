//! Secrets: what users, and so a model, own.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::wire::{Facade, Nothing, or_default};
use crate::connection::Connection;
use crate::{Error, Password};

const FACADE: Facade = Facade { name: "Secrets", versions: &[2] };

/// A secret, without its content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Secret {
    /// Its URI, `secret:ID`.
    pub uri: String,
    /// Name that its owner gave it.
    pub label: String,
    /// Description.
    pub description: String,
    /// Tag of its owner, for example `model-UUID`.
    pub owner_tag: String,
    /// Newest revision.
    pub latest_revision: u64,
}

/// Content of a secret, by key.
pub type SecretContent<'a> = BTreeMap<&'a str, &'a Password>;

#[derive(Serialize)]
struct Arguments<T> {
    args: [T; 1],
}

#[derive(Serialize)]
struct Content {
    data: BTreeMap<String, Zeroizing<String>>,
}

impl Content {
    fn of(content: &SecretContent<'_>) -> Self {
        let encoded = |(key, value): (&&str, &&Password)| {
            ((*key).to_owned(), Zeroizing::new(STANDARD.encode(value.expose())))
        };
        Self { data: content.iter().map(encoded).collect() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Create<'a> {
    owner_tag: &'a str,
    label: &'a str,
    description: &'a str,
    content: Content,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Update<'a> {
    uri: &'a str,
    existing_label: &'a str,
    description: &'a str,
    content: Content,
    auto_prune: bool,
}

impl Connection {
    /// Secrets that this model owns; needs `read`.
    pub fn model_secrets(&mut self, model_uuid: &str) -> Result<Vec<Secret>, Error> {
        #[derive(Deserialize)]
        struct Results {
            #[serde(default, deserialize_with = "or_default")]
            results: Vec<Secret>,
        }
        let owner = format!("model-{model_uuid}");
        // A filter by owner takes applications and units only: a model's tag is refused.
        let params = serde_json::json!({"show-secrets": false, "filter": {}});
        let listed: Results = self.call(&FACADE, "ListSecrets", params)?;
        let all = listed.results.into_iter();
        Ok(all.filter(|secret| secret.owner_tag == owner).collect())
    }

    /// Makes a secret that the model owns, and returns its URI; needs `write`.
    pub fn create_secret(
        &mut self,
        label: &str,
        description: &str,
        content: &SecretContent<'_>,
    ) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Made {
            result: String,
        }
        let args = [Create {
            // The model that is logged in to; its tag is refused.
            owner_tag: "",
            label,
            description,
            content: Content::of(content),
        }];
        let made: Made = self.call_one(&FACADE, "CreateSecrets", Arguments { args })?;
        Ok(made.result)
    }

    /// Gives a secret of the model new content; revisions that no consumer reads any longer go.
    /// Needs `write`.
    pub fn update_secret(
        &mut self,
        uri: &str,
        description: &str,
        content: &SecretContent<'_>,
    ) -> Result<(), Error> {
        let args = [Update {
            uri,
            existing_label: "",
            description,
            content: Content::of(content),
            auto_prune: true,
        }];
        let _: Nothing = self.call_one(&FACADE, "UpdateSecrets", Arguments { args })?;
        Ok(())
    }

    /// Lets an application read a secret of the model; needs `write`. Doing it again
    /// changes nothing.
    pub fn grant_secret(&mut self, uri: &str, application: &str) -> Result<(), Error> {
        let params = serde_json::json!({"uri": uri, "label": "", "applications": [application]});
        let _: Nothing = self.call_one(&FACADE, "GrantSecret", params)?;
        Ok(())
    }
}
