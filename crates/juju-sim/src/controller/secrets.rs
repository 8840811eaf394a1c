//! Secrets that a model owns, as users make them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::Caller;
use super::reply::{Reply, denied, each, parse, refuse};
use super::state::{HostedModel, ModelSecret, State};

pub(super) fn call(
    state: &mut State,
    caller: &Caller,
    method: &str,
    params: &Value,
) -> Option<Reply> {
    let uuid = caller.model.as_deref()?;
    let model = state.models.get_mut(uuid)?;
    Some(match method {
        "ListSecrets" if !caller.may_read(model) => denied(),
        "ListSecrets" => {
            let access = model.users.get(&caller.user);
            list(model, access.is_some_and(|access| access == "admin"), uuid, params)
        }
        // A block of changes does not stop them.
        "CreateSecrets" | "UpdateSecrets" | "GrantSecret" if !caller.may_write(model) => denied(),
        "CreateSecrets" => create(model, uuid, params),
        "UpdateSecrets" => update(model, params),
        "GrantSecret" => grant(model, params),
        _ => return None,
    })
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Content {
    data: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Upsert {
    #[serde(default)]
    uri: String,
    #[serde(default)]
    existing_label: String,
    #[serde(default)]
    owner_tag: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    description: String,
    content: Option<Content>,
}

#[derive(Deserialize)]
struct Arguments {
    args: Vec<Upsert>,
}

fn list(model: &HostedModel, is_admin: bool, uuid: &str, params: &Value) -> Reply {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "kebab-case")]
    struct Filter {
        owner_tag: Option<String>,
        label: String,
        uri: Option<String>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "kebab-case")]
    struct Params {
        show_secrets: bool,
        filter: Filter,
    }
    let Params { show_secrets, filter } = parse(params)?;
    if show_secrets && !is_admin {
        return denied();
    }
    let owner = format!("model-{uuid}");
    // Secrets of applications and units are not simulated here.
    let mut has_other_owner = false;
    if let Some(tag) = &filter.owner_tag {
        match tag.split_once('-') {
            Some(("application" | "unit", _)) => has_other_owner = true,
            Some((kind @ ("model" | "user"), _)) => {
                return refuse(format!("secret owner tag kind {kind:?} not valid"), "not valid");
            }
            _ => return refuse(format!("{tag:?} is not a valid tag"), ""),
        }
    }
    let is_wanted = |secret: &&ModelSecret| {
        !has_other_owner && (filter.label.is_empty() || filter.label == secret.label)
    };
    let uri = filter.uri.as_deref().map(|uri| uri.trim_start_matches("secret:"));
    let found = model
        .secrets
        .iter()
        .filter(|(id, secret)| is_wanted(secret) && uri.is_none_or(|uri| uri == id.as_str()));
    let results: Vec<_> = found
        .map(|(id, secret)| {
            let number = secret.revisions.len();
            json!({
                "uri": format!("secret:{id}"), "version": 1, "owner-tag": owner,
                "rotate-policy": "never", "label": secret.label,
                "description": secret.description, "latest-revision": number,
                "revisions": [{"revision": number, "backend-name": "internal"}],
            })
        })
        .collect();
    Ok(json!({"results": results}))
}

fn create(model: &mut HostedModel, uuid: &str, params: &Value) -> Reply {
    let arguments: Arguments = parse(params)?;
    each(arguments.args, |one| {
        if !one.owner_tag.is_empty() && one.owner_tag != uuid {
            return refuse(format!("owner tag {:?} not valid", one.owner_tag), "not valid");
        }
        if model.secrets.values().any(|known| known.label == one.label) {
            let message = format!("secret with name {:?} already exists", one.label);
            return refuse(message, "already exists");
        }
        let content = one.content.unwrap_or_default().data;
        if content.is_empty() {
            return refuse("empty secret value not valid", "not valid");
        }
        let id = format!("d0model0secret0{:05}", model.secrets.len());
        let secret = ModelSecret {
            label: one.label,
            description: one.description,
            revisions: vec![content],
            ..ModelSecret::default()
        };
        model.secrets.insert(id.clone(), secret);
        Ok(json!({"result": format!("secret:{id}")}))
    })
}

fn find<'a>(
    model: &'a mut HostedModel,
    uri: &str,
) -> Result<&'a mut ModelSecret, super::reply::Refusal> {
    let id = uri.trim_start_matches("secret:");
    match model.secrets.get_mut(id) {
        Some(secret) => Ok(secret),
        None => refuse("secret not found", "secret not found"),
    }
}

/// The URI of the secret of a label.
fn labelled(model: &HostedModel, label: &str) -> Result<String, super::reply::Refusal> {
    match model.secrets.iter().find(|(_, secret)| secret.label == label) {
        Some((id, _)) => Ok(format!("secret:{id}")),
        None => refuse(
            format!(
                "getting user secret for label {label:?}: secret with label {label:?} not found"
            ),
            "secret not found",
        ),
    }
}

fn update(model: &mut HostedModel, params: &Value) -> Reply {
    let arguments: Arguments = parse(params)?;
    each(arguments.args, |one| {
        let is_nothing = one.content.is_none()
            && [&one.label, &one.description].iter().all(|text| text.is_empty());
        let uri = match one.uri.is_empty() {
            false => one.uri,
            true => labelled(model, &one.existing_label)?,
        };
        let secret = find(model, &uri)?;
        if is_nothing {
            return refuse("at least one attribute to update must be specified", "");
        }
        if !one.description.is_empty() {
            secret.description = one.description;
        }
        if let Some(content) = one.content {
            // The same content makes no new revision.
            if secret.revisions.last() != Some(&content.data) {
                secret.revisions.push(content.data);
            }
        }
        Ok(json!({}))
    })
}

fn grant(model: &mut HostedModel, params: &Value) -> Reply {
    #[derive(Deserialize)]
    struct Params {
        uri: String,
        applications: Vec<String>,
    }
    let params: Params = parse(params)?;
    each(params.applications, |application| {
        if !model.applications.contains_key(&application) {
            let message = format!(
                "cannot change access to {:?} for {application:?}: application {application:?} not found",
                params.uri
            );
            return refuse(message, "");
        }
        let secret = find(model, &params.uri).map_err(|refusal| super::reply::Refusal {
            message: format!(
                "cannot change access to {:?} for {application:?}: {}",
                params.uri, refusal.message
            ),
            ..refusal
        })?;
        secret.granted.insert(application);
        Ok(json!({}))
    })
}
