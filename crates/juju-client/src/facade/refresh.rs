//! Refreshing an application from Charmhub: what `juju refresh` asks of the controller, in
//! the same order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::wire::{Facade, or_default};
use crate::Error;
use crate::connection::Connection;
use crate::error::FailureWire;

const APPLICATION: Facade = Facade { name: "Application", versions: &[19, 20, 21, 22] };
const CHARMS: Facade = Facade { name: "Charms", versions: &[5, 6, 7] };
const RESOURCES: Facade = Facade { name: "Resources", versions: &[3] };

/// Where a charm comes from. What this crate does not need it keeps as it came, for the
/// controller wants all of it back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct CharmOrigin {
    /// `charm-hub` or `local`.
    pub source: String,
    /// Its revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// Track of its channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track: Option<String>,
    /// Risk of its channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Deployed {
    url: String,
    charm_origin: CharmOrigin,
}

#[derive(Deserialize)]
struct Resolved {
    #[serde(alias = "results", rename = "Results")]
    results: Vec<ResolvedCharm>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct ResolvedCharm {
    url: String,
    charm_origin: CharmOrigin,
    error: Option<FailureWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Added {
    charm_origin: CharmOrigin,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Charm {
    meta: Meta,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Meta {
    #[serde(deserialize_with = "or_default")]
    resources: BTreeMap<String, ResourceMeta>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResourceMeta {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    description: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Pending {
    #[serde(deserialize_with = "or_default")]
    pending_ids: Vec<String>,
    error: Option<FailureWire>,
}

/// Result of a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refreshed {
    /// URL of the charm before.
    pub from: String,
    /// URL of the charm that the application has now; the same, if only resources are other.
    pub to: String,
}

impl Connection {
    /// Refreshes an application to a revision of its channel, or to the newest, with the
    /// resources that Charmhub has for it; needs `write`. A resource that a user uploaded stays.
    /// Units have not done it yet when this returns.
    pub fn refresh(
        &mut self,
        application: &str,
        revision: Option<i64>,
    ) -> Result<Refreshed, Error> {
        let params = json!({"application": application, "branch": ""});
        let deployed: Deployed = self.call(&APPLICATION, "GetCharmURLOrigin", params)?;
        if deployed.charm_origin.source != "charm-hub" {
            return Err(Error::Answer {
                what: "Application.GetCharmURLOrigin".into(),
                why: format!(
                    "the charm of {application} is not from Charmhub, and has no newer one"
                ),
            });
        }
        let mut wanted = deployed.charm_origin.clone();
        wanted.revision = revision;
        // Its id and hash are of the revision that is there.
        wanted.rest.remove("hash");
        let name = charm_name(&deployed.url);
        let resolve = json!({"reference": name, "charm-origin": wanted, "switch-charm": false});
        let resolved: Resolved =
            self.call(&CHARMS, "ResolveCharms", json!({"resolve": [resolve]}))?;
        let charm = resolved.results.into_iter().next().unwrap_or_default();
        if let Some(failure) = charm.error {
            return Err(Error::Call {
                call: "Charms.ResolveCharms".into(),
                failure: failure.into(),
            });
        }
        let mut origin = charm.charm_origin;
        if revision.is_some() {
            origin.revision = revision;
        }
        let url = match revision {
            Some(revision) => with_revision(&charm.url, revision),
            None => charm.url,
        };
        let params = json!({"url": url, "charm-origin": origin, "force": false});
        let added: Added = self.call(&CHARMS, "AddCharm", params)?;
        let ids = self.pending_resources(application, &url, &added.charm_origin)?;
        let params = json!({
            "application": application, "generation": "", "charm-url": url,
            "charm-origin": added.charm_origin, "channel": added.charm_origin.risk.clone().unwrap_or_default(),
            "config-settings-yaml": "",
            "force": false, "force-units": false, "force-base": false, "resource-ids": ids,
        });
        let _: Value = self.call(&APPLICATION, "SetCharm", params)?;
        Ok(Refreshed { from: deployed.url, to: url })
    }

    /// Has the controller fetch the resources of a charm, as Charmhub has them for it.
    fn pending_resources(
        &mut self,
        application: &str,
        url: &str,
        origin: &CharmOrigin,
    ) -> Result<BTreeMap<String, String>, Error> {
        let charm: Charm = self.call(&CHARMS, "CharmInfo", json!({"url": url}))?;
        let own = self.resources(&[application])?.remove(application);
        let own = own.unwrap_or_default();
        let is_given = |name: &str| own.iter().any(|r| r.name == name && r.origin == "upload");
        let names: Vec<(&String, &ResourceMeta)> =
            charm.meta.resources.iter().filter(|(name, _)| !is_given(name)).collect();
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let resources: Vec<Value> = names
            .iter()
            .map(|(name, meta)| {
                json!({
                    "name": name, "type": meta.kind, "path": meta.path,
                    "description": meta.description, "origin": "store",
                    // The one that Charmhub has with this revision of the charm.
                    "revision": -1, "fingerprint": null, "size": 0,
                })
            })
            .collect();
        let tag = format!("application-{application}");
        let params = json!({
            "tag": tag, "Entity": {"tag": tag}, "url": url, "charm-origin": origin,
            "macaroon": null, "resources": resources,
        });
        let pending: Pending = self.call(&RESOURCES, "AddPendingResources", params)?;
        if let Some(failure) = pending.error {
            return Err(Error::Call {
                call: "Resources.AddPendingResources".into(),
                failure: failure.into(),
            });
        }
        let names = names.into_iter().map(|(name, _)| name.clone());
        Ok(names.zip(pending.pending_ids).collect())
    }
}

/// The name in a charm's URL: `ch:amd64/dex-auth-612`.
fn charm_name(url: &str) -> &str {
    let last = url.rsplit(['/', ':']).next().unwrap_or(url);
    match last.rsplit_once('-') {
        Some((name, revision)) if revision.parse::<u64>().is_ok() => name,
        _ => last,
    }
}

/// The URL of another revision of a charm.
fn with_revision(url: &str, revision: i64) -> String {
    match url.rsplit_once('-') {
        Some((name, old)) if old.parse::<u64>().is_ok() => format!("{name}-{revision}"),
        _ => format!("{url}-{revision}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_is_sent_back_unchanged() {
        let came = json!({"source": "charm-hub", "type": "charm", "id": "x", "revision": 3,
            "track": "2", "base": {"name": "ubuntu", "channel": "22.04/stable"}});
        let origin: CharmOrigin = serde_json::from_value(came.clone()).unwrap();
        assert_eq!(serde_json::to_value(origin).unwrap(), came);
    }

    #[test]
    fn charm_name_may_have_dashes() {
        for (url, name, next) in [
            ("ch:amd64/dex-auth-612", "dex-auth", "ch:amd64/dex-auth-700"),
            ("ch:dex-auth", "dex-auth", "ch:dex-auth-700"),
        ] {
            assert_eq!(charm_name(url), name);
            assert_eq!(with_revision(url, 700), next);
        }
    }
}
