//! Numbers for Prometheus: `/v1/metrics`.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse as _;

use super::answer::Answer;
use super::records::service::Current;
use super::state::App;

/// `GET`.
pub(super) async fn get(State(app): State<App>) -> Answer {
    let state = app.lock();
    let mut text = String::new();
    for (name, service) in &state.services {
        let active = u8::from(service.current == Current::Active);
        for (metric, help, kind, value) in [
            (
                "pebble_service_active",
                "Whether the service is currently active (1) or not (0)",
                "gauge",
                u64::from(active),
            ),
            (
                "pebble_service_start_count",
                "Number of times the service has started",
                "counter",
                service.starts,
            ),
        ] {
            add(&mut text, metric, help, kind, &format!("service={name:?}"), value);
        }
    }
    for name in state.plan.checks.keys() {
        let check = state.checks.get(name);
        let (passed, failed) = check.map_or((0, 0), |check| check.counted());
        for (metric, help, kind, value) in [
            (
                "pebble_check_up",
                "Whether the health check is up (1) or not (0)",
                "gauge",
                u64::from(check.is_some() && !state.is_down(name)),
            ),
            (
                "pebble_check_success_count",
                "Number of times the check has succeeded",
                "counter",
                passed,
            ),
            (
                "pebble_check_failure_count",
                "Number of times the check has failed",
                "counter",
                failed,
            ),
        ] {
            add(&mut text, metric, help, kind, &format!("check={name:?}"), value);
        }
    }
    let kind = (header::CONTENT_TYPE, "text/plain; charset=utf-8");
    Ok(([kind], text).into_response())
}

fn add(text: &mut String, metric: &str, help: &str, kind: &str, label: &str, value: u64) {
    // Writing to text does not fail.
    let _ = write!(
        text,
        "# HELP {metric} {help}\n# TYPE {metric} {kind}\n{metric}{{{label}}} {value}\n\n"
    );
}
