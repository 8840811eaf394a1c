//! One kind: listed, watched from there, and listed again when the watch is lost.

use std::time::{Duration, Instant};

use futures_util::{AsyncBufReadExt as _, StreamExt as _};
use kube::Client;
use log::debug;
use serde::de::DeserializeOwned;

use super::event::{EventObject, Line, take};
use super::store::{DEFINITIONS, FactStore};
use crate::facts::known::{Kind, Known, Listed, Unknown};
use crate::facts::object::Object;
use crate::facts::pace::Pace;
use crate::facts::path::ApiPath;
use crate::facts::request::{self, Failure, Served, list_served};
use crate::facts::{Facts, kubernetes, requests};

/// Consecutive failures after which a kind is listed again, which returns the actual error.
const MAX_FAILURES: u32 = 6;
/// Timeout of opening a watch.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);

/// A watched kind, from the table of kinds.
pub(super) struct WatchedKind<'a, T> {
    pub(super) field: &'static str,
    pub(super) group: &'a str,
    pub(super) versions: &'a [&'a str],
    pub(super) plural: &'a str,
    pub(super) of: fn(&mut Facts) -> &mut Kind<T>,
}

/// Lists a kind and watches it, again and again.
pub(super) async fn watch<W, T>(client: &Client, live: &FactStore, kind: &WatchedKind<'_, T>)
where
    W: DeserializeOwned,
    T: From<W> + Object + PartialEq,
{
    let mut pace = Pace::new(live.timing);
    let definition = format!("{}.{}", kind.plural, kind.group);
    let mut absences = 0;
    loop {
        let before = live.definitions.number(&definition);
        live.count(|counts| counts.lists += 1);
        let served = list_served::<W, T>(client, kind.group, kind.versions, kind.plural).await;
        match served {
            Ok(Some(served)) => {
                absences = 0;
                let Served { listed, path, resource_version } = served;
                if kind.field == DEFINITIONS {
                    let names = listed.items.iter().map(|item| item.meta().name.clone());
                    live.definitions.listed(names);
                }
                live.update(kind.field, Known::Known(listed), kind.of);
                // Changes during the wait are part of the next list.
                follow::<W, T>(client, live, kind, &path, resource_version, &mut pace).await;
                pace.wait().await;
            }
            Ok(None) => {
                let none = Listed { installed: false, ..Listed::default() };
                pace.reset();
                live.update(kind.field, Known::Known(none), kind.of);
                live.miss(kind.field);
                live.definitions.wait(&definition, before, absences, live.timing).await;
                absences += 1;
            }
            Err(failure) => {
                live.count(|counts| counts.failures += 1);
                pace.failed_by(&failure);
                live.update(kind.field, Known::Unknown(failure.into_unknown()), kind.of);
                pace.wait_or(&live.permissions).await;
            }
        }
    }
}

/// How a watch ended.
enum Ended {
    /// The API server closed it.
    Closed,
    /// The resource version expired, or the kind is no longer served: list it again.
    Lost,
    /// It may be listed and not watched: list it now and then.
    Refused,
    /// Any other error.
    Failed(String),
    /// No data for too long.
    Silent,
}

/// Watches a kind from a list's resource version, until it must be listed again.
pub(super) async fn follow<W, T>(
    client: &Client,
    live: &FactStore,
    kind: &WatchedKind<'_, T>,
    path: &ApiPath,
    mut resource_version: String,
    pace: &mut Pace,
) where
    W: DeserializeOwned,
    T: From<W> + Object + PartialEq,
{
    loop {
        live.count(|counts| counts.watches += 1);
        let started = Instant::now();
        let ended = stream::<W, T>(client, live, kind, path, &mut resource_version).await;
        let lasted = started.elapsed();
        let why = match ended {
            Ended::Closed => {
                pace.lasted(lasted);
                pace.wait().await;
                continue;
            }
            Ended::Lost => return pace.lasted(lasted),
            Ended::Refused => {
                debug!("watching {}: not allowed", kind.plural);
                live.count(|counts| counts.failures += 1);
                return pace.refused();
            }
            Ended::Failed(why) => why,
            Ended::Silent => format!("no data for {} s", live.stale.as_secs()),
        };
        debug!("watching {}: {why}", kind.plural);
        live.count(|counts| counts.failures += 1);
        pace.failed(lasted);
        live.update(kind.field, Known::Unknown(Unknown::TimedOut(why)), kind.of);
        pace.wait().await;
        let is_known = live.heard().of.contains_key(kind.field);
        if pace.failures() >= MAX_FAILURES || !is_known {
            return;
        }
    }
}

/// A watch request.
fn watch_request(
    path: &ApiPath,
    resource_version: &str,
    lasts: Duration,
) -> Result<http::Request<Vec<u8>>, Failure> {
    let watched = path
        .clone()
        .with("watch", "1")
        .with("allowWatchBookmarks", "true")
        .with("timeoutSeconds", &lasts.as_secs().to_string())
        .with("resourceVersion", resource_version);
    let mut request = kubernetes::request(http::Method::GET, &watched, None)?;
    // Events are read as they come.
    request.headers_mut().remove(http::header::ACCEPT_ENCODING);
    Ok(request)
}

async fn stream<W, T>(
    client: &Client,
    live: &FactStore,
    kind: &WatchedKind<'_, T>,
    path: &ApiPath,
    resource_version: &mut String,
) -> Ended
where
    W: DeserializeOwned,
    T: From<W> + Object + PartialEq,
{
    let request = match watch_request(path, resource_version, live.timing.watch) {
        Ok(request) => request,
        Err(failure) => return Ended::Failed(failure.into_unknown().to_string()),
    };
    requests::count(&request);
    let response = tokio::time::timeout(OPEN_TIMEOUT, client.request_stream(request)).await;
    let response = match response {
        Ok(Ok(response)) => response,
        Ok(Err(kube::Error::Api(status))) if matches!(status.code, 404 | 410) => {
            return Ended::Lost;
        }
        Ok(Err(kube::Error::Api(status))) if matches!(status.code, 403 | 405) => {
            return Ended::Refused;
        }
        Ok(Err(error)) => return Ended::Failed(request::innermost(&error)),
        Err(_) => return Ended::Failed("no response".into()),
    };
    live.hear(kind.field);
    let mut lines = std::pin::pin!(response.lines());
    loop {
        let line = match tokio::time::timeout(live.stale, lines.next()).await {
            Ok(Some(Ok(line))) => line,
            Ok(Some(Err(error))) => return Ended::Failed(error.to_string()),
            Ok(None) => return Ended::Closed,
            Err(_) => return Ended::Silent,
        };
        let Ok(line) = serde_json::from_str::<Line<'_>>(&line) else {
            return Ended::Failed("malformed watch event".into());
        };
        let event: EventObject = serde_json::from_str(line.object.get()).unwrap_or_default();
        match line.what {
            "BOOKMARK" => {}
            "ERROR" if event.code == 410 => return Ended::Lost,
            "ERROR" => return Ended::Failed(format!("the API server returned {}", event.code)),
            what => take::<W, T>(live, kind.field, kind.of, &event.metadata, what, line.object),
        }
        live.hear(kind.field);
        if !event.metadata.resource_version.is_empty() {
            *resource_version = event.metadata.resource_version;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_not_compressed() {
        let path = ApiPath::from("/apis/apiextensions.k8s.io/v1/customresourcedefinitions");
        let listed = kubernetes::request(http::Method::GET, &path, None).ok().unwrap();
        assert_eq!(listed.headers()[http::header::ACCEPT_ENCODING], "gzip");
        let watched = watch_request(&path, "7", Duration::from_secs(290)).ok().unwrap();
        assert!(!watched.headers().contains_key(http::header::ACCEPT_ENCODING));
        assert_eq!(watched.headers()[http::header::ACCEPT], "application/json");
    }
}
