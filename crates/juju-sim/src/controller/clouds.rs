//! Cloud: the clouds of the controller, and who may use them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::caller::Caller;
use super::reply::{Entities, Reply, denied, each, name_of, parse, refuse};
use super::state::State;
use crate::model::Juju;

pub(super) fn cloud(state: &State, caller: &Caller, method: &str, params: &Value) -> Option<Reply> {
    let sees =
        |users: &BTreeMap<String, String>| caller.is_superuser || users.contains_key(&caller.user);
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
