//! UserManager.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::caller::Caller;
use super::reply::{
    Entities, Entity, Refusal, Reply, denied, each, is_user_name, name_of, parse, refuse,
};
use super::state::{State, User};
use crate::model::Juju;

pub(super) fn call(
    state: &mut State,
    caller: &Caller,
    method: &str,
    params: &Value,
) -> Option<Reply> {
    Some(match method {
        "UserInfo" => user_info(state, caller, params),
        "AddUser" => add(state, caller, params),
        "SetPassword" => set_password(state, caller, params),
        "ResetPassword" => reset_password(state, caller, params),
        "EnableUser" | "DisableUser" => {
            let disabled = method == "DisableUser";
            changing(state, caller, params, move |state, name| set_disabled(state, name, disabled))
        }
        "RemoveUser" => changing(state, caller, params, remove),
        "ModelUserInfo" => model_user_info(state, caller, params),
        _ => return None,
    })
}

fn user_info(state: &State, caller: &Caller, params: &Value) -> Reply {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Params {
        #[serde(default)]
        entities: Vec<Entity>,
        #[serde(default)]
        include_disabled: bool,
    }
    let params: Params = parse(params)?;
    if params.entities.is_empty() {
        let all = state.users.iter().filter(|(name, user)| {
            let seen = caller.is_superuser || **name == caller.user;
            seen && (params.include_disabled || !user.disabled)
        });
        let all: Vec<_> = all.map(|(name, user)| describe(name, user)).collect();
        return each(all, |info| Ok(json!({"result": info})));
    }
    each(params.entities, |entity| {
        let name = name_of(&entity.tag, "user")?;
        if !caller.is_superuser && name != caller.user {
            return denied();
        }
        match state.users.get(name) {
            Some(user) => Ok(json!({"result": describe(name, user)})),
            None => refuse(format!("user {name:?} not found"), "user not found"),
        }
    })
}

fn describe(name: &str, user: &User) -> Value {
    let access = if user.disabled { "" } else { &user.access };
    let mut info = json!({
        "username": name, "display-name": user.display_name, "access": access,
        "created-by": user.created_by, "date-created": user.created, "disabled": user.disabled,
    });
    if let Some(last) = user.last_connection {
        info["last-connection"] = json!(last);
    }
    info
}

fn add(state: &mut State, caller: &Caller, params: &Value) -> Reply {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct New {
        username: String,
        #[serde(default)]
        display_name: String,
        #[serde(default)]
        password: String,
    }
    #[derive(Deserialize)]
    struct Params {
        #[serde(default)]
        users: Vec<New>,
    }
    let params: Params = parse(params)?;
    superuser(state, caller)?;
    each(params.users, |new| {
        let name = new.username;
        if !is_user_name(&name) {
            return refuse(format!("creating user: user name {name:?} not valid"), "not valid");
        }
        if name.contains('@') {
            let message =
                format!("creating user: cannot add external user {name:?}: username not valid");
            return refuse(message, "");
        }
        if state.users.contains_key(&name) {
            let message = format!("creating user: adding user {name:?}: user already exists");
            return refuse(message, "");
        }
        let key = new.password.is_empty().then(|| secret_key(state));
        // One whose name was removed before gets no access with its name.
        let access = if state.removed.contains(&name) { "" } else { "login" };
        let user = User {
            display_name: new.display_name,
            password: Some(new.password).filter(|password| !password.is_empty()),
            secret_key: key.clone(),
            access: access.into(),
            created_by: caller.user.clone(),
            created: Timestamp::now(),
            ..User::default()
        };
        state.users.insert(name.clone(), user);
        let mut result = Map::from_iter([("tag".into(), json!(format!("user-{name}")))]);
        if let Some(key) = key {
            result.insert("secret-key".into(), json!(key));
        }
        Ok(Value::Object(result))
    })
}

/// Another one each time, and never a real one.
fn secret_key(state: &mut State) -> String {
    state.secret_keys += 1;
    STANDARD.encode([state.secret_keys; 32])
}

fn set_password(state: &mut State, caller: &Caller, params: &Value) -> Reply {
    #[derive(Deserialize)]
    struct Change {
        tag: String,
        #[serde(default)]
        password: String,
    }
    #[derive(Deserialize)]
    struct Params {
        #[serde(default)]
        changes: Vec<Change>,
    }
    let params: Params = parse(params)?;
    not_blocked(state)?;
    let is_v4 = state.juju == Juju::V4_0;
    each(params.changes, |change| {
        if is_v4 && change.password.trim().is_empty() {
            return refuse("cannot use an empty password", "");
        }
        let name = name_of(&change.tag, "user")?;
        if !caller.is_superuser && name != caller.user {
            return denied();
        }
        let Some(user) = state.users.get_mut(name) else {
            return match state.juju {
                Juju::V3_6 => denied(),
                Juju::V4_0 => refuse(
                    format!(
                        "failed to set password: setting password for user {name:?}: active user {name:?}: user not found"
                    ),
                    "",
                ),
            };
        };
        if user.disabled && state.juju == Juju::V4_0 {
            let message = format!(
                "failed to set password: setting password for user {name:?}: setting password hash \
                 for user {name:?}: {name:?}: user authentication disabled"
            );
            return refuse(message, "");
        }
        if change.password.is_empty() {
            return refuse("cannot use an empty password", "");
        }
        user.password = Some(change.password);
        user.secret_key = None;
        Ok(json!({}))
    })
}

fn reset_password(state: &mut State, caller: &Caller, params: &Value) -> Reply {
    let params: Entities = parse(params)?;
    not_blocked(state)?;
    each(params.entities, |entity| {
        let tag = &entity.tag;
        let with_tag = |error: Refusal| json!({"tag": tag, "error": {"message": error.message, "code": error.code}});
        let reset = name_of(tag, "user").and_then(|name| {
            if name == caller.user || !caller.is_superuser {
                return denied();
            }
            let key = secret_key(state);
            let is_v4 = state.juju == Juju::V4_0;
            let user = found(state, name, |name| {
                format!(
                    "setting activation key for user {name:?}: active user {name:?}: user not found"
                )
            })?;
            if user.disabled && is_v4 {
                let message = format!(
                    "setting activation key for user {name:?}: setting activation key for user \
                     {name:?}: {name:?}: user authentication disabled"
                );
                return refuse(message, "");
            }
            user.password = None;
            user.secret_key = Some(key.clone());
            Ok(json!({"tag": tag, "secret-key": key}))
        });
        Ok(reset.unwrap_or_else(with_tag))
    })
}

fn set_disabled(state: &mut State, name: &str, disabled: bool) -> Reply {
    let alone = state.models.values().filter(|model| {
        let admins = model.users.iter().filter(|(_, access)| *access == "admin");
        admins.map(|(user, _)| user.as_str()).eq([name])
    });
    let alone = alone.count();
    if disabled && alone > 0 {
        let message =
            format!("failed to disable user: {alone} model(s) would be left without an admin user");
        return refuse(message, "");
    }
    let what = if disabled { "disable" } else { "enable" };
    let user = found(state, name, |name| {
        format!("failed to {what} user: active user {name:?}: user not found")
    })?;
    user.disabled = disabled;
    Ok(json!({}))
}

fn remove(state: &mut State, name: &str) -> Reply {
    if name == "admin" {
        return refuse(format!("cannot delete controller owner {name:?}"), "");
    }
    found(state, name, |name| {
        format!("failed to delete user {name:?}: active user {name:?}: user not found")
    })?;
    state.users.remove(name);
    state.removed.insert(name.to_owned());
    Ok(json!({}))
}

fn changing(
    state: &mut State,
    caller: &Caller,
    params: &Value,
    change: impl Fn(&mut State, &str) -> Reply,
) -> Reply {
    let params: Entities = parse(params)?;
    superuser(state, caller)?;
    each(params.entities, |entity| change(state, name_of(&entity.tag, "user")?))
}

fn model_user_info(state: &State, caller: &Caller, params: &Value) -> Reply {
    let params: Entities = parse(params)?;
    let mut all = Vec::new();
    for entity in params.entities {
        let uuid = name_of(&entity.tag, "model")?;
        let Some(model) = state.models.get(uuid) else {
            return refuse("model not found", "not found");
        };
        let is_admin = model.users.get(&caller.user).is_some_and(|a| a == "admin");
        for (user, access) in &model.users {
            if caller.is_superuser || is_admin || *user == caller.user {
                let known = state.users.get(user);
                all.push(json!({"result": {
                    "model-tag": entity.tag, "user": user, "access": access,
                    "display-name": known.map_or("", |user| user.display_name.as_str()),
                    "last-connection": model.connections.get(user),
                }}));
            }
        }
    }
    each(all, Ok)
}

fn found<'a>(
    state: &'a mut State,
    name: &str,
    otherwise: impl Fn(&str) -> String,
) -> Result<&'a mut User, Refusal> {
    match state.users.get_mut(name) {
        Some(user) => Ok(user),
        None => refuse(otherwise(name), ""),
    }
}

fn superuser(state: &State, caller: &Caller) -> Result<(), Refusal> {
    if !caller.is_superuser {
        return denied();
    }
    not_blocked(state)
}

pub(super) fn not_blocked(state: &State) -> Result<(), Refusal> {
    match state.blocked {
        true => refuse("operator says no", "operation is blocked"),
        false => Ok(()),
    }
}
