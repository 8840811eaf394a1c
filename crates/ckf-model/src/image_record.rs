//! The image record: a digest is trusted on first use, and another one for the same charm, resource
//! and tag is reported until an operator accepts it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An image that runs, as it is compared with the record.
#[derive(Clone, Debug)]
pub struct Observed<'a> {
    /// Application and container.
    pub key: String,
    /// The digest, unless it starts or two run.
    pub digest: Option<&'a str>,
    /// Revision of charm and resource and the tag, joined; `None` where Juju could not be asked.
    pub mark: Option<&'a str>,
}

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
    /// Key of the charm revision, resource and tag that it belongs to, as in [`Observed::mark`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// When it was first seen or accepted.
    pub since: Timestamp,
}

impl Ledger {
    /// The record that contradicts a running digest: another digest with an equal mark. Without a
    /// mark there is no contradiction.
    pub fn contradicts(&self, key: &str, digest: &str, mark: Option<&str>) -> Option<&Seen> {
        let seen = self.0.get(key)?;
        let is_same = mark.is_some() && seen.mark.as_deref() == mark;
        (is_same && seen.digest != digest).then_some(seen)
    }

    /// Updates the ledger with an inventory: new and refreshed images are trusted, and those that
    /// contradict the record leave it unchanged unless `accepted`. Images that are gone are removed.
    #[must_use]
    pub fn after<'a>(
        &self,
        observed: impl IntoIterator<Item = Observed<'a>>,
        accepted: bool,
        now: Timestamp,
    ) -> Self {
        let mut next = BTreeMap::new();
        for row in observed {
            let key = row.key;
            let before = self.0.get(&key);
            let Some(digest) = row.digest else {
                // It is starting, or two digests run during a rollout.
                next.extend(before.map(|seen| (key, seen.clone())));
                continue;
            };
            let contradicted = self.contradicts(&key, digest, row.mark);
            let seen = match (contradicted, before) {
                (Some(seen), _) if !accepted => seen.clone(),
                // A refresh cannot be ruled out, so the record stays.
                (_, Some(seen)) if row.mark.is_none() && !accepted => seen.clone(),
                (_, Some(seen)) if seen.digest == digest => {
                    Seen { mark: row.mark.map(str::to_owned), ..seen.clone() }
                }
                _ => Seen {
                    digest: digest.to_owned(),
                    mark: row.mark.map(str::to_owned),
                    since: now,
                },
            };
            next.insert(key, seen);
        }
        Self(next)
    }

    /// The trusted digest of an application's container, by its key.
    pub fn get(&self, key: &str) -> Option<&Seen> {
        self.0.get(key)
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
