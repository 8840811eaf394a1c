//! ModelConfig: the configuration of a model.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::caller::Caller;
use super::reply::{Reply, denied, parse, refuse};
use super::state::State;
use crate::model::Juju;

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
