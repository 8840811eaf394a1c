//! Notices, as a Pebble holds them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::pebble::durations;

/// How long a notice is kept.
const EXPIRY: Duration = Duration::from_hours(7 * 24);

/// A notice.
#[derive(Clone)]
pub(crate) struct Notice {
    pub(crate) id: u64,
    pub(crate) user: Option<u32>,
    pub(crate) kind: String,
    pub(crate) key: String,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) repeated: Timestamp,
    pub(crate) occurrences: u64,
    pub(crate) data: Map<String, Value>,
    pub(crate) repeat_after: Duration,
}

impl Notice {
    pub(crate) fn to_json(&self) -> Value {
        let mut notice = json!({
            "id": self.id.to_string(),
            "user-id": self.user,
            "type": self.kind,
            "key": self.key,
            "first-occurred": self.first,
            "last-occurred": self.last,
            "last-repeated": self.repeated,
            "occurrences": self.occurrences,
            "expire-after": durations::format(EXPIRY),
        });
        if !self.data.is_empty() {
            notice["last-data"] = Value::Object(self.data.clone());
        }
        if !self.repeat_after.is_zero() {
            notice["repeat-after"] = durations::format(self.repeat_after).into();
        }
        notice
    }
}

/// All notices.
#[derive(Default)]
pub(crate) struct Notices(pub(crate) Vec<Notice>);

impl Notices {
    /// Notes that something occurred; returns the notice's id, and whether it is repeated.
    pub(crate) fn occurred(
        &mut self,
        user: Option<u32>,
        kind: &str,
        key: &str,
        data: Map<String, Value>,
        repeat_after: Duration,
    ) -> (u64, bool) {
        let now = Timestamp::now();
        let same =
            |notice: &&mut Notice| notice.user == user && notice.kind == kind && notice.key == key;
        if let Some(notice) = self.0.iter_mut().find(same) {
            let pause = SignedDuration::try_from(notice.repeat_after.max(repeat_after));
            let is_due = pause.is_ok_and(|pause| notice.repeated + pause <= now);
            notice.occurrences += 1;
            notice.last = now;
            notice.data = data;
            notice.repeat_after = repeat_after;
            if is_due {
                notice.repeated = now;
            }
            return (notice.id, is_due);
        }
        let id = self.0.len() as u64 + 1;
        self.0.push(Notice {
            id,
            user,
            kind: kind.to_owned(),
            key: key.to_owned(),
            first: now,
            last: now,
            repeated: now,
            occurrences: 1,
            data,
            repeat_after,
        });
        (id, true)
    }

    /// Those that are asked for, in the order in which they were last repeated.
    pub(crate) fn asked(&self, filter: &Filter<'_>) -> Vec<Value> {
        let mut asked: Vec<&Notice> = self.0.iter().filter(|n| filter.takes(n)).collect();
        asked.sort_by_key(|notice| notice.repeated);
        asked.into_iter().map(Notice::to_json).collect()
    }
}

pub(crate) struct Filter<'a> {
    /// No user in particular: it is public.
    pub(crate) user: Option<Option<u32>>,
    pub(crate) kinds: Vec<&'a str>,
    pub(crate) keys: Vec<&'a str>,
    pub(crate) after: Option<Timestamp>,
}

impl Filter<'_> {
    pub(crate) fn takes(&self, notice: &Notice) -> bool {
        let is_public = notice.user.is_none();
        self.user.is_none_or(|user| is_public || notice.user == user)
            && (self.kinds.is_empty() || self.kinds.contains(&notice.kind.as_str()))
            && (self.keys.is_empty() || self.keys.contains(&notice.key.as_str()))
            && self.after.is_none_or(|after| notice.repeated > after)
    }
}
