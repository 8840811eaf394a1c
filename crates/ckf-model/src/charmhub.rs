//! Heads of the channels that the platform's applications follow, from Charmhub.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::known::Known;

/// Current revisions of the channels in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Charmhub {
    /// Time at which Charmhub was queried.
    pub asked_at: Timestamp,
    /// Current revisions by charm, channel and base, as [`Followed`] prints them.
    pub heads: BTreeMap<String, Known<Head>>,
    /// Number of requests sent.
    pub requests: usize,
}

/// Current revision of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Head {
    /// Revision of the charm.
    pub revision: u64,
    /// Time of the release to the channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Timestamp>,
    /// Revisions of the charm's resources, by name.
    pub resources: BTreeMap<String, i64>,
}

/// A charm, with the channel and base that an application follows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Followed {
    /// Name of the charm.
    pub charm: String,
    /// `TRACK/RISK`.
    pub channel: String,
    /// Version of Ubuntu, for example `24.04`.
    pub base: String,
}

impl std::fmt::Display for Followed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.charm, self.channel, self.base)
    }
}
