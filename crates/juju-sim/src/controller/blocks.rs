//! Block: what an operator forbids, with the operator's words.

use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::Caller;
use super::reply::{Refusal, Reply, denied, parse, refuse};
use super::state::{HostedModel, State};

/// Kinds of blocks.
const KINDS: [&str; 3] = ["BlockDestroy", "BlockRemove", "BlockChange"];
/// What the controller's own switch says.
const WORDS: &str = "operator says no";

/// Refuses a change that one of these kinds forbids.
pub(super) fn check(blocked: bool, model: &HostedModel, kinds: &[&str]) -> Result<(), Refusal> {
    let words = kinds.iter().find_map(|kind| model.blocks.get(*kind).map(String::as_str));
    match words.or(blocked.then_some(WORDS)) {
        Some(words) => refuse(words, "operation is blocked"),
        None => Ok(()),
    }
}

pub(super) fn call(
    state: &mut State,
    caller: &Caller,
    method: &str,
    params: &Value,
) -> Option<Reply> {
    let uuid = caller.model.clone()?;
    let model = state.models.get_mut(&uuid)?;
    match method {
        "List" => Some(list(model, caller, &uuid)),
        "SwitchBlockOn" => Some(switch(model, caller, params, true)),
        "SwitchBlockOff" => Some(switch(model, caller, params, false)),
        _ => None,
    }
}

fn list(model: &HostedModel, caller: &Caller, uuid: &str) -> Reply {
    if !caller.may_read(model) {
        return denied();
    }
    let blocks = model.blocks.iter().map(|(kind, message)| {
        let id = format!("block-{kind}");
        json!({"result": {
            "id": id, "tag": format!("model-{uuid}"), "type": kind, "message": message,
        }})
    });
    let blocks: Vec<_> = blocks.collect();
    Ok(if blocks.is_empty() { json!({}) } else { json!({"results": blocks}) })
}

fn switch(model: &mut HostedModel, caller: &Caller, params: &Value, on: bool) -> Reply {
    #[derive(Deserialize)]
    struct Params {
        #[serde(rename = "type")]
        kind: String,
        #[serde(default)]
        message: String,
    }
    let params: Params = parse(params)?;
    // An error of these is in the answer.
    let error =
        |message: String, code: &str| Ok(json!({"error": {"message": message, "code": code}}));
    if !caller.may_write(model) {
        return error("permission denied".into(), "unauthorized access");
    }
    if !KINDS.contains(&params.kind.as_str()) {
        let message = format!("unknown block type {:?} not valid", params.kind);
        return error(message, "not valid");
    }
    match on {
        // A second one changes nothing.
        true => drop(model.blocks.entry(params.kind).or_insert(params.message)),
        false if model.blocks.remove(&params.kind).is_none() => {
            return error("executing block command: block not found".into(), "");
        }
        false => {}
    }
    Ok(json!({}))
}
