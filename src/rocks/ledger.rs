//! What ran before: a digest is trusted when it is first seen, and another one of the same
//! charm, resource and tag is told until somebody accepts it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Inventory;

/// What ran, by application and container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ledger(BTreeMap<String, Seen>);

/// A digest that is trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Seen {
    /// The digest.
    pub digest: String,
    /// Stands for the charm's and the resource's revision and the tag that it was of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// Since when it is known.
    pub since: Timestamp,
}

impl Ledger {
    /// What is on record that contradicts a digest: another one of the same mark. Without a
    /// mark it cannot be told, and is not.
    pub(super) fn contradicts(&self, key: &str, digest: &str, mark: Option<&str>) -> Option<&Seen> {
        let seen = self.0.get(key)?;
        let is_same = mark.is_some() && seen.mark.as_deref() == mark;
        (is_same && seen.digest != digest).then_some(seen)
    }

    /// The ledger after this inventory: what is new is trusted, what was refreshed too, and
    /// what contradicts it stays on record as it was, unless all is `accepted`. What is not
    /// there any more is forgotten.
    #[must_use]
    pub fn after(&self, inventory: &Inventory, accepted: bool, now: Timestamp) -> Self {
        let mut next = BTreeMap::new();
        for row in &inventory.rows {
            let key = row.key();
            let before = self.0.get(&key);
            let Some(digest) = row.digest() else {
                // It starts, or two run while it is rolled out.
                next.extend(before.map(|seen| (key, seen.clone())));
                continue;
            };
            let contradicted = self.contradicts(&key, digest, row.mark.as_deref());
            let seen = match (contradicted, before) {
                (Some(seen), _) if !accepted => seen.clone(),
                // Whether it was refreshed is not known, and what is on record stays.
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

    /// How many digests are on record.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
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
    fn a_digest_is_trusted_at_first_and_another_one_only_after_a_refresh() {
        let (first, second) = (at("2026-11-01T00:00:00Z"), at("2026-11-02T00:00:00Z"));
        let ledger = Ledger::default().after(&running("a", Some("612")), false, first);
        let swapped = running("b", Some("612"));
        assert!(ledger.contradicts("dex-auth/dex", "b", Some("612")).is_some());
        // It is told until somebody says that it is meant.
        let later = ledger.after(&swapped, false, second);
        assert_eq!(later, ledger);
        let accepted = ledger.after(&swapped, true, second);
        assert_eq!(accepted.0["dex-auth/dex"].digest, "b");
        assert_eq!(accepted.0["dex-auth/dex"].since, second);
        // A refresh is told by Juju.
        let refreshed = ledger.after(&running("b", Some("650")), false, second);
        assert_eq!(refreshed.0["dex-auth/dex"].digest, "b");
    }

    #[test]
    fn what_cannot_be_told_is_not_told() {
        let first = at("2026-11-01T00:00:00Z");
        let ledger = Ledger::default().after(&running("a", None), false, first);
        assert!(ledger.contradicts("dex-auth/dex", "b", None).is_none());
        assert!(ledger.contradicts("dex-auth/dex", "b", Some("612")).is_none());
        // A login that comes later marks what is on record.
        let marked = ledger.after(&running("a", Some("612")), false, first);
        assert!(marked.contradicts("dex-auth/dex", "b", Some("612")).is_some());
        assert!(marked.after(&Inventory::default(), false, first).is_empty());
    }

    #[test]
    fn a_swap_while_juju_does_not_tell_is_found_when_it_does_again() {
        let (first, second) = (at("2026-11-01T00:00:00Z"), at("2026-11-02T00:00:00Z"));
        let ledger = Ledger::default().after(&running("a", Some("612")), false, first);
        let meanwhile = ledger.after(&running("b", None), false, second);
        let found = meanwhile.contradicts("dex-auth/dex", "b", Some("612"));
        assert_eq!(found.map(|seen| seen.digest.as_str()), Some("a"));
    }
}
