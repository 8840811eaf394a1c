//! Refreshing applications from a Charmhub that is part of the state.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::Caller;
use super::reply::{Reply, each, name_of, parse, refuse};
use super::state::{CharmRevision, HostedModel, State};

/// `GetCharmURLOrigin` of Application.
pub(super) fn origin(model: &HostedModel, params: &Value) -> Reply {
    #[derive(Deserialize)]
    struct Params {
        application: String,
    }
    let params: Params = parse(params)?;
    match model.applications.get(&params.application) {
        Some(application) => Ok(json!({
            "url": application.charm, "charm-origin": described(&application.charm, &application.channel),
        })),
        None => {
            let message = format!("application {:?} not found", params.application);
            refuse(message, "not found")
        }
    }
}

fn described(url: &str, channel: &str) -> Value {
    let source = match url.starts_with("local:") {
        true => "local",
        false => "charm-hub",
    };
    let (track, risk) = channel.split_once('/').unwrap_or(("latest", channel));
    json!({
        "source": source, "type": "charm", "id": "sim", "hash": "sim", "revision": split(url).1,
        "risk": risk, "track": track, "architecture": "amd64",
        "base": {"name": "ubuntu", "channel": "22.04/stable"},
    })
}

/// Name and revision in a charm's URL.
fn split(url: &str) -> (&str, i64) {
    let last = url.rsplit(['/', ':']).next().unwrap_or(url);
    let parts = last.rsplit_once('-');
    let parts = parts.and_then(|(name, revision)| Some((name, revision.parse().ok()?)));
    parts.unwrap_or((last, 0))
}

/// `ResolveCharms` and `AddCharm` of Charms.
pub(super) fn charms(
    state: &mut State,
    caller: &Caller,
    method: &str,
    params: &Value,
) -> Option<Reply> {
    match method {
        "ResolveCharms" => Some(resolve(state, params)),
        "AddCharm" => Some(add(state, caller, params)),
        _ => None,
    }
}

fn resolve(state: &State, params: &Value) -> Reply {
    #[derive(Deserialize)]
    struct Asked {
        reference: String,
        #[serde(rename = "charm-origin")]
        origin: Value,
    }
    #[derive(Deserialize)]
    struct Params {
        resolve: Vec<Asked>,
    }
    let params: Params = parse(params)?;
    let all = params.resolve.into_iter().map(|asked| {
        let newest = state.charmhub.get(&asked.reference).and_then(|all| all.last());
        let Some(newest) = newest else {
            let error = json!({"message": "No charm or bundle with this name", "code": "not found"});
            return json!({"url": "", "charm-origin": asked.origin, "supported-bases": [], "error": error});
        };
        let revision = asked.origin["revision"].as_i64().unwrap_or(newest.revision);
        let mut origin = asked.origin;
        origin["revision"] = revision.into();
        json!({
            "url": format!("ch:amd64/{}-{revision}", asked.reference), "charm-origin": origin,
            "supported-bases": [{"name": "ubuntu", "channel": "22.04/stable"}],
        })
    });
    Ok(json!({"Results": all.collect::<Vec<_>>()}))
}

fn add(state: &mut State, caller: &Caller, params: &Value) -> Reply {
    #[derive(Deserialize)]
    struct Params {
        url: String,
        #[serde(rename = "charm-origin")]
        origin: Value,
    }
    let params: Params = parse(params)?;
    let (name, revision) = split(&params.url);
    if find(state, name, revision).is_none() {
        let message = format!("charm {name:?} has no revision {revision}");
        return refuse(message, "not found");
    }
    let uuid = caller.model.clone().unwrap_or_default();
    if let Some(model) = state.models.get_mut(&uuid) {
        model.charms.insert(params.url);
    }
    Ok(json!({"charm-origin": params.origin}))
}

fn find<'a>(state: &'a State, name: &str, revision: i64) -> Option<&'a CharmRevision> {
    let mut all = state.charmhub.get(name)?.iter();
    all.find(|known| known.revision == revision)
}

/// What `CharmInfo` reports of a charm that was added and that no application runs yet.
pub(super) fn info(state: &State, url: &str) -> Option<Value> {
    let (name, revision) = split(url);
    let known = find(state, name, revision)?;
    let resources: BTreeMap<&String, Value> = known
        .resources
        .keys()
        .map(|name| {
            let meta = json!({"name": name, "type": "oci-image", "path": "", "description": ""});
            (name, meta)
        })
        .collect();
    Some(json!({
        "revision": revision, "url": url, "config": {},
        "meta": {
            "name": name, "summary": "", "description": "", "subordinate": false,
            "containers": {}, "resources": resources, "min-juju-version": "0.0.0",
            "charm-user": "default",
        },
    }))
}

/// `AddPendingResources` of Resources.
pub(super) fn pending(state: &State, params: &Value) -> Reply {
    #[derive(Deserialize)]
    struct Asked {
        name: String,
    }
    #[derive(Deserialize)]
    struct Params {
        tag: String,
        url: String,
        resources: Vec<Asked>,
    }
    let params: Params = parse(params)?;
    name_of(&params.tag, "application")?;
    let (name, revision) = split(&params.url);
    let Some(known) = find(state, name, revision) else {
        return refuse(format!("charm {:?} not found", params.url), "not found");
    };
    let mut ids = Vec::new();
    for asked in params.resources {
        match known.resources.get(&asked.name) {
            Some(revision) => ids.push(format!("{}={revision}", asked.name)),
            None => {
                let message = format!("resource {:?} not found", asked.name);
                return Ok(json!({"ErrorResult": {}, "pending-ids": [],
                    "error": {"message": message, "code": "not found"}}));
            }
        }
    }
    Ok(json!({"ErrorResult": {}, "pending-ids": ids}))
}

/// `SetCharm` of Application.
pub(super) fn set_charm(model: &mut HostedModel, params: &Value) -> Reply {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Params {
        application: String,
        charm_url: String,
        #[serde(default)]
        resource_ids: BTreeMap<String, String>,
    }
    let params: Params = parse(params)?;
    if !model.charms.contains(&params.charm_url) {
        return refuse(format!("charm {:?} not found", params.charm_url), "not found");
    }
    let ids = params.resource_ids.into_iter();
    let revisions: Vec<(String, i64)> =
        ids.filter_map(|(name, id)| Some((name, id.rsplit_once('=')?.1.parse().ok()?))).collect();
    each(vec![params.application], |name| {
        let Some(application) = model.applications.get_mut(&name) else {
            return refuse(format!("application {name:?} not found"), "not found");
        };
        application.charm = params.charm_url.clone();
        application.can_upgrade_to.clear();
        application.refreshed = Some(Instant::now());
        for (name, revision) in &revisions {
            let resource = application.resources.entry(name.clone()).or_default();
            resource.revision = Some(*revision);
        }
        let after = application.after_refresh.clone();
        let after = after.unwrap_or(("active".into(), String::new()));
        for status in application.units.values_mut() {
            *status = after.clone();
        }
        Ok(json!({}))
    })
    .map(|_| json!({}))
}
