//! The agent's input, which the charm writes to a file: options, leadership, and what only
//! Juju's side can read. It holds no secret, but the names of some.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use log::warn;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::audience::Ways;
use crate::facts::Facts;
use crate::facts::charmhub::Charmhub;
use crate::facts::juju::Juju;
use crate::facts::known::Known;
use crate::facts::registry::Rocks;
use crate::facts::telemetry::Telemetry;
use crate::images::Ledger;

/// Name of the file in the folder that both know.
pub const FILE: &str = "input.json";
/// Its name in version 0.1.0, which a charm of that version still writes.
const OLD_FILE: &str = "told.json";
/// The folder in the workload's container.
pub const FOLDER: &str = "/var/lib/ckf-hardening";

/// The agent's input. The aliases are the names of version 0.1.0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct AgentInput {
    /// Namespace of the platform.
    pub namespace: String,
    /// Whether this unit leads, and so may change the cluster.
    #[serde(alias = "leads")]
    pub is_leader: bool,
    /// The application, by which others of its kind know that it enforces here; empty if the
    /// charm did not say.
    pub holder: String,
    /// Whether the report is shown to others than this pod: it says where the platform is weak,
    /// and so it is only while an endpoint is related that publishes it.
    #[serde(alias = "shows")]
    pub publishes_report: bool,
    /// Whether a scraper is related.
    pub scraped: bool,
    /// The options as Juju has them; those of type secret name one.
    pub options: Map<String, Value>,
    /// Facts of Juju's side.
    pub facts: CharmFacts,
    /// Credentials that are rotated.
    pub credentials: BTreeMap<String, CredentialState>,
}

/// Facts that the agent cannot read itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct CharmFacts {
    /// From Juju's controller.
    pub juju: Known<Juju>,
    /// When each credential was last rotated.
    pub rotated: Known<BTreeMap<String, Timestamp>>,
    /// From registries.
    pub rocks: Known<Rocks>,
    /// From Charmhub.
    pub charmhub: Known<Charmhub>,
    /// From COS's Prometheus.
    pub telemetry: Known<Telemetry>,
    /// Images that ran before.
    pub ledger: Known<Ledger>,
}

impl CharmFacts {
    /// Names of these facts.
    pub const FIELDS: [&'static str; 6] =
        ["juju", "rotated", "rocks", "charmhub", "telemetry", "ledger"];

    /// Takes them from all facts.
    pub fn of(facts: Facts) -> Self {
        let Facts { juju, rotated, rocks, charmhub, telemetry, ledger, .. } = facts;
        Self { juju, rotated, rocks, charmhub, telemetry, ledger }
    }

    /// Replaces them among all facts.
    pub fn copy_to(&self, facts: &mut Facts) {
        let Self { juju, rotated, rocks, charmhub, telemetry, ledger } = self.clone();
        facts.juju = juju;
        facts.rotated = rotated;
        facts.rocks = rocks;
        facts.charmhub = charmhub;
        facts.telemetry = telemetry;
        facts.ledger = ledger;
    }
}

/// State of a credential's rotation.
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

/// The file of a folder that was written last, under its present or its old name, and when.
pub fn newest(folder: &Path) -> Option<(PathBuf, SystemTime)> {
    let written = |name| {
        let path: PathBuf = folder.join(name);
        let at = std::fs::metadata(&path).and_then(|meta| meta.modified()).ok()?;
        Some((path, at))
    };
    [OLD_FILE, FILE].into_iter().filter_map(written).max_by_key(|(_, at)| *at)
}

impl AgentInput {
    /// Reads the file of a folder; `None` if there is none yet.
    pub fn read(folder: &Path) -> Option<Self> {
        let (path, _) = newest(folder)?;
        let text = std::fs::read_to_string(&path).ok()?;
        match serde_json::from_str(&text) {
            Ok(input) => Some(input),
            Err(why) => {
                warn!("{} is not understood, and the earlier input holds: {why}", path.display());
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

    /// The ways to the agent that are related.
    pub(super) fn ways(&self) -> Ways {
        Ways { report: self.publishes_report, metrics: self.scraped }
    }

    /// Digest of all of it.
    pub fn digest(&self) -> String {
        crate::digest(serde_json::to_string(self).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_of_version_0_1_0_is_read_until_there_is_a_newer_one() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(AgentInput::read(folder.path()), None);
        let old = r#"{"namespace": "kubeflow", "leads": true, "shows": true, "scraped": true}"#;
        std::fs::write(folder.path().join(OLD_FILE), old).unwrap();
        let input = AgentInput::read(folder.path()).unwrap();
        assert!(input.is_leader && input.publishes_report && input.scraped);
        let text = serde_json::to_string(&AgentInput { is_leader: false, ..input.clone() });
        let text = text.unwrap();
        assert!(text.contains("\"is-leader\"") && !text.contains("\"shows\""), "{text}");
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::fs::write(folder.path().join(FILE), text).unwrap();
        let input = AgentInput::read(folder.path()).unwrap();
        assert!(!input.is_leader && input.publishes_report);
    }
}
