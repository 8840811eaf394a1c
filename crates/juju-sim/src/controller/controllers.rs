//! Controller and SecretBackends: the controller's configuration, and who may log in.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::access::{Changes, modify};
use super::caller::{About, Caller};
use super::models::all_models;
use super::reply::{Entities, Reply, denied, each, name_of, parse, refuse};
use super::state::{EVERYONE, State, User};

/// Controller.
pub(super) fn controller(
    state: &mut State,
    caller: &Caller,
    about: &About<'_>,
    method: &str,
    params: &Value,
) -> Option<Reply> {
    Some(match method {
        "ControllerConfig" => Ok(json!({"config": state.config})),
        "ConfigSet" => set_controller_config(state, caller, params),
        "ControllerVersion" => Ok(json!({"version": state.version(), "git-commit": ""})),
        "AllModels" if !caller.is_superuser => denied(),
        "AllModels" => Ok(json!({"user-models": all_models(state, &caller.user, true)})),
        "GetControllerAccess" => controller_access(state, caller, params),
        "ModifyControllerAccess" => modify_controller_access(state, caller, params),
        "ControllerAPIInfoForModels" => parse::<Entities>(params).and_then(|params| {
            each(params.entities, |_| {
                Ok(json!({"addresses": [about.address], "cacert": about.authority}))
            })
        }),
        _ => return None,
    })
}

/// Sets what is given, of a superuser. No recording has it; it follows those of a model's
/// configuration.
fn set_controller_config(state: &mut State, caller: &Caller, params: &Value) -> Reply {
    #[derive(Deserialize)]
    struct Params {
        config: Map<String, Value>,
    }
    let params: Params = parse(params)?;
    if !caller.is_superuser {
        return denied();
    }
    super::users::not_blocked(state)?;
    state.config.extend(params.config);
    Ok(json!({}))
}

fn controller_access(state: &State, caller: &Caller, params: &Value) -> Reply {
    let params: Entities = parse(params)?;
    each(params.entities, |entity| {
        let name = name_of(&entity.tag, "user")?;
        if !caller.is_superuser && name != caller.user {
            return denied();
        }
        match state.users.get(name) {
            Some(user) => Ok(json!({"result": {"user-tag": entity.tag, "access": user.access}})),
            None => {
                let message = format!("access not found for {name:?} on {:?}", state.uuid);
                refuse(message, "")
            }
        }
    })
}

fn modify_controller_access(state: &mut State, caller: &Caller, params: &Value) -> Reply {
    let params: Changes = parse(params)?;
    if !caller.is_superuser {
        return denied();
    }
    super::users::not_blocked(state)?;
    each(params.changes, |change| {
        let name = name_of(&change.user_tag, "user")?;
        let levels = ["login", "superuser"];
        let Some(level) = levels.iter().position(|l| *l == change.access) else {
            return refuse(format!("{:?} controller access not valid", change.access), "not valid");
        };
        if name.contains('@') {
            state.users.entry(name.to_owned()).or_insert_with(|| User::external(name));
        }
        let Some(user) = state.users.get_mut(name) else {
            return refuse(format!("active users {name:?}: user not found"), "");
        };
        let mut one = BTreeMap::new();
        if !user.access.is_empty() && name != EVERYONE {
            one.insert(name.to_owned(), user.access.clone());
        }
        let reply = modify(&mut one, name, &change.action, &levels, level);
        user.access = one.remove(name).unwrap_or_default();
        reply
    })
}

/// SecretBackends: any user who may log in sees them all.
pub(super) fn secret_backends(state: &State, method: &str, params: &Value) -> Option<Reply> {
    #[derive(Deserialize)]
    struct Params {
        #[serde(default)]
        names: Vec<String>,
    }
    if method != "ListSecretBackends" {
        return None;
    }
    let all = state.secret_backends.iter();
    Some(parse::<Params>(params).map(|params| {
        let named = |name: &str| params.names.is_empty() || params.names.iter().any(|n| n == name);
        let results = all.filter(|(name, _)| named(name)).map(|(name, kind)| {
            json!({
                "result": {"name": name, "backend-type": kind, "config": {}},
                "id": name, "num-secrets": 0, "status": "active",
            })
        });
        json!({"results": results.collect::<Vec<_>>()})
    }))
}
