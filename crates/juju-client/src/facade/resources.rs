//! Resources: what applications of the model that is logged in to were deployed with.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::wire::{Entities, Entity, Facade, or_default};
use crate::Error;
use crate::connection::Connection;

const FACADE: Facade = Facade { name: "Resources", versions: &[3] };

/// A resource of an application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Resource {
    /// Its name in the charm.
    pub name: String,
    /// `oci-image` or `file`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `store` if it came from Charmhub, `upload` if a user uploaded it.
    pub origin: String,
    /// Its revision, of those from Charmhub.
    pub revision: i64,
    /// Hash of its description, in base64. That of an OCI image is not its digest.
    pub fingerprint: String,
    /// When it was made, RFC 3339.
    pub timestamp: String,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default, deserialize_with = "or_default")]
    results: Vec<OfApplication>,
}

#[derive(Deserialize)]
struct OfApplication {
    error: Option<serde::de::IgnoredAny>,
    #[serde(default, deserialize_with = "or_default")]
    resources: Vec<Resource>,
}

impl Connection {
    /// Resources of applications, by name of the application, in one call; needs `read`. One
    /// that is gone by now has none.
    pub fn resources(
        &mut self,
        applications: &[&str],
    ) -> Result<BTreeMap<String, Vec<Resource>>, Error> {
        let tags = applications.iter().map(|name| Entity { tag: format!("application-{name}") });
        let entities = Entities { entities: tags.collect() };
        let listed: Listed = self.call(&FACADE, "ListResources", entities)?;
        let named = applications.iter().zip(listed.results);
        Ok(named
            .filter(|(_, result)| result.error.is_none())
            .map(|(name, result)| ((*name).to_owned(), result.resources))
            .collect())
    }
}
