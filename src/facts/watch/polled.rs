//! Facts that cannot be watched as a kind: ConfigMaps by name, the version, permissions.

use kube::Client;

use super::follow::{WatchedKind, follow};
use super::store::{FactStore, replace};
use crate::facts::core::{ConfigMap, ConfigMapWire, Version};
use crate::facts::known::{Known, Unknown};
use crate::facts::pace::{Pace, wait_or};
use crate::facts::request::{self, Served};
use crate::facts::{Facts, access, shared};

/// Follows the ConfigMaps of the platform's namespace; without the right to list them, polls
/// those that controls read by name.
pub(super) async fn config_maps(
    client: &Client,
    live: &FactStore,
    kind: &WatchedKind<'_, ConfigMap>,
) {
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

/// Asks for the version of the API server now and then.
pub(super) async fn version(client: &Client, live: &FactStore) {
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
pub(super) async fn permissions(client: &Client, live: &FactStore) {
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
