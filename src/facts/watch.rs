//! Facts that follow changes of the cluster: each kind is listed once, then watched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{AsyncBufReadExt as _, StreamExt as _};
use jiff::Timestamp;
use kube::Client;
use log::debug;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::watch::Sender;

use super::compliance::ClusterComplianceReport;
use super::core::*;
use super::definitions::Definitions;
use super::gateway_routes::{GrpcRoute, TcpRoute, TlsRoute};
use super::ingress::{DomainMapping, Ingress, IngressClass};
use super::istio::*;
use super::knative::{KnativeEventing, KnativeServing};
use super::known::{Kind, Known, Listed, Unknown};
use super::kubernetes::{self, Source};
use super::manifest::parse_item;
use super::object::Object;
pub use super::pace::Timing;
use super::pace::{Pace, wait_or};
use super::path::ApiPath;
use super::rbac::*;
use super::request::{self, Failure, Served, list_served};
use super::secret::Secret;
use super::traffic::{DestinationRule, ServiceEntry, WasmPlugin};
use super::velero::{VeleroBackup, VeleroSchedule};
use super::vulnerability::VulnerabilityReport;
use super::{About, Facts, access, requests, shared};
use ckf_model::with_kinds;

/// Consecutive failures after which a kind is listed again, which returns the actual error.
const MAX_FAILURES: u32 = 6;
/// Timeout of opening a watch.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);
/// Age from which facts are stale. The API server sends bookmarks about once a minute, so a
/// watch without data for this long is dead, and its facts become unknown.
pub const STALE: Duration = Duration::from_secs(120);

/// Events after which the tables of interned values are cleared, so that they do not grow with
/// every change. Values in use stay valid.
const CLEAR_INTERVAL: u64 = 2048;

/// The current facts, shared between watches and listeners.
pub struct FactStore {
    state: Mutex<State>,
    signal: Condvar,
    heard: Mutex<Heard>,
    counts: Mutex<Counts>,
    /// Definitions of kinds, after whose changes a new kind may be served.
    definitions: Definitions,
    /// Counts changes of RBAC, after which what was refused may be allowed.
    permissions: Sender<u64>,
    stale: Duration,
    timing: Timing,
}

/// Fields that decide what accounts may do.
const RBAC: &[&str] =
    &["roles", "role_bindings", "cluster_roles", "cluster_role_bindings", "service_accounts"];

struct State {
    facts: Facts,
    /// Fields that changed since the last wait of each listener.
    changed: Vec<BTreeSet<&'static str>>,
    /// Fields that were read at least once, successfully or not.
    read: BTreeSet<&'static str>,
}

/// Times of the last data from the API server.
struct Heard {
    /// Last response or event of any kind.
    any: Instant,
    /// Last confirmation of each known kind, by field.
    of: BTreeMap<&'static str, (Instant, Timestamp)>,
    /// Kinds that are not installed: the watch of definitions confirms that.
    absent: BTreeSet<&'static str>,
}

impl Heard {
    /// The field whose confirmations are this field's too.
    fn confirming(&self, field: &'static str) -> &'static str {
        let is_watched = self.absent.contains(field) && self.of.contains_key(DEFINITIONS);
        if is_watched { DEFINITIONS } else { field }
    }
}

/// The field of the definitions.
const DEFINITIONS: &str = "crds";

/// Request and event counters, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lists that were read.
    pub lists: u64,
    /// Watches that were opened.
    pub watches: u64,
    /// Events received, including those without a change.
    pub events: u64,
    /// Lists and watches that failed.
    pub failures: u64,
}

/// A listener for changes.
pub struct Changes {
    live: Arc<FactStore>,
    number: usize,
}

macro_rules! fields {
    ($($(#[$meta:meta])* $field:ident: $type:ty => $group:literal [$($version:literal)+] $plural:literal $(via $wire:ty)?;)*) => {
        /// Fields of the facts that are kinds of objects.
        const KINDS: &[&str] = &[$(stringify!($field)),*];
    };
}
with_kinds!(fields);

impl FactStore {
    /// Creates a store without facts. Facts not confirmed for `stale` become unknown.
    pub fn new(about: About, stale: Duration) -> Self {
        let facts = Facts { about, ..Facts::default() };
        Self {
            state: Mutex::new(State { facts, changed: Vec::new(), read: BTreeSet::new() }),
            signal: Condvar::new(),
            heard: Mutex::new(Heard {
                any: Instant::now(),
                of: BTreeMap::new(),
                absent: BTreeSet::new(),
            }),
            counts: Mutex::default(),
            definitions: Definitions::default(),
            permissions: Sender::new(0),
            stale,
            timing: Timing::default(),
        }
    }

    /// The same store with other durations, for tests.
    pub fn with_timing(self, timing: Timing) -> Self {
        Self { timing, ..self }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Facts stay consistent if another thread panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a field; `change` returns whether its value differs afterwards.
    pub fn change(&self, field: &'static str, change: impl FnOnce(&mut Facts) -> bool) {
        let mut state = self.lock();
        let is_first = state.read.insert(field);
        if change(&mut state.facts) || is_first {
            for changed in &mut state.changed {
                changed.insert(field);
            }
            self.signal.notify_all();
            if RBAC.contains(&field) && !is_first {
                self.permissions.send_modify(|changes| *changes += 1);
            }
        }
    }

    /// Calls a function with the facts, under the lock.
    pub fn with<R>(&self, read: impl FnOnce(&Facts) -> R) -> R {
        read(&self.lock().facts)
    }

    /// Adds a listener, whose first changes are all fields read so far.
    pub fn listen(self: &Arc<Self>) -> Changes {
        let mut state = self.lock();
        let read = state.read.clone();
        state.changed.push(read);
        Changes { live: Arc::clone(self), number: state.changed.len() - 1 }
    }

    /// Whether every kind was read, successfully or not.
    pub fn is_whole(&self) -> bool {
        let state = self.lock();
        KINDS.iter().all(|field| state.read.contains(field))
    }

    /// Request and event counters since the start.
    pub fn counts(&self) -> Counts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time since the last data from the API server, if longer than `stale`.
    pub fn silence(&self) -> Option<Duration> {
        let silence = self.heard().any.elapsed();
        (silence >= self.stale).then_some(silence)
    }

    /// Confirmation time of the oldest known kind; `None` if no kind is known.
    pub fn as_of(&self) -> Option<Timestamp> {
        let heard = self.heard();
        let times = heard.of.keys().map(|field| heard.of.get(heard.confirming(field)));
        times.flatten().map(|(_, at)| *at).min()
    }

    /// Time to the next poll, longer after an answer.
    fn pause(&self, is_answer: bool) -> Duration {
        if is_answer { self.timing.slow_poll } else { self.timing.max_backoff }
    }

    fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Records that the API server confirmed a kind.
    fn hear(&self, field: &'static str) {
        let mut heard = self.heard();
        let now = Instant::now();
        heard.any = now;
        heard.of.insert(field, (now, crate::now()));
        heard.absent.remove(field);
    }

    /// Records that a kind is not installed.
    fn miss(&self, field: &'static str) {
        self.heard().absent.insert(field);
    }

    /// Whether the previous facts hold after a failed read: not if access was denied, else until
    /// they are stale.
    fn holds(&self, field: &'static str, why: &Unknown) -> bool {
        let mut heard = self.heard();
        if let Unknown::Forbidden(_) = why {
            heard.any = Instant::now();
            heard.of.remove(field);
            return false;
        }
        let stale = self.stale;
        let is_fresh = |(at, _): &(Instant, Timestamp)| at.elapsed() < stale;
        let holds = heard.of.get(heard.confirming(field)).is_some_and(is_fresh);
        if !holds {
            heard.of.remove(field);
        }
        holds
    }

    /// Stores the result of a read; after a failure, the previous facts stay while they hold.
    fn update<T: PartialEq>(
        &self,
        field: &'static str,
        new: Known<T>,
        of: impl FnOnce(&mut Facts) -> &mut Known<T>,
    ) {
        match &new {
            Known::Known(_) => self.hear(field),
            Known::Unknown(why) if self.holds(field, why) => return,
            // What was absent may be there now, unseen.
            Known::Unknown(_) if field == DEFINITIONS => self.definitions.lost(),
            Known::Unknown(_) => {}
        }
        self.change(field, |facts| replace(of(facts), new));
    }
}

impl Changes {
    /// Waits for a change, for at most `most`, and returns the changed fields; includes changes
    /// within `settles` of the first.
    pub fn wait(&self, most: Duration, settles: Duration) -> BTreeSet<&'static str> {
        let until = Instant::now() + most;
        let mut state = self.live.lock();
        while state.changed[self.number].is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return BTreeSet::new();
            }
            let waited = self.live.signal.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        std::thread::sleep(settles);
        std::mem::take(&mut self.live.lock().changed[self.number])
    }
}

/// Connects, and updates the facts until the runtime ends. Returns only if there is no client
/// configuration for a cluster.
pub async fn keep(source: &Source, live: Arc<FactStore>) -> Result<(), kubernetes::ReadError> {
    let pause = live.timing.watch + Duration::from_secs(10);
    let (client, _) = kubernetes::connect_to_watch(source, pause).await?;
    macro_rules! all {
        ($($(#[$meta:meta])* $field:ident: $type:ty => $group:literal [$($version:literal)+] $plural:literal $(via $wire:ty)?;)*) => {
            tokio::join!(
                $(Box::pin(all!(@one $field, $type, $group, [$($version),+], $plural $(, $wire)?)),)*
                Box::pin(version(&client, &live)),
                Box::pin(permissions(&client, &live)),
            )
        };
        (@one config_maps, $type:ty, $group:literal, $versions:tt, $plural:literal, $wire:ty) => {
            config_maps(&client, &live, &WatchedKind {
                field: "config_maps",
                group: $group,
                versions: &$versions,
                plural: $plural,
                of: |facts| &mut facts.config_maps,
            })
        };
        (@one $field:ident, $type:ty, $group:literal, $versions:tt, $plural:literal) => {
            all!(@one $field, $type, $group, $versions, $plural, $type)
        };
        (@one $field:ident, $type:ty, $group:literal, $versions:tt, $plural:literal, $wire:ty) => {
            watch::<$wire, $type>(&client, &live, &WatchedKind {
                field: stringify!($field),
                group: $group,
                versions: &$versions,
                plural: $plural,
                of: |facts| &mut facts.$field,
            })
        };
    }
    with_kinds!(all);
    Ok(())
}

/// A watched kind, from the table of kinds.
struct WatchedKind<'a, T> {
    field: &'static str,
    group: &'a str,
    versions: &'a [&'a str],
    plural: &'a str,
    of: fn(&mut Facts) -> &mut Kind<T>,
}

async fn watch<W, T>(client: &Client, live: &FactStore, kind: &WatchedKind<'_, T>)
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
async fn follow<W, T>(
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

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    what: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EventObject {
    metadata: EventMeta,
    code: u16,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct EventMeta {
    name: String,
    namespace: String,
    resource_version: String,
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
    if path.path().ends_with("/customresourcedefinitions") {
        // Each watch event has one object, unlike a list.
        request.headers_mut().insert(
            http::header::ACCEPT,
            http::HeaderValue::from_static(
                "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            ),
        );
    }
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
            what => take::<W, T>(live, kind, &event.metadata, what, line.object),
        }
        live.hear(kind.field);
        if !event.metadata.resource_version.is_empty() {
            *resource_version = event.metadata.resource_version;
        }
    }
}

/// Applies a watch event.
fn take<W, T>(
    live: &FactStore,
    kind: &WatchedKind<'_, T>,
    meta: &EventMeta,
    what: &str,
    object: &RawValue,
) where
    W: DeserializeOwned,
    T: From<W> + Object + PartialEq,
{
    let mut events = 0;
    live.count(|counts| {
        counts.events += 1;
        events = counts.events;
    });
    if events.is_multiple_of(CLEAR_INTERVAL) {
        shared::clear_interned();
    }
    let object = (what != "DELETED").then_some(object);
    live.change(kind.field, |facts| apply::<W, T>((kind.of)(facts), meta, object));
    if kind.field == DEFINITIONS {
        match what {
            "DELETED" => live.definitions.deleted(&meta.name),
            _ => live.definitions.changed(&meta.name),
        }
    }
}

fn replace<T: PartialEq>(known: &mut Known<T>, new: Known<T>) -> bool {
    let is_other = *known != new;
    *known = new;
    is_other
}

/// Inserts, replaces or removes an object; returns whether anything changed.
fn apply<W, T>(kind: &mut Kind<T>, meta: &EventMeta, object: Option<&RawValue>) -> bool
where
    W: DeserializeOwned,
    T: From<W> + Object + PartialEq,
{
    let Known::Known(listed) = kind else {
        return false;
    };
    let key = (meta.namespace.as_str(), meta.name.as_str());
    let place = listed.items.binary_search_by(|item| {
        let meta = item.meta();
        (&*meta.namespace, meta.name.as_str()).cmp(&key)
    });
    let unread_before = listed.unread.len();
    listed
        .unread
        .retain(|unread| (unread.object.namespace.as_str(), unread.object.name.as_str()) != key);
    let was_unread = listed.unread.len() != unread_before;
    let mut one = Listed::default();
    if let Some(object) = object {
        parse_item::<W, T>(object.get(), &mut one);
    }
    let is_unread = !one.unread.is_empty();
    listed.unread.append(&mut one.unread);
    match (place, one.items.pop()) {
        (Ok(at), Some(new)) if listed.items[at] == new => was_unread,
        (Ok(at), Some(new)) => {
            listed.items[at] = new;
            true
        }
        (Ok(at), None) => {
            listed.items.remove(at);
            true
        }
        (Err(at), Some(new)) => {
            listed.items.insert(at, new);
            true
        }
        (Err(_), None) => was_unread || is_unread,
    }
}

/// Follows the ConfigMaps of the platform's namespace; without the right to list them, polls
/// those that controls read by name.
async fn config_maps(client: &Client, live: &FactStore, kind: &WatchedKind<'_, ConfigMap>) {
    let namespace = live.with(|facts| facts.about.namespace.clone());
    let timing = live.timing;
    let mut pace = Pace::new(timing);
    let set_all = |are_all: Known<bool>| {
        live.change("all_config_maps", |facts| replace(&mut facts.all_config_maps, are_all));
    };
    loop {
        live.count(|counts| counts.lists += 1);
        match request::all_config_maps(client, &namespace).await {
            Ok(Served { listed, path, resource_version }) => {
                live.update(kind.field, Known::Known(listed), kind.of);
                set_all(Known::Known(true));
                let version = resource_version;
                follow::<ConfigMapWire, _>(client, live, kind, &path, version, &mut pace).await;
                pace.wait().await;
            }
            Err(failure) => {
                live.count(|counts| counts.failures += 1);
                let maps = request::config_maps_by_name(client, &namespace).await;
                pace.failed_by(&failure);
                let are_named = matches!(maps, Known::Known(_));
                live.update(kind.field, maps, kind.of);
                if are_named || live.with(|facts| matches!(facts.config_maps, Known::Unknown(_))) {
                    set_all(Known::Unknown(failure.into_unknown()));
                }
                match are_named {
                    true => wait_or(timing.poll, timing.max_backoff, &live.permissions).await,
                    false => pace.wait_or(&live.permissions).await,
                }
            }
        }
    }
}

async fn version(client: &Client, live: &FactStore) {
    loop {
        let version = request::get::<Version>(client, &"/version".into()).await;
        let version = match version {
            Ok(version) => Known::Known(version),
            Err(failure) => Known::Unknown(failure.into_unknown()),
        };
        let is_answer = update_polled(live, "version", version, |facts| &mut facts.version);
        tokio::time::sleep(live.pause(is_answer)).await;
    }
}

/// Reviews permissions at the start and after changes of RBAC; now and then also without, as
/// RBAC may not be the only authorizer.
async fn permissions(client: &Client, live: &FactStore) {
    let mut changes = live.permissions.subscribe();
    loop {
        changes.borrow_and_update();
        let review = access::read(client).await;
        let is_answer = update_polled(live, "access", review, |facts| &mut facts.access);
        shared::clear_interned();
        tokio::time::sleep(live.pause(is_answer)).await;
        if is_answer {
            let rest = live.timing.fallback.saturating_sub(live.timing.slow_poll);
            // Either end is one.
            let _ = tokio::time::timeout(rest, changes.changed()).await;
        }
    }
}

/// Stores a polled fact; after a failure, the previous one stays. Returns whether the API server
/// answered.
fn update_polled<T: PartialEq>(
    live: &FactStore,
    field: &'static str,
    new: Known<T>,
    of: impl FnOnce(&mut Facts) -> &mut Known<T>,
) -> bool {
    let is_known = matches!(new, Known::Known(_));
    let is_answer = is_known || matches!(new, Known::Unknown(Unknown::Forbidden(_)));
    live.change(field, |facts| {
        let before = of(facts);
        match before {
            Known::Known(_) if !is_answer => false,
            _ => replace(before, new),
        }
    });
    is_answer
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(namespace: &str, name: &str, image: &str) -> String {
        json!({"metadata": {"namespace": namespace, "name": name, "resourceVersion": "7"},
            "spec": {"containers": [{"name": "c", "image": image}]}})
        .to_string()
    }

    fn event(kind: &mut Kind<Pod>, text: &str, is_there: bool) -> bool {
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        let parsed: EventObject = serde_json::from_str(text).unwrap();
        apply::<Pod, Pod>(kind, &parsed.metadata, is_there.then_some(raw))
    }

    #[test]
    fn event_updates_sorted_list_and_reports_changes() {
        let mut kind: Kind<Pod> = Known::Known(Listed::default());
        assert!(event(&mut kind, &pod("b", "x", "1"), true));
        assert!(event(&mut kind, &pod("a", "z", "1"), true));
        assert!(event(&mut kind, &pod("a", "y", "1"), true));
        assert!(!event(&mut kind, &pod("a", "y", "1"), true));
        assert!(event(&mut kind, &pod("a", "y", "2"), true));
        let names = |kind: &Kind<Pod>| match kind {
            Known::Known(listed) => listed.items.iter().map(|p| p.metadata.name.clone()).collect(),
            Known::Unknown(_) => Vec::new(),
        };
        assert_eq!(names(&kind), ["y", "z", "x"]);
        // An invalid object is listed by name until it is valid.
        let broken = json!({"metadata": {"namespace": "a", "name": "y"}, "spec": 7}).to_string();
        assert!(event(&mut kind, &broken, true));
        assert_eq!(names(&kind), ["z", "x"]);
        let unread = |kind: &Kind<Pod>| match kind {
            Known::Known(listed) => listed.unread.len(),
            Known::Unknown(_) => 0,
        };
        assert_eq!(unread(&kind), 1);
        assert!(event(&mut kind, &pod("a", "y", "2"), true));
        assert_eq!(unread(&kind), 0);
        assert!(event(&mut kind, &pod("a", "y", "2"), false));
        assert!(!event(&mut kind, &pod("a", "y", "2"), false));
        assert_eq!(names(&kind), ["z", "x"]);
    }

    fn live() -> Arc<FactStore> {
        Arc::new(FactStore::new(About::default(), Duration::from_millis(200)))
    }

    #[test]
    fn change_wakes_every_listener_once() {
        let live = live();
        let (one, two) = (live.listen(), live.listen());
        let other = Arc::clone(&live);
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            other.change("pods", |_| true);
            other.change("secrets", |_| true);
        });
        for listener in [&one, &two] {
            let changed = listener.wait(Duration::from_secs(10), Duration::from_millis(50));
            assert_eq!(changed, BTreeSet::from(["pods", "secrets"]));
        }
        thread.join().unwrap();
        live.change("pods", |_| false);
        assert!(one.wait(Duration::from_millis(20), Duration::ZERO).is_empty());
        // A later listener gets all fields read so far.
        let late = live.listen().wait(Duration::ZERO, Duration::ZERO);
        assert_eq!(late, BTreeSet::from(["pods", "secrets"]));
    }

    #[test]
    fn facts_are_whole_when_each_kind_was_read() {
        let live = live();
        for number in 0..KINDS.len() {
            // As many fields as there are kinds, but none of them a kind.
            let field: &'static str = Box::leak(format!("other-{number}").into_boxed_str());
            live.change(field, |_| true);
        }
        assert!(!live.is_whole());
        for field in KINDS {
            live.change(field, |_| true);
        }
        assert!(live.is_whole());
    }

    #[test]
    fn facts_hold_after_failure_until_stale_but_not_after_denial() {
        let live = live();
        let nodes = |unknown: Unknown| {
            live.update("nodes", Known::Unknown(unknown), |facts| &mut facts.nodes);
            live.with(|facts| matches!(facts.nodes, Known::Known(_)))
        };
        let failed = || Unknown::Failed("connection refused".into());
        let read = || {
            live.update("nodes", Known::Known(Listed::default()), |facts| &mut facts.nodes);
        };
        assert!(!nodes(failed()), "a kind that was never read is unknown");
        read();
        assert!(nodes(failed()));
        assert!(live.as_of().is_some());
        assert_eq!(live.silence(), None);
        assert!(!nodes(Unknown::Forbidden("no".into())));
        read();
        std::thread::sleep(Duration::from_millis(250));
        assert!(live.silence().is_some());
        assert!(!nodes(failed()), "the facts are stale");
        assert_eq!(live.as_of(), None);
        read();
        assert_eq!(live.silence(), None);
    }

    #[test]
    fn absent_kind_is_as_fresh_as_the_definitions() {
        let live = live();
        let crds = |new| live.update(DEFINITIONS, new, |facts| &mut facts.crds);
        let long_ago = Timestamp::UNIX_EPOCH;
        live.heard().of.insert("nodes", (Instant::now(), long_ago));
        live.miss("nodes");
        assert_eq!(live.as_of(), Some(long_ago), "definitions are not known");
        crds(Known::Known(Listed::default()));
        assert!(live.as_of().unwrap() > long_ago);
        crds(Known::Unknown(Unknown::Forbidden("no".into())));
        assert_eq!(live.as_of(), Some(long_ago));
    }

    #[test]
    fn definitions_are_watched_as_metadata() {
        let accept = |path: &'static str| {
            let request = watch_request(&ApiPath::from(path), "7", Duration::from_secs(290));
            let request = request.ok().unwrap();
            request.headers()[http::header::ACCEPT].to_str().map(str::to_owned)
        };
        let of_definitions = accept("/apis/apiextensions.k8s.io/v1/customresourcedefinitions");
        assert_eq!(
            of_definitions.unwrap(),
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
        );
        assert_eq!(accept("/api/v1/pods").unwrap(), "application/json");
    }
}
