//! What the charm tells the agent, in a file: options, leadership, and what only Juju's
//! side can read. It holds no secret, but the names of some.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use log::warn;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::audience::Ways;
use crate::facts::Facts;
use crate::facts::charmhub::Charmhub;
use crate::facts::juju::Juju;
use crate::facts::known::Known;
use crate::facts::rocks::Rocks;
use crate::rocks::Ledger;

/// Name of the file in the folder that both know.
pub const FILE: &str = "told.json";
/// The folder in the workload's container.
pub const FOLDER: &str = "/var/lib/ckf-hardening";

/// What the charm tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Told {
    /// Namespace of the platform.
    pub namespace: String,
    /// Whether this unit leads, and so may change the cluster.
    pub leads: bool,
    /// The application, by which others of its kind know that it enforces here; empty if it is
    /// not told.
    pub holder: String,
    /// Whether the report is shown to others than this pod: it says where the platform is
    /// weak, and so it is only if somebody related a way to it.
    pub shows: bool,
    /// Whether a scraper is related.
    pub scraped: bool,
    /// The options, as Juju tells them; those of type secret name one.
    pub options: Map<String, Value>,
    /// What Juju's side knows.
    pub facts: ToldFacts,
    /// Credentials that are rotated.
    pub credentials: BTreeMap<String, CredentialState>,
}

/// Facts that the agent cannot read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ToldFacts {
    /// What Juju's controller tells.
    pub juju: Known<Juju>,
    /// When each credential was last rotated.
    pub rotated: Known<BTreeMap<String, Timestamp>>,
    /// What registries tell.
    pub rocks: Known<Rocks>,
    /// What Charmhub tells.
    pub charmhub: Known<Charmhub>,
    /// What ran before.
    pub ledger: Known<Ledger>,
}

/// How far a credential's rotation is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct CredentialState {
    /// When it was last rotated.
    pub rotated: Option<Timestamp>,
    /// When it is due.
    pub due: Option<Timestamp>,
    /// Whether a rotation has begun and not ended.
    pub is_open: bool,
    /// Whether the last try failed.
    pub failed: bool,
}

impl Told {
    /// Reads the file of a folder; `None` if there is none yet.
    pub fn read(folder: &Path) -> Option<Self> {
        let path = folder.join(FILE);
        let text = std::fs::read_to_string(&path).ok()?;
        match serde_json::from_str(&text) {
            Ok(told) => Some(told),
            Err(why) => {
                warn!(
                    "{} is not understood, and what was told before holds: {why}",
                    path.display()
                );
                None
            }
        }
    }

    /// The same; until there is a file, only the namespace is known.
    pub fn read_or_default(folder: Option<&Path>, namespace: &str) -> Self {
        folder
            .and_then(Self::read)
            .unwrap_or_else(|| Self { namespace: namespace.to_owned(), ..Self::default() })
    }

    /// The ways that are related.
    pub(super) fn ways(&self) -> Ways {
        Ways { report: self.shows, metrics: self.scraped }
    }

    /// Stands for all of it.
    pub fn mark(&self) -> String {
        crate::mark(serde_json::to_string(self).unwrap_or_default())
    }

    /// Puts the told facts among those that are read.
    pub fn put_into(&self, facts: &mut Facts) {
        let ToldFacts { juju, rotated, rocks, charmhub, ledger } = self.facts.clone();
        facts.juju = juju;
        facts.rotated = rotated;
        facts.rocks = rocks;
        facts.charmhub = charmhub;
        facts.ledger = ledger;
    }

    /// Fields of the told facts.
    pub const FIELDS: [&'static str; 5] = ["juju", "rotated", "rocks", "charmhub", "ledger"];
}
