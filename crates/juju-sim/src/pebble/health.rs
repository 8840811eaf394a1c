//! Whether all is well: `/v1/health`, which the kubelet's probes ask.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde_json::json;

use super::answer::{Answer, Parameters, sync_of};
use super::plan::Level;
use super::state::App;

/// `GET`: a container that is alive is not always ready, but one that is ready is alive.
pub(super) async fn get(State(app): State<App>, Query(parameters): Query<Parameters>) -> Answer {
    let level = Level::of_query(parameters.one("level"))?;
    let names = parameters.many("names");
    let state = app.lock();
    let counts = |of: Option<Level>| match level {
        None => true,
        Some(Level::Ready) => of.is_some(),
        Some(Level::Alive) => of == Some(Level::Alive),
    };
    let healthy = state.plan.checks.iter().all(|(name, check)| {
        let is_asked = names.is_empty() || names.contains(&name.as_str());
        !is_asked || !counts(check.level) || !state.is_down(name)
    });
    let status = match healthy {
        true => StatusCode::OK,
        false => StatusCode::BAD_GATEWAY,
    };
    sync_of(status, json!({"healthy": healthy}))
}
