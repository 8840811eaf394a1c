//! The catalogue: controls and releases, as data.

mod advice;
mod control;
mod family;
mod release;
mod severity;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

pub use self::advice::{Advice, AdviceError, FixProof, Limit, Mesh, WorksOn};
pub use self::control::{Control, ControlError, Mappings};
pub use self::family::{Family, Source};
pub use self::release::{Application, CharmUser, PastRelease, Release, Route, TrackSet, Workload};
pub use self::severity::{Severity, UnknownSeverity};
use crate::advisory::AdvisoryTable;

include!(concat!(env!("OUT_DIR"), "/catalog.rs"));

/// All controls, by family in the order of the guide, then by number.
pub fn controls() -> &'static [Control] {
    static CONTROLS: OnceLock<Vec<Control>> = OnceLock::new();
    CONTROLS.get_or_init(|| {
        let mut controls: Vec<Control> = CONTROL_FILES
            .iter()
            .map(|(name, text)| {
                // As for `parse`.
                Control::parse(text).unwrap_or_else(|e| panic!("catalogue file {name}: {e}"))
            })
            .collect();
        controls.sort_by(|a, b| (Family::of(&a.id), &a.id).cmp(&(Family::of(&b.id), &b.id)));
        controls
    })
}

/// The control with this id.
pub fn control(id: &str) -> Option<&'static Control> {
    controls().iter().find(|c| c.id == id)
}

/// All releases, oldest first.
pub fn releases() -> &'static [Release] {
    static RELEASES: OnceLock<Vec<Release>> = OnceLock::new();
    RELEASES.get_or_init(|| RELEASE_FILES.iter().map(|(name, text)| parse(name, text)).collect())
}

/// The release with this name.
pub fn release(name: &str) -> Option<&'static Release> {
    releases().iter().find(|r| r.name == name)
}

/// Releases that get no fixes any more, by name.
pub fn past_releases() -> &'static BTreeMap<String, PastRelease> {
    static PAST: OnceLock<BTreeMap<String, PastRelease>> = OnceLock::new();
    PAST.get_or_init(|| {
        let files = PAST_FILES.iter();
        files.flat_map(|(name, text)| parse::<BTreeMap<String, PastRelease>>(name, text)).collect()
    })
}

/// What options of a charm hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CharmOptions {
    /// Harmless: their values are shown.
    pub shown: Vec<String>,
    /// Their values are secrets.
    pub secret: Vec<String>,
    /// Their values have secrets among other things.
    pub document: Vec<String>,
    /// No secrets, and nothing to show.
    pub private: Vec<String>,
}

/// What is known of a charm's options; `None` for a charm that is not of the platform.
pub fn charm_options(charm: &str) -> Option<&'static CharmOptions> {
    all_charm_options().get(charm)
}

/// The same of every charm of the platform, by its name.
pub fn all_charm_options() -> &'static BTreeMap<String, CharmOptions> {
    static OPTIONS: OnceLock<BTreeMap<String, CharmOptions>> = OnceLock::new();
    OPTIONS.get_or_init(|| {
        let files = OPTION_FILES.iter();
        files.flat_map(|(name, text)| parse::<BTreeMap<String, CharmOptions>>(name, text)).collect()
    })
}

/// What a charm of a release, or one that is deployed beside them, needs of Kubernetes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Companion {
    /// Whether it is deployed with trust.
    pub trust: bool,
    /// What it needs that for.
    pub why: String,
    /// Kinds that it writes and that it may not write without trust; empty where it works without.
    pub writes: Vec<String>,
    /// The same, as soon as it is integrated with the mesh by `service-mesh`.
    #[serde(default)]
    pub meshed: Vec<String>,
    /// What was read for it, `REPOSITORY@REVISION`; empty for the templates and code of the release.
    #[serde(default)]
    pub source: String,
    /// Pods that it opens to every client in the ambient mesh.
    #[serde(default)]
    pub opens: Option<Opened>,
}

/// Pods that a charm opens to every client, by an AuthorizationPolicy `APPLICATION-allow-all` that
/// has one empty rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    /// Their label `app.kubernetes.io/name`.
    pub name: String,
    /// Who has to reach them from outside of the mesh.
    #[serde(rename = "for")]
    pub client: String,
}

/// Charms of the releases, and those that are deployed beside them, by name.
pub fn companions() -> &'static BTreeMap<String, Companion> {
    static COMPANIONS: OnceLock<BTreeMap<String, Companion>> = OnceLock::new();
    COMPANIONS.get_or_init(|| {
        let files = COMPANION_FILES.iter();
        files.flat_map(|(name, text)| parse::<BTreeMap<String, Companion>>(name, text)).collect()
    })
}

/// Until when versions get security fixes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Support {
    /// When the table was last compared with its sources.
    pub reviewed: jiff::civil::Date,
    /// Until when it is to be relied on.
    pub review_by: jiff::civil::Date,
    /// Last day, by product and version.
    pub ends: BTreeMap<String, BTreeMap<String, jiff::civil::Date>>,
}

/// The table of support.
pub fn support() -> &'static Support {
    static SUPPORT: OnceLock<Support> = OnceLock::new();
    SUPPORT.get_or_init(|| {
        let [(name, text)] = SUPPORT_FILES else {
            panic!("the catalogue has one table of support")
        };
        parse(name, text)
    })
}

/// An edition of a framework that controls map to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edition {
    /// Name of the framework in the mappings.
    pub name: String,
    /// Version or revision.
    pub edition: String,
    /// What its requirements ask for, in short, by number.
    #[serde(default)]
    pub titles: BTreeMap<String, String>,
}

/// Editions of the frameworks, by their names in the mappings.
pub fn editions() -> &'static BTreeMap<String, Edition> {
    static EDITIONS: OnceLock<BTreeMap<String, Edition>> = OnceLock::new();
    EDITIONS.get_or_init(|| {
        let editions = FRAMEWORK_FILES.iter().map(|(name, text)| parse::<Edition>(name, text));
        editions.map(|edition| (edition.name.clone(), edition)).collect()
    })
}

/// The table of advisories.
pub fn advisories() -> &'static AdvisoryTable {
    static ADVISORIES: OnceLock<AdvisoryTable> = OnceLock::new();
    ADVISORIES.get_or_init(|| {
        let [(name, text)] = ADVISORY_FILES else {
            panic!("the catalogue has one table of advisories")
        };
        // As for `parse`.
        AdvisoryTable::parse(text).unwrap_or_else(|e| panic!("catalogue file {name}: {e}"))
    })
}

/// Groups of alert rules, `hardening` for Prometheus and `logs` for Loki: name and rules.
pub fn alerts(file: &str) -> Vec<(String, serde_json::Value)> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Group {
        name: String,
        rules: serde_json::Value,
    }
    let found = ALERT_FILES.iter().find(|(name, _)| name.strip_suffix(".yaml") == Some(file));
    let groups: Vec<Group> = found.map_or_else(Vec::new, |(name, text)| parse(name, text));
    groups.into_iter().map(|group| (group.name, group.rules)).collect()
}

/// Dashboards of Grafana, by a name that no other charm's has: collectors keep one of each.
pub const DASHBOARDS: [(&str, &str); 1] =
    [("ckf-hardening", include_str!("../../../../catalog/dashboards/hardening.json"))];

fn parse<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> T {
    // The files are in the binary, and a test reads them all.
    serde_json::from_str(text).unwrap_or_else(|e| panic!("catalogue file {name}: {e}"))
}
