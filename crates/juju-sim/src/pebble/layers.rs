//! Layers of configuration: `/v1/layers` and `/v1/plan`.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::answer::{Answer, Parameters, Refusal, decode, sync};
use super::complete::complete;
use super::errors::PlanError;
use super::plan::Plan;
use super::state::App;
use super::{checks, loki};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Request {
    action: String,
    combine: bool,
    label: String,
    format: String,
    layer: String,
}

/// `POST`: adds a layer, or combines it with the one of its label.
pub(super) async fn add(State(app): State<App>, body: Bytes) -> Answer {
    // The layer holds at once, whether the client waits or not.
    let takes = put(&app, &body)?;
    tokio::time::sleep(takes).await;
    sync(true)
}

fn put(app: &App, body: &Bytes) -> Result<Duration, Refusal> {
    let request: Request = decode(body)?;
    if request.action != "add" {
        return Err(Refusal::bad_request(format!("invalid action {:?}", request.action)));
    }
    if request.label.is_empty() {
        return Err(Refusal::bad_request("label must be set"));
    }
    if request.format != "yaml" {
        return Err(Refusal::bad_request(format!("invalid format {:?}", request.format)));
    }
    let layer = Plan::layer(&request.label, &request.layer).map_err(refused)?;
    let mut state = app.lock();
    let mut layers = state.layers.clone();
    match layers.iter_mut().find(|(label, _)| *label == request.label) {
        Some(_) if !request.combine => {
            return Err(Refusal::bad_request(format!("layer {:?} already exists", request.label)));
        }
        Some((_, known)) => known.add(&layer),
        None => layers.push((request.label, layer)),
    }
    let mut plan = Plan::default();
    for (_, layer) in &layers {
        plan.add(layer);
    }
    let plan = complete(plan).map_err(refused)?;
    state.layers = layers;
    let before = std::mem::replace(&mut state.plan, plan);
    checks::follow(app, &mut state, &before);
    loki::follow(&mut state);
    Ok(state.layers_take)
}

fn refused(error: PlanError) -> Refusal {
    Refusal::bad_request(error.to_string())
}

/// `GET`: the plan, in YAML.
pub(super) async fn plan(State(app): State<App>, Query(parameters): Query<Parameters>) -> Answer {
    match parameters.one("format") {
        None | Some("yaml") => {}
        Some(other) => return Err(Refusal::bad_request(format!("invalid format {other:?}"))),
    }
    // JSON is YAML, and no reader of either version takes `off` for a boolean in it.
    let plan = serde_json::to_string_pretty(&app.lock().plan);
    let plan = plan.map_err(|error| Refusal::internal(error.to_string()))?;
    sync(format!("{plan}\n"))
}
