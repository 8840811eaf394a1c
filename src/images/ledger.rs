//! The image record: a digest is trusted on first use, and another one for the same charm, resource
//! and tag is reported until an operator accepts it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Inventory;

/// Trusted digests by application and container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ledger(BTreeMap<String, Seen>);

/// A trusted digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Seen {
    /// `sha256:…`.
    pub digest: String,
    /// Key of the charm revision, resource and tag that it belongs to, as in [`Row::mark`](super::Row::mark).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// When it was first seen or accepted.
    pub since: Timestamp,
}

impl Ledger {
    /// The record that contradicts a running digest: another digest with an equal mark. Without a
    /// mark there is no contradiction.
    pub(super) fn contradicts(&self, key: &str, digest: &str, mark: Option<&str>) -> Option<&Seen> {
        let seen = self.0.get(key)?;
        let is_same = mark.is_some() && seen.mark.as_deref() == mark;
        (is_same && seen.digest != digest).then_some(seen)
    }

    /// Updates the ledger with an inventory: new and refreshed images are trusted, and those that
    /// contradict the record leave it unchanged unless `accepted`. Images that are gone are removed.
    #[must_use]
    pub fn after(&self, inventory: &Inventory, accepted: bool, now: Timestamp) -> Self {
        let mut next = BTreeMap::new();
        for row in &inventory.rows {
            let key = row.key();
            let before = self.0.get(&key);
            let Some(digest) = row.digest() else {
                // It is starting, or two digests run during a rollout.
                next.extend(before.map(|seen| (key, seen.clone())));
                continue;
            };
            let contradicted = self.contradicts(&key, digest, row.mark.as_deref());
            let seen = match (contradicted, before) {
                (Some(seen), _) if !accepted => seen.clone(),
                // A refresh cannot be ruled out, so the record stays.
                (_, Some(seen)) if row.mark.is_none() && !accepted => seen.clone(),
                (_, Some(seen)) if seen.digest == digest => {
                    Seen { mark: row.mark.clone(), ..seen.clone() }
                }
                _ => Seen { digest: digest.to_owned(), mark: row.mark.clone(), since: now },
            };
            next.insert(key, seen);
        }
        Self(next)
    }

    /// Number of digests on record.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// No digest is on record.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Place, Row};
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn running(digest: &str, mark: Option<&str>) -> Inventory {
        Inventory {
            rows: vec![Row {
                application: "dex-auth".into(),
                place: Some(Place::Container("dex".into())),
                running: vec![digest.to_owned()],
                mark: mark.map(str::to_owned),
                ..Row::default()
            }],
        }
    }

    #[test]
    fn digest_changed_without_a_refresh_contradicts_until_accepted() {
        let (first, second) = (at("2026-11-01T00:00:00Z"), at("2026-11-02T00:00:00Z"));
        let ledger = Ledger::default().after(&running("a", Some("612")), false, first);
        let swapped = running("b", Some("612"));
        assert!(ledger.contradicts("dex-auth/dex", "b", Some("612")).is_some());
        // It is reported until an operator accepts it.
        let later = ledger.after(&swapped, false, second);
        assert_eq!(later, ledger);
        let accepted = ledger.after(&swapped, true, second);
        assert_eq!(accepted.0["dex-auth/dex"].digest, "b");
        assert_eq!(accepted.0["dex-auth/dex"].since, second);
        // Juju reports the refresh.
        let refreshed = ledger.after(&running("b", Some("650")), false, second);
        assert_eq!(refreshed.0["dex-auth/dex"].digest, "b");
    }

    #[test]
    fn digest_without_a_mark_contradicts_nothing() {
        let first = at("2026-11-01T00:00:00Z");
        let ledger = Ledger::default().after(&running("a", None), false, first);
        assert!(ledger.contradicts("dex-auth/dex", "b", None).is_none());
        assert!(ledger.contradicts("dex-auth/dex", "b", Some("612")).is_none());
        // A login that is configured later adds the mark to the record.
        let marked = ledger.after(&running("a", Some("612")), false, first);
        assert!(marked.contradicts("dex-auth/dex", "b", Some("612")).is_some());
        assert!(marked.after(&Inventory::default(), false, first).is_empty());
    }

    #[test]
    fn digest_swapped_while_juju_is_unreadable_contradicts_afterwards() {
        let (first, second) = (at("2026-11-01T00:00:00Z"), at("2026-11-02T00:00:00Z"));
        let ledger = Ledger::default().after(&running("a", Some("612")), false, first);
        let meanwhile = ledger.after(&running("b", None), false, second);
        let contradicted = meanwhile.contradicts("dex-auth/dex", "b", Some("612"));
        assert_eq!(contradicted.map(|seen| seen.digest.as_str()), Some("a"));
    }
}
