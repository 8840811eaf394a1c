//! The pages: report, metrics, events. Nothing can be changed here.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::routing::get;
use axum::serve::{Listener, ListenerExt as _};
use futures_util::stream;
use tokio::sync::broadcast::error::RecvError;

use super::found::{self, Head};
use super::metrics;
use super::publish::{Published, Publisher};
use crate::report::html;

type Shared = State<Arc<Publisher>>;

/// Serves until the runtime ends.
pub async fn serve<L>(listener: L, publisher: Arc<Publisher>) -> std::io::Result<()>
where
    L: Listener<Addr = SocketAddr>,
{
    let shown = Router::new()
        .route("/", get(page))
        .route("/api/v1/report", get(report))
        .route("/api/v1/events", get(events))
        .route_layer(from_fn_with_state(Arc::clone(&publisher), if_it_is_shown));
    let of_pod = Router::new()
        .route(found::PATH, get(what_was_found))
        .route_layer(from_fn(if_it_is_of_this_pod));
    let routes = Router::new()
        .route("/metrics", get(of_metrics))
        .route("/healthz", get(health))
        .merge(shown)
        .merge(of_pod)
        .with_state(publisher)
        .into_make_service_with_connect_info::<SocketAddr>();
    // Tapped only for the address, which is told of any listener that is.
    axum::serve(listener.tap_io(|_| ()), routes).await
}

/// What says where the platform is weak is shown to this pod, and to others only if a way
/// to it was related.
async fn if_it_is_shown(
    State(publisher): Shared,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response<Body> {
    match may_see(from, publisher.shows()) {
        true => next.run(request).await,
        false => answer(
            StatusCode::FORBIDDEN,
            "text/plain; charset=utf-8",
            "the report is shown when the endpoint ingress is related\n",
        ),
    }
}

/// What is for the charm alone.
async fn if_it_is_of_this_pod(
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response<Body> {
    match may_see(from, false) {
        true => next.run(request).await,
        false => answer(
            StatusCode::FORBIDDEN,
            "text/plain; charset=utf-8",
            "this is for the charm of this pod\n",
        ),
    }
}

fn may_see(from: SocketAddr, shows: bool) -> bool {
    shows || from.ip().to_canonical().is_loopback()
}

fn answer(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(html::content_security_policy()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

/// What is served of an audit; before the first one there is none.
fn of_audit(
    publisher: &Publisher,
    kind: &'static str,
    part: impl Fn(Published) -> Arc<str>,
) -> Response<Body> {
    match publisher.now() {
        Some(published) => {
            let text = part(published);
            answer(StatusCode::OK, kind, Bytes::from_owner(text_bytes(text)))
        }
        None => answer(
            StatusCode::SERVICE_UNAVAILABLE,
            "text/plain; charset=utf-8",
            "the first audit is to come\n",
        ),
    }
}

/// Bytes of a shared text, without copying it for each request.
struct SharedText(Arc<str>);

impl AsRef<[u8]> for SharedText {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn text_bytes(text: Arc<str>) -> SharedText {
    SharedText(text)
}

async fn page(State(publisher): Shared) -> Response<Body> {
    of_audit(&publisher, "text/html; charset=utf-8", |published| {
        published.page
    })
}

/// As OpenMetrics for who asks for it, as Prometheus does, and in the older format else.
async fn of_metrics(State(publisher): Shared, headers: HeaderMap) -> Response<Body> {
    let accepted = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    if accepted.is_some_and(|kinds| kinds.contains("application/openmetrics-text")) {
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        return of_audit(&publisher, kind, |published| published.metrics);
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    of_audit(&publisher, kind, |published| {
        metrics::classic(&published.metrics).into()
    })
}

async fn report(State(publisher): Shared) -> Response<Body> {
    of_audit(&publisher, "application/json", |published| published.report)
}

async fn what_was_found(State(publisher): Shared) -> Response<Body> {
    of_audit(&publisher, "application/json", |published| {
        Head::with(&published.head, &published.report).into()
    })
}

async fn health(State(publisher): Shared) -> Response<Body> {
    let kind = "text/plain; charset=utf-8";
    match publisher.now().map(|published| published.health) {
        // Pebble would restart what only waits for its first lists.
        None => answer(StatusCode::OK, kind, "the first audit is to come\n"),
        Some(Ok(())) => answer(StatusCode::OK, kind, "ok\n"),
        Some(Err(why)) => answer(StatusCode::SERVICE_UNAVAILABLE, kind, format!("{why}\n")),
    }
}

/// Server-sent events, one a security event, as they come.
async fn events(State(publisher): Shared) -> Response<Body> {
    let listener = publisher.listen();
    let first = stream::once(async { Ok::<_, Infallible>(Bytes::from_static(b": listening\n\n")) });
    let rest = stream::unfold(listener, |mut listener| async move {
        let text = match listener.recv().await {
            Ok(event) => format!("data: {}\n\n", event.line()),
            Err(RecvError::Lagged(lost)) => format!(": {lost} events were missed\n\n"),
            Err(RecvError::Closed) => return None,
        };
        Some((Ok(Bytes::from(text)), listener))
    });
    let body = Body::from_stream(futures_util::StreamExt::chain(first, rest));
    answer(StatusCode::OK, "text/event-stream", body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_see_the_report_only_if_a_way_to_it_is_related() {
        for (from, shows, may) in [
            ("127.0.0.1:5", false, true),
            ("[::1]:5", false, true),
            ("[::ffff:127.0.0.1]:5", false, true),
            ("10.1.2.3:5", false, false),
            ("[::ffff:10.1.2.3]:5", false, false),
            ("10.1.2.3:5", true, true),
        ] {
            assert_eq!(may_see(from.parse().unwrap(), shows), may, "{from} {shows}");
        }
    }
}
