//! What Pebble says of itself: `/v1/system-info`.

use axum::extract::State;
use serde_json::json;

use super::answer::{Answer, sync};
use super::state::App;

/// The version that Juju 3.6 and 4.0 carry.
const VERSION: &str = "v1.26.0";

/// `GET`.
pub(super) async fn info(State(app): State<App>) -> Answer {
    sync(json!({
        "boot-id": app.boot,
        "http-address": app.address.to_string(),
        "version": VERSION,
    }))
}
