//! Facts that are kept as the cluster changes: each kind is listed once, and then watched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{AsyncBufReadExt as _, StreamExt as _};
use jiff::Timestamp;
use kube::Client;
use log::debug;
use rand::RngExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::watch::Sender;

use super::core::*;
use super::istio::*;
use super::knative::{KnativeEventing, KnativeServing};
use super::known::{Kind, Known, Listed, Unknown};
use super::kubernetes::{self, Failure, Served, Source, list_served};
use super::manifest::parse_item;
use super::object::Object;
use super::path::ApiPath;
use super::rbac::*;
use super::secret::Secret;
use super::vulnerability::VulnerabilityReport;
use super::{About, Facts, access, requests, shared, with_kinds};

/// How long the API server keeps a watch open, in seconds; then it is asked for another.
const WATCH_SECONDS: u64 = 290;
/// A watch that lasts this long has worked; one that ends earlier is retried with back-off.
const LASTS: Duration = Duration::from_secs(10);
/// Longest back-off.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Failures in a row after which a kind is listed again: the answer says what is wrong.
const PATIENCE: u32 = 6;
/// Longest wait for the first bytes of a watch.
const OPENS: Duration = Duration::from_secs(20);
/// How often what cannot be watched is read again: few ConfigMaps by name.
const OFTEN: Duration = Duration::from_secs(30);
/// How often version and rights are read.
const SELDOM: Duration = Duration::from_secs(600);
/// How often a kind that the cluster does not serve is asked for, while no definition changes.
const SERVED: Duration = Duration::from_secs(50);
/// The API server sends bookmarks about once a minute, so a watch without a byte for this
/// long is dead, and facts that nothing was heard of for this long are not known any more.
pub const STALE: Duration = Duration::from_secs(120);

/// Equal values are kept once, in a table that must not grow with every change: it is emptied
/// after so many. What is in use stays.
const FORGETS: u64 = 2048;

/// Facts as they are now.
pub struct Live {
    state: Mutex<State>,
    signal: Condvar,
    heard: Mutex<Heard>,
    counts: Mutex<Counts>,
    /// Counts changes of CustomResourceDefinitions: a kind may be served from then on.
    definitions: Sender<u64>,
    stale: Duration,
}

struct State {
    facts: Facts,
    /// Fields of what changed since each listener asked last.
    changed: Vec<BTreeSet<&'static str>>,
    /// Fields that were read at least once.
    read: BTreeSet<&'static str>,
}

/// When the API server was heard last.
struct Heard {
    /// Of anything.
    any: Instant,
    /// Of each kind that is known, by its field.
    of: BTreeMap<&'static str, (Instant, Timestamp)>,
}

/// What watching costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lists that were read.
    pub lists: u64,
    /// Watches that were opened.
    pub watches: u64,
    /// Objects that watches reported, of which some were as before.
    pub events: u64,
    /// Lists and watches that failed.
    pub failures: u64,
}

/// One who waits for changes.
pub struct Changes {
    live: Arc<Live>,
    number: usize,
}

macro_rules! fields {
    ($($(#[$meta:meta])* $field:ident: $type:ty => $group:literal [$($version:literal)+] $plural:literal $(via $wire:ty)?;)*) => {
        /// Fields of the facts that are kinds of objects.
        const KINDS: &[&str] = &[$(stringify!($field)),*];
    };
}
with_kinds!(fields);

impl Live {
    /// Nothing is known yet. Facts that nothing was heard of for `stale` are not known any
    /// more.
    pub fn new(about: About, stale: Duration) -> Self {
        let facts = Facts { about, ..Facts::default() };
        Self {
            state: Mutex::new(State { facts, changed: Vec::new(), read: BTreeSet::new() }),
            signal: Condvar::new(),
            heard: Mutex::new(Heard { any: Instant::now(), of: BTreeMap::new() }),
            counts: Mutex::default(),
            definitions: Sender::new(0),
            stale,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere left facts that are still facts.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a fact, by its field; whether it is another now `change` tells.
    pub fn change(&self, field: &'static str, change: impl FnOnce(&mut Facts) -> bool) {
        let mut state = self.lock();
        let is_first = state.read.insert(field);
        if change(&mut state.facts) || is_first {
            for changed in &mut state.changed {
                changed.insert(field);
            }
            self.signal.notify_all();
        }
    }

    /// Looks at the facts.
    pub fn with<R>(&self, look: impl FnOnce(&Facts) -> R) -> R {
        look(&self.lock().facts)
    }

    /// A listener, to whom everything that was read so far is a change.
    pub fn listen(self: &Arc<Self>) -> Changes {
        let mut state = self.lock();
        let read = state.read.clone();
        state.changed.push(read);
        Changes { live: Arc::clone(self), number: state.changed.len() - 1 }
    }

    /// Whether every kind was read, or found to be out of reach.
    pub fn is_whole(&self) -> bool {
        let state = self.lock();
        KINDS.iter().all(|field| state.read.contains(field))
    }

    /// What watching cost so far.
    pub fn counts(&self) -> Counts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For how long nothing was heard of the API server, if that is too long.
    pub fn silence(&self) -> Option<Duration> {
        let silence = self.heard().any.elapsed();
        (silence >= self.stale).then_some(silence)
    }

    /// When the oldest of the facts that are known was last known to be so; `None` if none is.
    pub fn as_of(&self) -> Option<Timestamp> {
        self.heard().of.values().map(|(_, at)| *at).min()
    }

    fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Notes that the API server was heard, and that a kind is as it is known.
    fn hear(&self, field: &'static str) {
        let mut heard = self.heard();
        let now = Instant::now();
        heard.any = now;
        heard.of.insert(field, (now, crate::now()));
    }

    /// Whether facts of before hold although they could not be read again. A refusal is an
    /// answer; without any, they hold for a while.
    fn holds(&self, field: &'static str, why: &Unknown) -> bool {
        let mut heard = self.heard();
        if let Unknown::Forbidden(_) = why {
            heard.any = Instant::now();
            heard.of.remove(field);
            return false;
        }
        let stale = self.stale;
        let is_fresh = |(at, _): &(Instant, Timestamp)| at.elapsed() < stale;
        let holds = heard.of.get(field).is_some_and(is_fresh);
        if !holds {
            heard.of.remove(field);
        }
        holds
    }

    /// Puts what was read into the facts; what could not be read leaves those of before as
    /// they are while they hold.
    fn update<T: PartialEq>(
        &self,
        field: &'static str,
        new: Known<T>,
        of: impl FnOnce(&mut Facts) -> &mut Known<T>,
    ) {
        match &new {
            Known::Known(_) => self.hear(field),
            Known::Unknown(why) if self.holds(field, why) => return,
            Known::Unknown(_) => {}
        }
        self.change(field, |facts| replace(of(facts), new));
    }
}

impl Changes {
    /// Waits until something changed, or for so long; returns the fields of what did. What
    /// comes within `settles` of the first change counts with it.
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

/// Connects, and keeps the facts until the runtime ends. It returns only if there is no way
/// to a cluster.
pub async fn keep(source: &Source, live: Arc<Live>) -> Result<(), kubernetes::ReadError> {
    let pause = Duration::from_secs(WATCH_SECONDS + 10);
    let (client, _) = kubernetes::connect_for(source, pause).await?;
    let namespace = live.with(|facts| facts.about.namespace.clone());
    macro_rules! all {
        ($($(#[$meta:meta])* $field:ident: $type:ty => $group:literal [$($version:literal)+] $plural:literal $(via $wire:ty)?;)*) => {
            tokio::join!(
                $(Box::pin(all!(@one $field, $type, $group, [$($version),+], $plural $(, $wire)?)),)*
                Box::pin(version(&client, &live)),
                Box::pin(rights(&client, &live)),
            )
        };
        (@one config_maps, $type:ty, $group:literal, $versions:tt, $plural:literal) => {
            config_maps(&client, &live, &namespace)
        };
        (@one $field:ident, $type:ty, $group:literal, $versions:tt, $plural:literal) => {
            all!(@one $field, $type, $group, $versions, $plural, $type)
        };
        (@one $field:ident, $type:ty, $group:literal, $versions:tt, $plural:literal, $wire:ty) => {
            watch::<$wire, $type>(&client, &live, &Kept {
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

/// A kind that is kept.
struct Kept<'a, T> {
    field: &'static str,
    group: &'a str,
    versions: &'a [&'a str],
    plural: &'a str,
    of: fn(&mut Facts) -> &mut Kind<T>,
}

/// How soon a kind is asked for again: at once after what worked, and later and later while
/// it does not.
#[derive(Default)]
struct Pace {
    failures: u32,
}

impl Pace {
    /// Notes how long something lasted that ended by itself.
    fn lasted(&mut self, time: Duration) {
        self.failures = match time >= LASTS {
            true => 0,
            false => self.failures.saturating_add(1),
        };
    }

    /// Notes a failure, after something that lasted so long.
    fn failed(&mut self, time: Duration) {
        self.lasted(time);
        self.failures = self.failures.max(1);
    }

    /// The wait before jitter: 0, 1, 2, 4 … seconds.
    fn delay(&self) -> Duration {
        match self.failures {
            0 => Duration::ZERO,
            failures => Duration::from_secs(1 << (failures - 1).min(5)).min(LONGEST_WAIT),
        }
    }

    /// Waits. Many that failed at once do not come back at once.
    async fn wait(&self) {
        if self.failures > 0 {
            let jitter = rand::rng().random_range(0.5..1.5);
            tokio::time::sleep(self.delay().mul_f64(jitter)).await;
        }
    }
}

async fn watch<W, T>(client: &Client, live: &Live, kept: &Kept<'_, T>)
where
    W: DeserializeOwned,
    T: From<W> + Object + PartialEq,
{
    let mut pace = Pace::default();
    let mut definitions = live.definitions.subscribe();
    loop {
        definitions.borrow_and_update();
        live.count(|counts| counts.lists += 1);
        let served = list_served::<W, T>(client, kept.group, kept.versions, kept.plural).await;
        match served {
            Ok(Some(served)) => {
                let Served { listed, path, resource_version } = served;
                live.update(kept.field, Known::Known(listed), kept.of);
                // What was missed while waiting is in the next list.
                follow::<W, T>(client, live, kept, &path, resource_version, &mut pace).await;
                pace.wait().await;
            }
            Ok(None) => {
                let none = Listed { installed: false, ..Listed::default() };
                pace = Pace::default();
                live.update(kept.field, Known::Known(none), kept.of);
                let jitter = rand::rng().random_range(0.5..1.0);
                tokio::select! {
                    () = tokio::time::sleep(SERVED.mul_f64(jitter)) => {}
                    // The API server serves a kind soon after its definition is established.
                    _ = definitions.changed() => {
                        tokio::time::sleep(Duration::from_secs(2).mul_f64(jitter)).await;
                    }
                }
            }
            Err(why) => {
                live.count(|counts| counts.failures += 1);
                live.update(kept.field, Known::Unknown(why), kept.of);
                pace.failed(Duration::ZERO);
                pace.wait().await;
            }
        }
    }
}

/// Why a watch ended.
enum Ended {
    /// The API server closed it.
    Closed,
    /// It must be listed again: the API server has forgotten from where, or does not serve
    /// the kind any more.
    Lost,
    /// Anything else.
    Failed(String),
    /// Not a byte for too long.
    Silent,
}

/// Takes every change of a list, until it has to be listed again.
async fn follow<W, T>(
    client: &Client,
    live: &Live,
    kept: &Kept<'_, T>,
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
        let ended = stream::<W, T>(client, live, kept, path, &mut resource_version).await;
        let lasted = started.elapsed();
        let why = match ended {
            Ended::Closed => {
                pace.lasted(lasted);
                pace.wait().await;
                continue;
            }
            Ended::Lost => return pace.lasted(lasted),
            Ended::Failed(why) => why,
            Ended::Silent => format!("nothing was heard for {} s", live.stale.as_secs()),
        };
        debug!("watching {}: {why}", kept.plural);
        live.count(|counts| counts.failures += 1);
        pace.failed(lasted);
        live.update(kept.field, Known::Unknown(Unknown::TimedOut(why)), kept.of);
        pace.wait().await;
        let is_known = live.heard().of.contains_key(kept.field);
        if pace.failures >= PATIENCE || !is_known {
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
struct Marked {
    metadata: Mark,
    code: u16,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Mark {
    name: String,
    namespace: String,
    resource_version: String,
}

/// The request for a watch of a list.
fn watch_request(
    path: &ApiPath,
    resource_version: &str,
) -> Result<http::Request<Vec<u8>>, Failure> {
    let watched = path
        .clone()
        .with("watch", "1")
        .with("allowWatchBookmarks", "true")
        .with("timeoutSeconds", &WATCH_SECONDS.to_string())
        .with("resourceVersion", resource_version);
    let mut request = kubernetes::request(http::Method::GET, &watched, None)?;
    if path.path().ends_with("/customresourcedefinitions") {
        // A watch sends one object an event, where a list sends a list.
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
    live: &Live,
    kept: &Kept<'_, T>,
    path: &ApiPath,
    resource_version: &mut String,
) -> Ended
where
    W: DeserializeOwned,
    T: From<W> + Object + PartialEq,
{
    let request = match watch_request(path, resource_version) {
        Ok(request) => request,
        Err(failure) => return Ended::Failed(failure.into_unknown().to_string()),
    };
    requests::count(&request);
    let answer = tokio::time::timeout(OPENS, client.request_stream(request)).await;
    let answer = match answer {
        Ok(Ok(answer)) => answer,
        Ok(Err(kube::Error::Api(status))) if matches!(status.code, 404 | 410) => {
            return Ended::Lost;
        }
        Ok(Err(error)) => return Ended::Failed(kubernetes::innermost(&error)),
        Err(_) => return Ended::Failed("no answer".into()),
    };
    live.hear(kept.field);
    let mut lines = std::pin::pin!(answer.lines());
    loop {
        let line = match tokio::time::timeout(live.stale, lines.next()).await {
            Ok(Some(Ok(line))) => line,
            Ok(Some(Err(error))) => return Ended::Failed(error.to_string()),
            Ok(None) => return Ended::Closed,
            Err(_) => return Ended::Silent,
        };
        let Ok(line) = serde_json::from_str::<Line<'_>>(&line) else {
            return Ended::Failed("the watch sent what is no event".into());
        };
        let marked: Marked = serde_json::from_str(line.object.get()).unwrap_or_default();
        match line.what {
            "BOOKMARK" => {}
            "ERROR" if marked.code == 410 => return Ended::Lost,
            "ERROR" => return Ended::Failed(format!("the API server answers {}", marked.code)),
            what => take::<W, T>(live, kept, &marked.metadata, what, line.object),
        }
        live.hear(kept.field);
        if !marked.metadata.resource_version.is_empty() {
            *resource_version = marked.metadata.resource_version;
        }
    }
}

/// Takes one change.
fn take<W, T>(live: &Live, kept: &Kept<'_, T>, mark: &Mark, what: &str, object: &RawValue)
where
    W: DeserializeOwned,
    T: From<W> + Object + PartialEq,
{
    let mut events = 0;
    live.count(|counts| {
        counts.events += 1;
        events = counts.events;
    });
    if events.is_multiple_of(FORGETS) {
        shared::forget_kept();
    }
    let object = (what != "DELETED").then_some(object);
    live.change(kept.field, |facts| apply::<W, T>((kept.of)(facts), mark, object));
    if kept.field == "crds" {
        // Also when it is known already: its kind may be served only now.
        live.definitions.send_modify(|changes| *changes += 1);
    }
}

fn replace<T: PartialEq>(known: &mut Known<T>, new: Known<T>) -> bool {
    let is_other = *known != new;
    *known = new;
    is_other
}

/// Puts an object into its place, or takes it away; returns whether anything is other than
/// it was.
fn apply<W, T>(kind: &mut Kind<T>, mark: &Mark, object: Option<&RawValue>) -> bool
where
    W: DeserializeOwned,
    T: From<W> + Object + PartialEq,
{
    let Known::Known(listed) = kind else {
        return false;
    };
    let wanted = (mark.namespace.as_str(), mark.name.as_str());
    let place = listed.items.binary_search_by(|item| {
        let meta = item.meta();
        (&*meta.namespace, meta.name.as_str()).cmp(&wanted)
    });
    let unread_before = listed.unread.len();
    listed
        .unread
        .retain(|unread| (unread.object.namespace.as_str(), unread.object.name.as_str()) != wanted);
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

/// Few of them are read, by name, so they are not watched.
async fn config_maps(client: &Client, live: &Live, namespace: &str) {
    loop {
        live.count(|counts| counts.lists += 1);
        let maps = kubernetes::config_maps(client, namespace).await;
        live.update("config_maps", maps, |facts| &mut facts.config_maps);
        tokio::time::sleep(OFTEN).await;
    }
}

async fn version(client: &Client, live: &Live) {
    loop {
        let version = kubernetes::get::<Version>(client, &"/version".into()).await;
        let version = match version {
            Ok(version) => Known::Known(version),
            Err(failure) => Known::Unknown(failure.into_unknown()),
        };
        let pause = read_seldom(live, "version", version, |facts| &mut facts.version);
        tokio::time::sleep(pause).await;
    }
}

async fn rights(client: &Client, live: &Live) {
    loop {
        let rights = access::read(client).await;
        let pause = read_seldom(live, "access", rights, |facts| &mut facts.access);
        shared::forget_kept();
        tokio::time::sleep(pause).await;
    }
}

/// Puts in what is read seldom; what was read before holds until something else is read.
/// Returns how long to wait, which is less after a failure.
fn read_seldom<T: PartialEq>(
    live: &Live,
    field: &'static str,
    new: Known<T>,
    of: impl FnOnce(&mut Facts) -> &mut Known<T>,
) -> Duration {
    let is_known = matches!(new, Known::Known(_));
    let is_answer = is_known || matches!(new, Known::Unknown(Unknown::Forbidden(_)));
    live.change(field, |facts| {
        let before = of(facts);
        match before {
            Known::Known(_) if !is_answer => false,
            _ => replace(before, new),
        }
    });
    if is_known { SELDOM } else { OFTEN }
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

    fn told(kind: &mut Kind<Pod>, text: &str, is_there: bool) -> bool {
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        let marked: Marked = serde_json::from_str(text).unwrap();
        apply::<Pod, Pod>(kind, &marked.metadata, is_there.then_some(raw))
    }

    #[test]
    fn what_is_told_is_in_its_place_and_what_is_as_before_is_no_change() {
        let mut kind: Kind<Pod> = Known::Known(Listed::default());
        assert!(told(&mut kind, &pod("b", "x", "1"), true));
        assert!(told(&mut kind, &pod("a", "z", "1"), true));
        assert!(told(&mut kind, &pod("a", "y", "1"), true));
        assert!(!told(&mut kind, &pod("a", "y", "1"), true));
        assert!(told(&mut kind, &pod("a", "y", "2"), true));
        let names = |kind: &Kind<Pod>| match kind {
            Known::Known(listed) => listed.items.iter().map(|p| p.metadata.name.clone()).collect(),
            Known::Unknown(_) => Vec::new(),
        };
        assert_eq!(names(&kind), ["y", "z", "x"]);
        // One that makes no sense is noted by name, until it does.
        let broken = json!({"metadata": {"namespace": "a", "name": "y"}, "spec": 7}).to_string();
        assert!(told(&mut kind, &broken, true));
        assert_eq!(names(&kind), ["z", "x"]);
        let unread = |kind: &Kind<Pod>| match kind {
            Known::Known(listed) => listed.unread.len(),
            Known::Unknown(_) => 0,
        };
        assert_eq!(unread(&kind), 1);
        assert!(told(&mut kind, &pod("a", "y", "2"), true));
        assert_eq!(unread(&kind), 0);
        assert!(told(&mut kind, &pod("a", "y", "2"), false));
        assert!(!told(&mut kind, &pod("a", "y", "2"), false));
        assert_eq!(names(&kind), ["z", "x"]);
    }

    fn live() -> Arc<Live> {
        Arc::new(Live::new(About::default(), Duration::from_millis(200)))
    }

    #[test]
    fn a_change_wakes_every_listener_and_is_reported_to_each_once() {
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
        // One who comes later sees all that was read as a change.
        let late = live.listen().wait(Duration::ZERO, Duration::ZERO);
        assert_eq!(late, BTreeSet::from(["pods", "secrets"]));
    }

    #[test]
    fn facts_are_whole_when_each_kind_was_read_whatever_else_was() {
        let live = live();
        for number in 0..KINDS.len() {
            // As many fields as there are kinds, none of which is one.
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
    fn facts_hold_for_a_while_after_a_failure_and_not_after_a_refusal() {
        let live = live();
        let nodes = |unknown: Unknown| {
            live.update("nodes", Known::Unknown(unknown), |facts| &mut facts.nodes);
            live.with(|facts| matches!(facts.nodes, Known::Known(_)))
        };
        let failed = || Unknown::Failed("connection refused".into());
        let read = || {
            live.update("nodes", Known::Known(Listed::default()), |facts| &mut facts.nodes);
        };
        assert!(!nodes(failed()), "what was never read is not known");
        read();
        assert!(nodes(failed()));
        assert!(live.as_of().is_some());
        assert_eq!(live.silence(), None);
        assert!(!nodes(Unknown::Forbidden("no".into())));
        read();
        std::thread::sleep(Duration::from_millis(250));
        assert!(live.silence().is_some());
        assert!(!nodes(failed()), "nothing was heard for too long");
        assert_eq!(live.as_of(), None);
        read();
        assert_eq!(live.silence(), None);
    }

    #[test]
    fn a_watch_that_ends_early_is_begun_later_and_later() {
        let mut pace = Pace::default();
        let seconds = |pace: &Pace| pace.delay().as_secs();
        assert_eq!(seconds(&pace), 0);
        let early: Vec<u64> = (0..8)
            .map(|_| {
                pace.lasted(Duration::from_millis(3));
                seconds(&pace)
            })
            .collect();
        assert_eq!(early, [1, 2, 4, 8, 16, 30, 30, 30]);
        pace.lasted(LASTS);
        assert_eq!(seconds(&pace), 0);
        pace.failed(LASTS);
        assert_eq!(seconds(&pace), 1);
    }

    #[test]
    fn definitions_are_watched_one_by_one_without_what_they_define() {
        let accept = |path: &'static str| {
            let request = watch_request(&ApiPath::from(path), "7").ok().unwrap();
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
