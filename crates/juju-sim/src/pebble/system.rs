//! What Pebble says of itself: `/v1/system-info`.

use axum::extract::State;
use serde_json::json;

use super::answer::{Answer, sync};
use super::state::App;

/// The version that Juju 4.0.15 carries; 3.6.28 has 1.32.0.
const VERSION: &str = "v1.32.1";

/// `GET`.
pub(super) async fn info(State(app): State<App>) -> Answer {
    sync(json!({
        "boot-id": app.boot,
        "http-address": app.address.to_string(),
        "version": VERSION,
    }))
}
