//! ModelManager, ModelConfig, Cloud and ApplicationOffers.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::caller::{About, Caller};
use super::reply::{Entities, Reply, denied, each, name_of, parse, refuse};
use super::state::{EVERYONE, HostedModel, State, User};
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

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Change {
    user_tag: String,
    action: String,
    access: String,
    #[serde(default)]
    model_tag: String,
}

#[derive(Deserialize)]
struct Changes {
    #[serde(default)]
    changes: Vec<Change>,
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

/// Grants a level, or takes it and those above it.
fn modify(
    users: &mut std::collections::BTreeMap<String, String>,
    user: &str,
    action: &str,
    levels: &[&str],
    level: usize,
) -> Reply {
    let has = users.get(user).and_then(|a| levels.iter().position(|l| l == a));
    match action {
        "grant" if has.is_some_and(|has| has >= level) => {
            let text = levels[level];
            refuse(format!("user {user:?} already has {text:?} access or greater"), "")
        }
        "grant" => {
            users.insert(user.into(), levels[level].into());
            Ok(json!({}))
        }
        "revoke" => {
            if has.is_some_and(|has| has >= level) {
                match level {
                    0 => users.remove(user),
                    level => users.insert(user.into(), levels[level - 1].into()),
                };
            }
            Ok(json!({}))
        }
        other => refuse(format!("unknown action {other:?}"), ""),
    }
}

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
        let mut one = std::collections::BTreeMap::new();
        if !user.access.is_empty() && name != EVERYONE {
            one.insert(name.to_owned(), user.access.clone());
        }
        let reply = modify(&mut one, name, &change.action, &levels, level);
        user.access = one.remove(name).unwrap_or_default();
        reply
    })
}

pub(super) fn config(
    state: &mut State,
    caller: &Caller,
    method: &str,
    params: &Value,
) -> Option<Reply> {
    match method {
        "ModelGet" => {}
        "ModelSet" => return Some(set_config(state, caller, params)),
        "GetModelSecretBackend" if state.juju == Juju::V4_0 => {
            let model = state.models.get(caller.model.as_deref()?)?;
            let backend = model.config.get("secret-backend");
            return Some(Ok(json!({"result": backend.unwrap_or(&json!("auto"))})));
        }
        _ => return None,
    }
    let model = state.models.get(caller.model.as_deref()?)?;
    let mut config: Map<String, Value> = Map::new();
    config.insert("agent-version".into(), json!({"value": state.version(), "source": "model"}));
    for (key, value) in [
        ("agent-metadata-url", json!("")),
        ("agent-stream", json!("released")),
        ("charmhub-url", json!("https://api.charmhub.io")),
        ("development", json!(false)),
        ("image-metadata-url", json!("")),
        ("secret-backend", json!("auto")),
        ("ssl-hostname-verification", json!(true)),
        ("test-mode", json!(false)),
    ] {
        config.insert(key.into(), json!({"value": value, "source": "default"}));
    }
    // Moved to a call of its own.
    if state.juju == Juju::V4_0 {
        config.remove("secret-backend");
    }
    let set = model.config.iter();
    for (key, value) in set.filter(|(key, _)| state.juju == Juju::V3_6 || *key != "secret-backend")
    {
        config.insert(key.clone(), json!({"value": value, "source": "model"}));
    }
    Some(Ok(json!({"config": config})))
}

fn set_config(state: &mut State, caller: &Caller, params: &Value) -> Reply {
    #[derive(Deserialize)]
    struct Params {
        config: BTreeMap<String, Value>,
    }
    let params: Params = parse(params)?;
    let model = caller.model.as_ref().and_then(|uuid| state.models.get_mut(uuid));
    let Some(model) = model else {
        return refuse("model not found", "not found");
    };
    if !super::applications::may_write(model, caller) {
        return denied();
    }
    super::blocks::check(state.blocked, model, &["BlockChange"])?;
    model.config.extend(params.config);
    Ok(json!({}))
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

pub(super) fn cloud(state: &State, caller: &Caller, method: &str, params: &Value) -> Option<Reply> {
    let sees = |users: &std::collections::BTreeMap<String, String>| {
        caller.is_superuser || users.contains_key(&caller.user)
    };
    let hidden = |name: &str| {
        let message = format!("access not found for {:?} on {name:?}", caller.user);
        refuse(message, "")
    };
    // One cloud that is not seen hides the others too.
    let unseen = state.clouds.iter().find(|(_, users)| !sees(users));
    Some(match method {
        "Clouds" if unseen.is_some() && state.juju == Juju::V4_0 => {
            hidden(unseen.map_or("", |(name, _)| name.as_str()))
        }
        "Clouds" => {
            let clouds = state.clouds.iter().filter(|(_, users)| sees(users));
            let clouds: Map<String, Value> = clouds
                .map(|(name, _)| (format!("cloud-{name}"), json!({"type": "kubernetes"})))
                .collect();
            Ok(json!({"clouds": clouds}))
        }
        "CloudInfo" => parse::<Entities>(params).and_then(|params| {
            each(params.entities, |entity| {
                let name = name_of(&entity.tag, "cloud")?;
                let Some(users) = state.clouds.get(name) else {
                    return refuse(format!("cloud {name:?} not found"), "not found");
                };
                if !sees(users) {
                    return match state.juju {
                        Juju::V3_6 => denied(),
                        Juju::V4_0 => hidden(name),
                    };
                }
                // One who may add models only sees oneself.
                let is_admin = caller.is_superuser
                    || users.get(&caller.user).is_some_and(|access| access == "admin");
                let users = users.iter().filter(|(name, _)| is_admin || **name == caller.user).map(
                    |(name, access)| json!({"user": name, "display-name": name, "access": access}),
                );
                let users: Vec<_> = users.collect();
                Ok(json!({"result": {"type": "kubernetes", "users": users}}))
            })
        }),
        _ => return None,
    })
}

pub(super) fn offers(
    state: &State,
    caller: &Caller,
    method: &str,
    params: &Value,
) -> Option<Reply> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Filter {
        #[serde(default)]
        model_qualifier: String,
        #[serde(default)]
        owner_name: String,
        #[serde(default)]
        model_name: String,
    }
    impl Filter {
        fn is_of(&self, model: &HostedModel) -> bool {
            let owner = [&self.model_qualifier, &self.owner_name];
            let mut named = owner.into_iter().filter(|name| !name.is_empty());
            self.model_name == model.name && named.all(|name| *name == model.owner)
        }
    }
    #[derive(Deserialize)]
    struct Filters {
        #[serde(rename = "Filters")]
        filters: Vec<Filter>,
    }
    if method != "ListApplicationOffers" {
        return None;
    }
    let is_admin = |model: &HostedModel| {
        caller.is_superuser || model.users.get(&caller.user).is_some_and(|a| a == "admin")
    };
    Some(parse::<Filters>(params).and_then(|params| {
        let is_wanted = |model: &HostedModel| params.filters.iter().any(|f| f.is_of(model));
        if state.models.values().any(|model| is_wanted(model) && !is_admin(model)) {
            return denied();
        }
        let of =
            |offer: &&super::state::Offer| state.models.get(&offer.model).is_some_and(is_wanted);
        let all = state.offers.iter().filter(of).map(|offer| {
            let model = &state.models[&offer.model];
            let mut users = offer.users.clone();
            if caller.is_superuser {
                // A superuser without access of its own is listed as an administrator.
                users.entry(caller.user.clone()).or_insert_with(|| "admin".to_owned());
            }
            // All other users may read a new offer, and are not listed.
            let users = users
                .iter()
                .map(|(user, access)| json!({"user": user, "display-name": "", "access": access}));
            let mut result = json!({
                "offer-url": format!("{}/{}.{}", model.owner, model.name, offer.name),
                "offer-name": offer.name, "application-name": offer.application,
                "source-model-tag": format!("model-{}", offer.model),
                "users": users.collect::<Vec<_>>(),
            });
            // Left out if there are none.
            if let Some(consumers) = state.consumers.get(&offer.name) {
                let connections = consumers.iter().enumerate().map(|(id, user)| {
                    json!({
                        "source-model-tag": format!("model-{}", state.uuid), "relation-id": id,
                        "username": user, "endpoint": offer.name, "ingress-subnets": null,
                        "status": {"status": "joined", "info": "", "since": null},
                    })
                });
                result["connections"] = connections.collect();
            }
            result
        });
        Ok(json!({"results": all.collect::<Vec<_>>()}))
    }))
}
