//! Which path is answered by what.

use std::io;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

use super::access::{self, Peer};
use super::answer::{Answer, Refusal};
use super::state::App;
use super::{
    changes, checks, exchanges, exec, files, health, identities, layers, logs, loki, metrics,
    notices, services, system,
};

fn router(app: App) -> Router {
    Router::new()
        .route("/v1/system-info", get(system::info))
        .route("/v1/health", get(health::get))
        .route("/v1/plan", get(layers::plan))
        .route("/v1/layers", post(layers::add))
        .route("/v1/services", get(services::list).post(services::change))
        .route("/v1/signals", post(services::send_signal))
        .route("/v1/checks", get(checks::list).post(checks::change))
        .route("/v1/checks/refresh", post(checks::refresh))
        .route("/v1/files", get(files::get).post(files::post))
        .route("/v1/exec", post(exec::start))
        .route("/v1/tasks/{task}/websocket/{name}", get(exec::connect))
        .route("/v1/changes", get(changes::list))
        .route("/v1/changes/{id}", get(changes::get).post(changes::change))
        .route("/v1/changes/{id}/wait", get(changes::wait))
        .route("/v1/notices", get(notices::list).post(notices::tell))
        .route("/v1/notices/{id}", get(notices::get))
        .route("/v1/identities", get(identities::list).post(identities::change))
        .route("/v1/logs", get(logs::get))
        .route("/v1/metrics", get(metrics::get))
        .route_layer(from_fn_with_state(app.clone(), access::check))
        .method_not_allowed_fallback(not_allowed)
        .fallback(unknown)
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(app.clone(), exchanges::note))
        .with_state(app)
}

async fn unknown() -> Answer {
    Err(Refusal::not_found("invalid API endpoint requested"))
}

async fn not_allowed(method: Method) -> Answer {
    let said = format!("method {:?} not allowed", method.as_str());
    Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, said))
}

/// Serves until it is stopped.
pub(super) async fn serve(
    unix: std::os::unix::net::UnixListener,
    tcp: std::net::TcpListener,
    app: App,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let routes = router(app.clone()).into_make_service_with_connect_info::<Peer>();
    let at_socket = axum::serve(UnixListener::from_std(unix)?, routes.clone());
    let at_port = axum::serve(TcpListener::from_std(tcp)?, routes);
    tokio::select! {
        served = async { at_socket.await } => served,
        served = async { at_port.await } => served,
        () = loki::forward(app) => Ok(()),
        _ = stopped.wait_for(|is| *is) => Ok(()),
    }
}
