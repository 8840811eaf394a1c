//! The pages: report, metrics, events. Nothing can be changed here.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::routing::get;
use futures_util::stream;
use tokio::sync::broadcast::error::RecvError;

use super::audience::{Caller, Metrics, is_own_host};
use super::audit::{self, AgentStatus};
use super::directory::Directory;
use super::limits::is_of_this_pod;
use super::metrics;
use super::publish::{Published, Publisher};
use crate::report::html;

/// Most subscribers of events.
const LISTENERS: usize = 16;
/// A subscriber is sent something this often, so that one that is gone is noticed.
const PULSE: Duration = Duration::from_secs(15);
/// Longest subscription to events; a browser reconnects.
const LISTENS: Duration = Duration::from_secs(3600);
/// Header that the gateway adds once a user has logged in.
const LOGIN: &str = "kubeflow-userid";

/// What every request needs.
pub struct Pages {
    publisher: Arc<Publisher>,
    directory: Directory,
    listeners: Arc<AtomicUsize>,
}

/// How a request came.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// From where.
    pub address: SocketAddr,
    /// Whether over TLS: then the client knows by our certificate whom it talks to.
    pub is_tls: bool,
}

type Shared = State<Arc<Pages>>;

impl Pages {
    /// The published results.
    pub fn new(publisher: Arc<Publisher>, directory: Directory) -> Self {
        Self { publisher, directory, listeners: Arc::default() }
    }

    /// The client.
    async fn caller(&self, peer: Peer, headers: &HeaderMap) -> Caller {
        let address = peer.address.ip();
        if is_of_this_pod(address) {
            let mut hosts = headers.get_all(header::HOST).iter();
            let host = hosts.next().and_then(|host| host.to_str().ok());
            let is_own = is_own_host(host) && hosts.next().is_none();
            return match is_own || peer.is_tls {
                true => Caller::Pod,
                false => Caller::Misled,
            };
        }
        self.remote(address, headers).await
    }

    async fn remote(&self, address: IpAddr, headers: &HeaderMap) -> Caller {
        let ways = self.publisher.ways();
        if !ways.report && !ways.metrics {
            // Such a client sees nothing.
            return Caller::Other;
        }
        let Some(pod) = self.directory.pod(address).await else {
            return Caller::Other;
        };
        let is_logged_in = headers.get(LOGIN).is_some_and(|user| !user.is_empty());
        self.publisher.namespaces().caller(&pod, is_logged_in)
    }
}

/// The pages, for [`super::serve`].
pub fn routes(pages: Arc<Pages>) -> Router {
    let shown = Router::new()
        .route("/", get(page))
        .route("/api/v1/report", get(report))
        .route("/api/v1/events", get(events))
        .route_layer(from_fn_with_state(Arc::clone(&pages), if_it_is_shown));
    let of_pod = Router::new()
        .route(audit::PATH, get(last_audit))
        .route(audit::OLD_PATH, get(last_audit))
        .route_layer(from_fn_with_state(Arc::clone(&pages), if_it_is_of_this_pod));
    Router::new()
        .route("/metrics", get(of_metrics))
        .route("/healthz", get(health))
        .merge(shown)
        .merge(of_pod)
        .layer(from_fn(without_body))
        .with_state(pages)
}

/// Nothing here takes a body, and none is waited for.
async fn without_body(request: Request, next: Next) -> Response<Body> {
    use http_body::Body as _;
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if is_read && request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (status, why) = match is_read {
        true => (StatusCode::PAYLOAD_TOO_LARGE, "no request has a body here\n"),
        false => (StatusCode::METHOD_NOT_ALLOWED, "nothing can be changed here\n"),
    };
    let mut answer = plain(status, why);
    let close = HeaderValue::from_static("close");
    answer.headers_mut().insert(header::CONNECTION, close);
    answer
}

/// What says where the platform is weak is shown to this pod, and behind the platform's login if
/// a way to it is related.
async fn if_it_is_shown(
    State(pages): Shared,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let caller = pages.caller(peer, request.headers()).await;
    let ways = pages.publisher.ways();
    match caller.sees_report(ways) {
        true => next.run(request).await,
        false => refusal(caller, ways.report),
    }
}

/// Paths for the charm only.
async fn if_it_is_of_this_pod(
    State(pages): Shared,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response<Body> {
    match pages.caller(peer, request.headers()).await {
        Caller::Pod => next.run(request).await,
        _ => plain(StatusCode::FORBIDDEN, "this is for the charm of this pod\n"),
    }
}

fn refusal(caller: Caller, is_related: bool) -> Response<Body> {
    match (caller, is_related) {
        (Caller::Misled, _) => plain(
            StatusCode::MISDIRECTED_REQUEST,
            "the header Host names another host; ask for localhost or 127.0.0.1\n",
        ),
        (_, false) => plain(
            StatusCode::FORBIDDEN,
            "the report is shown when the endpoint ingress is related\n",
        ),
        (_, true) => plain(
            StatusCode::FORBIDDEN,
            "the report is shown behind the platform's login, by its gateway; or forward this \
             port: kubectl port-forward\n",
        ),
    }
}

fn plain(status: StatusCode, text: impl Into<Body>) -> Response<Body> {
    answer(status, "text/plain; charset=utf-8", text)
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

fn no_audit_yet() -> Response<Body> {
    let text = "waiting for the first audit\n";
    plain(StatusCode::SERVICE_UNAVAILABLE, text)
}

/// The served results of the last audit, if there was one.
fn of_audit(
    pages: &Pages,
    kind: &'static str,
    part: impl Fn(Published) -> Arc<str>,
) -> Response<Body> {
    match pages.publisher.now() {
        Some(published) => answer(StatusCode::OK, kind, shared(part(published))),
        None => no_audit_yet(),
    }
}

/// Bytes of a shared text, without copying it for each request.
struct SharedText(Arc<str>);

impl AsRef<[u8]> for SharedText {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn shared(text: Arc<str>) -> Bytes {
    Bytes::from_owner(SharedText(text))
}

async fn page(State(pages): Shared) -> Response<Body> {
    of_audit(&pages, "text/html; charset=utf-8", |published| published.page)
}

/// As OpenMetrics for who asks for it, as Prometheus does, and in the older format else. What
/// names controls and credentials is for the scraper; others get sums.
async fn of_metrics(
    State(pages): Shared,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response<Body> {
    let caller = pages.caller(peer, &headers).await;
    let names_weaknesses = match caller.sees_metrics(pages.publisher.ways()) {
        Metrics::All => true,
        Metrics::Sums => false,
        Metrics::None if caller == Caller::Misled => return refusal(caller, true),
        Metrics::None => {
            let text = "metrics are shown when the endpoint metrics-endpoint is related\n";
            return plain(StatusCode::FORBIDDEN, text);
        }
    };
    let Some(text) = pages.publisher.metrics(names_weaknesses) else {
        return no_audit_yet();
    };
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if accepted.is_some_and(|kinds| kinds.contains("application/openmetrics-text")) {
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        return answer(StatusCode::OK, kind, shared(text));
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    answer(StatusCode::OK, kind, metrics::classic(&text))
}

async fn report(State(pages): Shared) -> Response<Body> {
    of_audit(&pages, "application/json", |published| published.report)
}

async fn last_audit(State(pages): Shared) -> Response<Body> {
    of_audit(&pages, "application/json", |published| {
        let status = serde_json::to_string(&published.status).unwrap_or_default();
        AgentStatus::with(&status, &published.report).into()
    })
}

async fn health(State(pages): Shared) -> Response<Body> {
    let health = match pages.publisher.now() {
        Some(published) => published.health.map(|()| "ok\n"),
        // Pebble would restart what only waits for its first lists.
        None => pages.publisher.silence().map(|()| "waiting for the first audit\n"),
    };
    match health {
        Ok(text) => plain(StatusCode::OK, text),
        Err(why) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

/// Held by a subscriber.
struct Listening(Arc<AtomicUsize>);

impl Listening {
    fn begin(listeners: &Arc<AtomicUsize>) -> Option<Self> {
        let held = Self(Arc::clone(listeners));
        let before = listeners.fetch_add(1, Ordering::Relaxed);
        (before < LISTENERS).then_some(held)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Server-sent events, one a security event, as they come.
async fn events(State(pages): Shared) -> Response<Body> {
    let Some(held) = Listening::begin(&pages.listeners) else {
        let why = format!("{LISTENERS} listen already\n");
        return plain(StatusCode::SERVICE_UNAVAILABLE, why);
    };
    let listener = pages.publisher.listen();
    let until = Instant::now() + LISTENS;
    let first = stream::once(async { Ok::<_, Infallible>(Bytes::from_static(b": listening\n\n")) });
    let rest = stream::unfold((listener, held), move |(mut listener, held)| async move {
        if Instant::now() >= until {
            return None;
        }
        let text = match tokio::time::timeout(PULSE, listener.recv()).await {
            Ok(Ok(event)) => format!("data: {}\n\n", event.line()),
            Ok(Err(RecvError::Lagged(lost))) => format!(": {lost} events were missed\n\n"),
            Ok(Err(RecvError::Closed)) => return None,
            Err(_) => ":\n\n".to_owned(),
        };
        Some((Ok(Bytes::from(text)), (listener, held)))
    });
    let body = Body::from_stream(futures_util::StreamExt::chain(first, rest));
    answer(StatusCode::OK, "text/event-stream", body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_streams_are_limited_and_closed_one_is_reusable() {
        let listeners = Arc::new(AtomicUsize::new(0));
        let mut held: Vec<_> =
            (0..LISTENERS).map(|_| Listening::begin(&listeners).unwrap()).collect();
        assert!(Listening::begin(&listeners).is_none());
        assert!(Listening::begin(&listeners).is_none());
        held.pop();
        assert!(Listening::begin(&listeners).is_some());
    }
}
