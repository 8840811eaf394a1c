//! Facts that are kept as the cluster changes: each kind is listed once, and then watched.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{AsyncBufReadExt as _, StreamExt as _};
use kube::Client;
use rand::RngExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

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
use super::{About, Facts, access, shared, with_kinds};

/// How long the API server keeps a watch open, in seconds; then it is asked anew.
const WATCH_SECONDS: u64 = 290;
/// Shortest and longest wait after a failure.
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How often what cannot be watched is read again: few ConfigMaps by name, and rights.
const OFTEN: Duration = Duration::from_secs(30);
/// How often it is looked whether the cluster serves a kind by now.
const SERVED: Duration = Duration::from_secs(60);

/// Equal values are kept once, in a table that must not grow with every change: it is emptied
/// after so many. What is in use stays.
const FORGETS: u64 = 2048;

/// Facts as they are now.
pub struct Live {
    state: Mutex<State>,
    signal: Condvar,
}

struct State {
    facts: Facts,
    /// Fields of what changed since it was asked last.
    changed: BTreeSet<&'static str>,
    /// Fields that were read at least once.
    read: BTreeSet<&'static str>,
    counts: Counts,
}

/// What watching costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lists that were read.
    pub lists: u64,
    /// Watches that were opened.
    pub watches: u64,
    /// Objects that were told of, of which some were as before.
    pub events: u64,
    /// Lists and watches that failed.
    pub failures: u64,
}

impl Live {
    /// Nothing is known yet.
    pub fn new(about: About) -> Self {
        let facts = Facts {
            about,
            ..Facts::default()
        };
        Self {
            state: Mutex::new(State {
                facts,
                changed: BTreeSet::new(),
                read: BTreeSet::new(),
                counts: Counts::default(),
            }),
            signal: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere left facts that are still facts.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a fact, by its field; whether it is another now `change` tells.
    pub fn change(&self, field: &'static str, change: impl FnOnce(&mut Facts) -> bool) {
        let mut state = self.lock();
        let is_first = state.read.insert(field);
        if change(&mut state.facts) || is_first {
            state.changed.insert(field);
            self.signal.notify_all();
        }
    }

    /// Looks at the facts.
    pub fn with<R>(&self, look: impl FnOnce(&Facts) -> R) -> R {
        look(&self.lock().facts)
    }

    /// Waits until something changed, or for so long; returns the fields of what did. What
    /// comes within `settles` of the first change counts with it.
    pub fn wait(&self, most: Duration, settles: Duration) -> BTreeSet<&'static str> {
        let until = Instant::now() + most;
        let mut state = self.lock();
        while state.changed.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return BTreeSet::new();
            }
            let waited = self.signal.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        std::thread::sleep(settles);
        std::mem::take(&mut self.lock().changed)
    }

    /// Whether every kind was read, or found to be out of reach.
    pub fn is_whole(&self) -> bool {
        let state = self.lock();
        state.read.len() >= state.facts.kinds().len()
    }

    /// What watching cost so far.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.lock().counts);
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
                Box::pin(about_the_cluster(&client, &live)),
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

async fn watch<W, T>(client: &Client, live: &Live, kept: &Kept<'_, T>)
where
    W: DeserializeOwned,
    T: From<W> + Object + PartialEq,
{
    let mut wait = WAIT.0;
    loop {
        live.count(|counts| counts.lists += 1);
        let served = list_served::<W, T>(client, kept.group, kept.versions, kept.plural).await;
        match served {
            Ok(Some(served)) => {
                wait = WAIT.0;
                follow::<W, T>(client, live, kept, served).await;
                // What was missed is in the next list.
                continue;
            }
            Ok(None) => {
                let none = Listed {
                    installed: false,
                    ..Listed::default()
                };
                live.change(kept.field, |facts| {
                    replace((kept.of)(facts), Known::Known(none))
                });
                tokio::time::sleep(SERVED).await;
            }
            Err(why) => {
                live.count(|counts| counts.failures += 1);
                live.change(kept.field, |facts| {
                    replace((kept.of)(facts), Known::Unknown(why))
                });
                wait = pause(wait).await;
            }
        }
    }
}

/// Waits, and returns how long to wait the next time. Many that failed at once do not come
/// back at once.
async fn pause(wait: Duration) -> Duration {
    let jitter = rand::rng().random_range(0.5..1.5);
    tokio::time::sleep(wait.mul_f64(jitter)).await;
    (wait * 2).min(WAIT.1)
}

/// Takes what a list holds, and then every change of it, until the API server has forgotten
/// from where.
async fn follow<W, T>(client: &Client, live: &Live, kept: &Kept<'_, T>, served: Served<T>)
where
    W: DeserializeOwned,
    T: From<W> + Object + PartialEq,
{
    let Served {
        listed,
        path,
        mut resource_version,
    } = served;
    live.change(kept.field, |facts| {
        replace((kept.of)(facts), Known::Known(listed))
    });
    let mut wait = WAIT.0;
    loop {
        live.count(|counts| counts.watches += 1);
        let ended = stream::<W, T>(client, live, kept, &path, &mut resource_version).await;
        match ended {
            Ok(()) => wait = WAIT.0,
            Err(Failure::Gone) => return,
            Err(_) => {
                live.count(|counts| counts.failures += 1);
                wait = pause(wait).await;
                if wait == WAIT.1 {
                    // The list tells what is wrong.
                    return;
                }
            }
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

async fn stream<W, T>(
    client: &Client,
    live: &Live,
    kept: &Kept<'_, T>,
    path: &ApiPath,
    resource_version: &mut String,
) -> Result<(), Failure>
where
    W: DeserializeOwned,
    T: From<W> + Object + PartialEq,
{
    let broken = || Failure::Other(Unknown::Failed("the watch broke off".into()));
    let path = path
        .clone()
        .with("watch", "1")
        .with("allowWatchBookmarks", "true")
        .with("timeoutSeconds", &WATCH_SECONDS.to_string())
        .with("resourceVersion", resource_version);
    let request = kubernetes::request(http::Method::GET, &path, None)?;
    let answer = client.request_stream(request).await;
    let answer = answer.map_err(|error| match error {
        kube::Error::Api(status) if status.code == 410 => Failure::Gone,
        _ => broken(),
    })?;
    let mut lines = std::pin::pin!(answer.lines());
    while let Some(line) = lines.next().await {
        let line = line.map_err(|_| broken())?;
        let line: Line<'_> = serde_json::from_str(&line).map_err(|_| broken())?;
        let marked: Marked = serde_json::from_str(line.object.get()).unwrap_or_default();
        match line.what {
            "BOOKMARK" => {}
            "ERROR" if marked.code == 410 => return Err(Failure::Gone),
            "ERROR" => return Err(broken()),
            what => {
                let is_there = what != "DELETED";
                let mut told = 0;
                live.count(|counts| {
                    counts.events += 1;
                    told = counts.events;
                });
                if told.is_multiple_of(FORGETS) {
                    shared::forget_kept();
                }
                live.change(kept.field, |facts| {
                    let kind = (kept.of)(facts);
                    apply::<W, T>(kind, &marked.metadata, is_there.then_some(line.object))
                });
            }
        }
        if !marked.metadata.resource_version.is_empty() {
            *resource_version = marked.metadata.resource_version;
        }
    }
    Ok(())
}

fn replace<T: PartialEq>(kind: &mut Kind<T>, new: Kind<T>) -> bool {
    let is_other = *kind != new;
    *kind = new;
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
    listed.unread.retain(|unread| {
        (
            unread.object.namespace.as_str(),
            unread.object.name.as_str(),
        ) != wanted
    });
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
        live.change("config_maps", |facts| replace(&mut facts.config_maps, maps));
        tokio::time::sleep(OFTEN).await;
    }
}

/// Version and rights.
async fn about_the_cluster(client: &Client, live: &Live) {
    loop {
        let version = kubernetes::get::<Version>(client, &"/version".into()).await;
        let version = match version {
            Ok(version) => Known::Known(version),
            Err(failure) => Known::Unknown(failure.into_unknown()),
        };
        live.change("version", |facts| {
            let is_other = facts.version != version;
            facts.version = version;
            is_other
        });
        let rights = access::read(client).await;
        live.change("access", |facts| {
            let is_other = facts.access != rights;
            facts.access = rights;
            is_other
        });
        tokio::time::sleep(OFTEN * 20).await;
        shared::forget_kept();
    }
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
            Known::Known(listed) => listed
                .items
                .iter()
                .map(|p| p.metadata.name.clone())
                .collect(),
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

    #[test]
    fn a_change_wakes_who_waits_and_is_told_once() {
        let live = Arc::new(Live::new(About::default()));
        let other = Arc::clone(&live);
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            other.change("pods", |_| true);
            other.change("secrets", |_| true);
        });
        let changed = live.wait(Duration::from_secs(10), Duration::from_millis(50));
        assert_eq!(changed, BTreeSet::from(["pods", "secrets"]));
        thread.join().unwrap();
        live.change("pods", |_| false);
        assert!(
            live.wait(Duration::from_millis(20), Duration::ZERO)
                .is_empty()
        );
    }
}
