//! What COS's Prometheus has of the platform: whose metrics arrive, and what collectors lose.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What Prometheus answered for the platform's model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Telemetry {
    /// Host and port of the Prometheus.
    pub at: String,
    /// Whether each unit's last scrape succeeded, by application and unit. Units without a scrape
    /// in the last minutes are missing.
    pub scraped: BTreeMap<String, BTreeMap<String, bool>>,
    /// Units of collectors whose own counters arrive.
    pub collectors: Vec<String>,
    /// What collectors could not deliver in the last hour.
    pub losses: Vec<Loss>,
    /// Queues of collectors, fuller than [`FULL`].
    pub full: Vec<FullQueue>,
}

/// Share of a queue, in percent, from which it counts as full.
pub const FULL: u32 = 80;

/// Data that a collector gave up.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Loss {
    /// Application of the collector.
    pub application: String,
    /// Its unit.
    pub unit: String,
    /// The exporter of the collector, or the address that it writes to.
    pub exporter: String,
    /// Name of the counter that rose.
    pub counter: String,
}

/// A sending queue that is nearly full.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct FullQueue {
    /// Application of the collector.
    pub application: String,
    /// Its unit.
    pub unit: String,
    /// The exporter that the queue is of.
    pub exporter: String,
}
