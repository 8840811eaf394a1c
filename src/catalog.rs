//! The catalogue: controls and releases, as data.

use std::str::FromStr;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

include!(concat!(env!("OUT_DIR"), "/catalog.rs"));

/// How bad an open finding is.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// To be known.
    Info,
    /// To be put right some day.
    Low,
    /// To be put right.
    Medium,
    /// To be put right soon.
    High,
    /// To be put right now.
    Critical,
}

impl Severity {
    /// All, worst first.
    pub const ALL: [Self; 5] = [
        Self::Critical,
        Self::High,
        Self::Medium,
        Self::Low,
        Self::Info,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|s| s.name() == text)
            .ok_or_else(|| {
                format!("severity {text:?} is not one of critical, high, medium, low, info")
            })
    }
}

/// What a control's facts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The Kubernetes API.
    Kubernetes,
    /// Juju's API.
    Juju,
    /// A record of what ran before.
    Ledger,
    /// An image registry, or Charmhub.
    Registry,
    /// A person's word, in the policy.
    Attestation,
    /// The policy itself.
    Policy,
}

impl Source {
    /// What is asked.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "cluster",
            Self::Juju => "juju",
            Self::Ledger => "ledger",
            Self::Registry => "registry",
            Self::Attestation => "attestation",
            Self::Policy => "policy",
        }
    }
}

/// A control, but for its check.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Id, for example `TLS-01`.
    pub id: String,
    /// What should be so.
    pub title: String,
    /// Section of the guide.
    pub section: String,
    /// How bad it is when it is not so.
    pub severity: Severity,
    /// What its facts come from.
    pub source: Source,
    /// Why it matters.
    pub why: String,
    /// What is looked at, and what passes.
    pub check: String,
    /// How to put it right.
    pub fix: String,
    /// How the charm keeps it so by itself, if it can.
    #[serde(default)]
    pub kept: String,
    /// When a finding may be waived.
    pub waive: String,
    /// Where it stands in other catalogues.
    pub mappings: Mappings,
}

/// Where a control stands in other catalogues.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Mappings {
    /// NIST SP 800-53 revision 5.
    pub nist_800_53: Vec<String>,
    /// CIS Kubernetes Benchmark.
    pub cis_kubernetes: Vec<String>,
    /// Sections of the NSA and CISA Kubernetes Hardening Guide.
    pub nsa_cisa: Vec<String>,
}

impl Mappings {
    /// Every entry, with the name of the catalogue that it is of.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let catalogues = [
            ("NIST SP 800-53", &self.nist_800_53),
            ("CIS Kubernetes", &self.cis_kubernetes),
            ("NSA/CISA", &self.nsa_cisa),
        ];
        catalogues
            .into_iter()
            .flat_map(|(name, ids)| ids.iter().map(move |id| (name, id.as_str())))
    }

    /// In words, a text for each catalogue that it stands in: `CIS Kubernetes: 5.1.1, 5.1.3`.
    pub fn in_words(&self) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        let mut last = "";
        for (name, id) in self.all() {
            match texts.last_mut() {
                Some(text) if last == name => *text = format!("{text}, {id}"),
                _ => texts.push(format!("{name}: {id}")),
            }
            last = name;
        }
        texts
    }
}

/// What a release of Charmed Kubeflow deploys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Release {
    /// Name, for example `1.10`.
    pub name: String,
    /// Channel of the bundle.
    pub channel: String,
    /// `sidecar` or `ambient`.
    pub mesh: String,
    /// Whether it still gets fixes.
    pub supported: bool,
    /// Lowest and highest Kubernetes version.
    pub kubernetes: (String, String),
    /// Juju versions, `major.minor`.
    pub juju: Vec<String>,
    /// Istio version, `major.minor`.
    pub istio: String,
    /// Applications.
    pub applications: std::collections::BTreeMap<String, Application>,
    /// Images of Juju and Istio, pinned by full version.
    pub platform_images: Vec<String>,
    /// Repositories of Juju's own images.
    pub platform_repositories: Vec<String>,
    /// Images that charms start later.
    pub started_images: Vec<String>,
    /// Routes on the gateway.
    pub routes: Vec<Route>,
}

/// An application of a release.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Application {
    /// Charm.
    pub charm: String,
    /// Channel.
    pub channel: String,
    /// Whether the bundle trusts it.
    pub trust: bool,
    /// `root` or `non-root`.
    pub charm_user: String,
    /// Workload containers.
    #[serde(default)]
    pub containers: std::collections::BTreeMap<String, Workload>,
    /// Images of resources that no container names.
    #[serde(default)]
    pub resources: std::collections::BTreeMap<String, String>,
    /// Endpoints for COS.
    pub cos: Vec<String>,
}

/// A workload container.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// Charm resource.
    pub resource: Option<String>,
    /// Rock.
    pub image: Option<String>,
    /// User id.
    pub uid: Option<i64>,
}

/// A route on the gateway.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Path prefix.
    pub prefix: String,
    /// Service in the platform's namespace.
    pub service: String,
}

impl Release {
    /// Every image that the release names.
    pub fn images(&self) -> impl Iterator<Item = &str> {
        let of_apps = self.applications.values().flat_map(|app| {
            app.containers
                .values()
                .filter_map(|c| c.image.as_deref())
                .chain(app.resources.values().map(String::as_str))
        });
        of_apps
            .chain(self.platform_images.iter().map(String::as_str))
            .chain(self.started_images.iter().map(String::as_str))
    }
}

/// All controls, by family in the order of the guide, then by number.
pub fn controls() -> &'static [Control] {
    static CONTROLS: OnceLock<Vec<Control>> = OnceLock::new();
    CONTROLS.get_or_init(|| {
        let mut controls: Vec<Control> = CONTROL_FILES
            .iter()
            .map(|(name, text)| parse(name, text))
            .collect();
        let rank = |c: &Control| {
            let family = c.id.split('-').next().unwrap_or_default();
            FAMILIES.iter().position(|f| *f == family)
        };
        controls.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.id.cmp(&b.id)));
        controls
    })
}

/// Families of controls, in the order of reports.
pub const FAMILIES: [&str; 13] = [
    "K8S", "JUJU", "CLOUD", "CRED", "IMG", "UPG", "TLS", "AUTHN", "AUTHZ", "PSS", "NET", "CRYP",
    "OBS",
];

/// The control with this id.
pub fn control(id: &str) -> Option<&'static Control> {
    controls().iter().find(|c| c.id == id)
}

/// All releases, oldest first.
pub fn releases() -> &'static [Release] {
    static RELEASES: OnceLock<Vec<Release>> = OnceLock::new();
    RELEASES.get_or_init(|| {
        RELEASE_FILES
            .iter()
            .map(|(name, text)| parse(name, text))
            .collect()
    })
}

/// The release with this name.
pub fn release(name: &str) -> Option<&'static Release> {
    releases().iter().find(|r| r.name == name)
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
    static OPTIONS: OnceLock<std::collections::BTreeMap<String, CharmOptions>> = OnceLock::new();
    OPTIONS
        .get_or_init(|| {
            let files = OPTION_FILES.iter();
            files
                .flat_map(|(name, text)| {
                    parse::<std::collections::BTreeMap<String, CharmOptions>>(name, text)
                })
                .collect()
        })
        .get(charm)
}

/// Groups of alert rules, `hardening` for Prometheus and `logs` for Loki: name and rules.
pub fn alerts(file: &str) -> Vec<(String, serde_json::Value)> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Group {
        name: String,
        rules: serde_json::Value,
    }
    let found = ALERT_FILES
        .iter()
        .find(|(name, _)| name.strip_suffix(".yaml") == Some(file));
    let groups: Vec<Group> = found.map_or_else(Vec::new, |(name, text)| parse(name, text));
    groups
        .into_iter()
        .map(|group| (group.name, group.rules))
        .collect()
}

/// Dashboards of Grafana, by stem of the file's name.
pub const DASHBOARDS: [(&str, &str); 1] = [(
    "hardening",
    include_str!("../catalog/dashboards/hardening.json"),
)];

fn parse<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> T {
    // The files are in the binary, and a test reads them all.
    serde_json::from_str(text).unwrap_or_else(|e| panic!("catalogue file {name}: {e}"))
}
