//! Charms and Resources, of the model that is logged in to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::caller::Caller;
use super::refresh;
use super::reply::{Entities, Reply, name_of, parse, refuse};
use super::state::{Application, State};

pub(super) fn info(
    state: &mut State,
    caller: &Caller,
    method: &str,
    params: &Value,
) -> Option<Reply> {
    if method != "CharmInfo" {
        return refresh::charms(state, caller, method, params);
    }
    let model = state.models.get(caller.model.as_deref()?)?;
    let mut applications = model.applications.values();
    Some(parse(params).and_then(|asked: Url| {
        match applications.find(|application| application.charm == asked.url) {
            Some(application) => Ok(describe(application)),
            None if refresh::info(state, &asked.url).is_some() => {
                Ok(refresh::info(state, &asked.url).unwrap_or_default())
            }
            None => refuse(format!("charm {:?} not found", asked.url), "not found"),
        }
    }))
}

#[derive(Deserialize)]
struct Url {
    url: String,
}

fn describe(application: &Application) -> Value {
    let url = &application.charm;
    let last = url.rsplit('/').next().unwrap_or(url);
    let (name, revision) = last.rsplit_once('-').unwrap_or((last, "0"));
    let containers = application.containers.iter();
    let containers: Map<String, Value> =
        containers.map(|(name, resource)| (name.clone(), json!({"resource": resource}))).collect();
    let resources = application.resources.keys().map(|name| {
        let meta = json!({"name": name, "type": "oci-image", "path": "", "description": ""});
        (name.clone(), meta)
    });
    json!({
        "revision": revision.parse::<i64>().unwrap_or_default(), "url": url, "config": {},
        "meta": {
            "name": name, "summary": "", "description": "", "subordinate": false,
            "containers": containers, "resources": resources.collect::<Map<String, Value>>(),
            "min-juju-version": "0.0.0", "charm-user": "default",
        },
    })
}

pub(super) fn resources(
    state: &State,
    caller: &Caller,
    method: &str,
    params: &Value,
) -> Option<Reply> {
    if method == "AddPendingResources" {
        return Some(refresh::pending(state, params));
    }
    if method != "ListResources" {
        return None;
    }
    let model = state.models.get(caller.model.as_deref()?)?;
    Some(parse(params).and_then(|asked: Entities| {
        let mut results = Vec::new();
        for entity in asked.entities {
            let name = name_of(&entity.tag, "application")?;
            results.push(match model.applications.get(name) {
                Some(application) => listed(name, application),
                None => json!({"error": {
                    "message": format!("application {name} not found"), "code": ""},
                    "resources": null, "charm-store-resources": null, "unit-resources": null}),
            });
        }
        Ok(json!({"results": results}))
    }))
}

fn listed(application: &str, deployed: &Application) -> Value {
    let resources = deployed.resources.iter().map(|(name, resource)| {
        json!({
            "name": name, "type": "oci-image", "path": "", "description": "",
            "origin": if resource.revision.is_some() { "store" } else { "upload" },
            "revision": resource.revision.unwrap_or_default(),
            "fingerprint": STANDARD.encode(format!("{application}/{name} {:?}", resource.revision)),
            "size": 500, "id": format!("{application}/{name}"), "pending-id": "",
            "application": application, "username": "admin", "timestamp": resource.timestamp,
        })
    });
    json!({
        "resources": resources.collect::<Vec<_>>(),
        "charm-store-resources": [], "unit-resources": [],
    })
}
