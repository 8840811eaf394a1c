//! Events of a watch, applied to the list of their kind.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::store::{DEFINITIONS, FactStore};
use crate::facts::known::{Kind, Known, Listed};
use crate::facts::manifest::parse_item;
use crate::facts::object::Object;
use crate::facts::{Facts, shared};

/// Events after which the tables of interned values are cleared, so that they do not grow with
/// every change. Values in use stay valid.
const CLEAR_INTERVAL: u64 = 2048;

/// A line of a watch.
#[derive(Deserialize)]
pub(super) struct Line<'a> {
    #[serde(rename = "type")]
    pub(super) what: &'a str,
    #[serde(borrow)]
    pub(super) object: &'a RawValue,
}

/// What every event has: an object with its metadata, or a status with its code.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct EventObject {
    pub(super) metadata: EventMeta,
    pub(super) code: u16,
}

/// Metadata by which an event is applied.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct EventMeta {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) resource_version: String,
}

/// Applies a watch event.
pub(super) fn take<W, T>(
    live: &FactStore,
    field: &'static str,
    of: fn(&mut Facts) -> &mut Kind<T>,
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
    live.change(field, |facts| apply::<W, T>(of(facts), meta, object));
    if field == DEFINITIONS {
        match what {
            "DELETED" => live.definitions.deleted(&meta.name),
            _ => live.definitions.changed(&meta.name),
        }
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::facts::core::Pod;

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
}
