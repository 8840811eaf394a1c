//! ModelManager: the models of the controller, and who has access to them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::access::{Changes, modify};
use super::caller::Caller;
use super::reply::{Entities, Reply, denied, each, name_of, parse, refuse};
use super::state::{HostedModel, State};
use crate::model::Juju;

pub(super) fn manager(
    state: &mut State,
    caller: &Caller,
    method: &str,
    params: &Value,
) -> Option<Reply> {
    Some(match method {
        "ListModels" => list(state, caller, params),
        "ListModelSummaries" => summaries(state, caller, params),
        "ModelInfo" => info(state, caller, params),
        "ModifyModelAccess" => modify_access(state, caller, params),
        _ => return None,
    })
}

/// Whom a model belongs to, as each Juju says it.
fn owned(state: &State, model: &HostedModel, mut value: Value) -> Value {
    match state.juju {
        Juju::V3_6 => value["owner-tag"] = json!(format!("user-{}", model.owner)),
        Juju::V4_0 => value["qualifier"] = json!(model.owner),
    }
    value
}

/// Models that someone may see.
fn seen<'a>(
    state: &'a State,
    user: &'a str,
    all: bool,
) -> impl Iterator<Item = (&'a String, &'a HostedModel)> {
    let models = state.models.iter();
    models.filter(move |(_, model)| all || model.users.contains_key(user))
}

fn list(state: &State, caller: &Caller, params: &Value) -> Reply {
    #[derive(Deserialize)]
    struct Params {
        tag: String,
    }
    let params: Params = parse(params)?;
    let user = name_of(&params.tag, "user")?;
    if user != caller.user && !caller.is_superuser {
        return denied();
    }
    let models = all_models(state, user, user == "admin");
    Ok(json!({"user-models": models}))
}

/// Models with their last logins, or `null`.
pub(super) fn all_models(state: &State, user: &str, all: bool) -> Value {
    let models = seen(state, user, all).map(|(uuid, model)| {
        let about = json!({"name": model.name, "uuid": uuid, "type": "caas"});
        let last = model.connections.get(user);
        json!({"model": owned(state, model, about), "last-connection": last})
    });
    let models: Vec<_> = models.collect();
    if models.is_empty() { Value::Null } else { json!(models) }
}

fn status() -> Value {
    json!({"status": "available", "info": "", "since": jiff::Timestamp::now()})
}

fn summaries(state: &State, caller: &Caller, params: &Value) -> Reply {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Params {
        #[serde(default)]
        user_tag: String,
        #[serde(default)]
        all: bool,
    }
    let params: Params = parse(params)?;
    if !caller.is_superuser && !params.user_tag.is_empty() {
        if name_of(&params.user_tag, "user")? != caller.user {
            return denied();
        }
        if params.all {
            let message = "permission denied: cannot list all models as non-admin user";
            return refuse(message, "unauthorized access");
        }
    }
    let models: Vec<_> = seen(state, &caller.user, caller.is_superuser).collect();
    each(models, |(uuid, model)| {
        let units: usize = model.applications.values().map(|a| a.units.len()).sum();
        let counts = match units {
            0 => json!([]),
            units => json!([{"entity": "units", "count": units}]),
        };
        let about = json!({
            "name": model.name, "uuid": uuid, "type": "caas", "controller-uuid": state.uuid,
            "is-controller": model.is_controller, "cloud-tag": "cloud-k8s", "cloud-region": "local",
            "life": "alive", "status": status(), "user-access": "", "counts": counts,
            "last-connection": null, "agent-version": state.version(),
        });
        Ok(json!({"result": owned(state, model, about)}))
    })
}

fn info(state: &State, caller: &Caller, params: &Value) -> Reply {
    let params: Entities = parse(params)?;
    each(params.entities, |entity| {
        let uuid = name_of(&entity.tag, "model")?;
        let Some(model) = state.models.get(uuid) else {
            let message = "getting model read only information: model not found";
            return refuse(message, "not found");
        };
        let access = model.users.get(&caller.user);
        if access.is_none() && !caller.is_superuser {
            return denied();
        }
        // In 4.0 an administrator of the model sees oneself only.
        let is_admin = caller.is_superuser
            || state.juju == Juju::V3_6 && access.is_some_and(|access| access == "admin");
        let users = model.users.iter().filter(|(name, _)| is_admin || **name == caller.user);
        let users = users.map(|(name, access)| {
            let known = state.users.get(name);
            json!({
                "model-tag": "", "user": name, "access": access,
                "display-name": known.map_or("", |user| user.display_name.as_str()),
                "last-connection": model.connections.get(name),
            })
        });
        let about = json!({
            "name": model.name, "type": "caas", "uuid": uuid, "controller-uuid": state.uuid,
            "is-controller": model.is_controller, "provider-type": "kubernetes",
            "cloud-tag": "cloud-k8s", "cloud-region": "local",
            "cloud-credential-tag": model.credential_tag, "cloud-credential-validity": true,
            "life": "alive", "status": status(), "users": users.collect::<Vec<_>>(),
            "machines": null, "agent-version": state.version(),
            "secret-backends": [{
                "result": {"name": "internal", "backend-type": "controller", "config": null},
                "id": "", "num-secrets": 0, "status": "active",
            }],
            "supported-features": [{
                "name": "juju", "description": "the version of Juju used by the model",
                "version": state.version(),
            }],
        });
        Ok(json!({"result": owned(state, model, about)}))
    })
}

fn modify_access(state: &mut State, caller: &Caller, params: &Value) -> Reply {
    let params: Changes = parse(params)?;
    super::users::not_blocked(state)?;
    let known: Vec<String> = state.users.keys().cloned().collect();
    each(params.changes, |change| {
        let user = name_of(&change.user_tag, "user")?;
        let uuid = name_of(&change.model_tag, "model")?;
        let Some(model) = state.models.get_mut(uuid) else {
            return refuse("model not found", "not found");
        };
        let is_admin = model.users.get(&caller.user).is_some_and(|a| a == "admin");
        if !caller.is_superuser && !is_admin {
            return denied();
        }
        let levels = ["read", "write", "admin"];
        let Some(level) = levels.iter().position(|l| *l == change.access) else {
            return refuse(format!("{:?} model access not valid", change.access), "not valid");
        };
        if !known.iter().any(|known| known == user) && !user.contains('@') {
            return refuse(format!("active users {user:?}: user not found"), "");
        }
        modify(&mut model.users, user, &change.action, &levels, level)
    })
}
