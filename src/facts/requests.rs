//! Counters of requests to the API server by kind and verb, for metrics.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ckf_model::with_kinds;

/// Number of requests by resource name and RBAC verb.
pub type Counts = BTreeMap<(&'static str, &'static str), u64>;

static COUNTS: Mutex<Counts> = Mutex::new(BTreeMap::new());

macro_rules! plurals {
    ($($(#[$meta:meta])* $field:ident: $type:ty => $group:literal [$($version:literal)+] $plural:literal $(via $wire:ty)?;)*) => {
        /// Kinds counted separately: a fixed list, which bounds the cardinality of the metric.
        const KINDS: &[&str] = &[$($plural),*];
    };
}
with_kinds!(plurals);

/// Label of any other kind or verb.
const OTHER: &str = "other";

fn lock() -> MutexGuard<'static, Counts> {
    COUNTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts a request that is about to be sent.
pub(crate) fn count(request: &http::Request<Vec<u8>>) {
    let what = classify(request);
    *lock().entry(what).or_default() += 1;
}

/// Requests sent by this process.
pub fn counts() -> Counts {
    lock().clone()
}

fn classify(request: &http::Request<Vec<u8>>) -> (&'static str, &'static str) {
    let uri = request.uri();
    let mut segments = uri.path().split('/').filter(|segment| !segment.is_empty());
    // /api/VERSION/… or /apis/GROUP/VERSION/…
    let skipped = match segments.next() {
        Some("api") => 1,
        Some("apis") => 2,
        _ => usize::MAX,
    };
    let mut rest = segments.skip(skipped).peekable();
    let mut resource = rest.next();
    let mut name = rest.next();
    if resource == Some("namespaces") && rest.peek().is_some() {
        resource = rest.next();
        name = rest.next();
    }
    let kind = KINDS.iter().find(|kind| Some(**kind) == resource);
    let is_watch = uri.query().is_some_and(|query| query.contains("watch=1"));
    let verb = match request.method().as_str() {
        "GET" if is_watch => "watch",
        "GET" if name.is_some() || resource.is_none() => "get",
        "GET" => "list",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => OTHER,
    };
    (kind.copied().unwrap_or(OTHER), verb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_classified_by_known_kinds_and_verbs() {
        for (method, path, expected) in [
            ("GET", "/api/v1/pods?limit=500", ("pods", "list")),
            ("GET", "/api/v1/pods?watch=1&allowWatchBookmarks=true", ("pods", "watch")),
            ("GET", "/api/v1/namespaces/kubeflow/configmaps/istio", ("configmaps", "get")),
            ("GET", "/api/v1/namespaces/kubeflow", ("namespaces", "get")),
            ("GET", "/api/v1/namespaces?limit=500", ("namespaces", "list")),
            (
                "PATCH",
                "/apis/networking.istio.io/v1alpha3/namespaces/kubeflow/envoyfilters/x?fieldManager=y",
                ("envoyfilters", "patch"),
            ),
            (
                "DELETE",
                "/apis/networking.k8s.io/v1/namespaces/a/networkpolicies/x",
                ("networkpolicies", "delete"),
            ),
            ("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", ("other", "create")),
            ("GET", "/apis/example.com/v1/rockets?limit=500", ("other", "list")),
            ("GET", "/version", ("other", "get")),
        ] {
            let mut request = http::Request::new(Vec::new());
            *request.method_mut() = method.parse().unwrap();
            *request.uri_mut() = path.parse().unwrap();
            assert_eq!(classify(&request), expected, "{method} {path}");
        }
    }
}
