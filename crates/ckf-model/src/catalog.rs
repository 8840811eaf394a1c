//! The catalogue: controls and releases, as data.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::advisory::AdvisoryTable;

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
    /// For information.
    Info,
    /// Fix it eventually.
    Low,
    /// Fix it.
    Medium,
    /// Fix it soon.
    High,
    /// Fix it at once.
    Critical,
}

impl Severity {
    /// All, worst first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info];

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

/// A text that is no severity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("severity {0:?} is not one of critical, high, medium, low, info")]
pub struct UnknownSeverity(pub String);

impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, UnknownSeverity> {
        let named = Self::ALL.into_iter().find(|severity| severity.name() == text);
        named.ok_or_else(|| UnknownSeverity(text.to_owned()))
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
    /// An attestation in the policy.
    Attestation,
    /// The policy itself.
    Policy,
}

impl Source {
    /// Name of what is queried.
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

/// A family of controls: the first part of their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// `K8S`: Kubernetes itself.
    Kubernetes,
    /// `JUJU`: Juju's models and applications.
    Juju,
    /// `CLOUD`: Juju's credential for the cloud.
    Cloud,
    /// `CRED`: passwords, keys and tokens.
    Credentials,
    /// `IMG`: base images.
    Images,
    /// `UPG`: security upgrades.
    Upgrades,
    /// `TLS`: encryption on the gateway.
    Tls,
    /// `AUTHN`: authentication.
    Authentication,
    /// `AUTHZ`: authorisation.
    Authorisation,
    /// `PSS`: Pod Security Standards and what they are about.
    Pods,
    /// `NET`: the network.
    Network,
    /// `CRYP`: cryptography beside the gateway's.
    Cryptography,
    /// `OBS`: monitoring and auditing.
    Monitoring,
    /// `POL`: the policy itself.
    Policy,
}

impl Family {
    /// All, in the order of the guide and of reports.
    pub const ALL: [Self; 14] = [
        Self::Kubernetes,
        Self::Juju,
        Self::Cloud,
        Self::Credentials,
        Self::Images,
        Self::Upgrades,
        Self::Tls,
        Self::Authentication,
        Self::Authorisation,
        Self::Pods,
        Self::Network,
        Self::Cryptography,
        Self::Monitoring,
        Self::Policy,
    ];

    /// First part of the ids of its controls.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Kubernetes => "K8S",
            Self::Juju => "JUJU",
            Self::Cloud => "CLOUD",
            Self::Credentials => "CRED",
            Self::Images => "IMG",
            Self::Upgrades => "UPG",
            Self::Tls => "TLS",
            Self::Authentication => "AUTHN",
            Self::Authorisation => "AUTHZ",
            Self::Pods => "PSS",
            Self::Network => "NET",
            Self::Cryptography => "CRYP",
            Self::Monitoring => "OBS",
            Self::Policy => "POL",
        }
    }

    /// Folder of its controls in `src/controls`.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Juju => "juju",
            Self::Cloud => "cloud",
            Self::Credentials => "credentials",
            Self::Images => "images",
            Self::Upgrades => "upgrades",
            Self::Tls => "tls",
            Self::Authentication => "authn",
            Self::Authorisation => "authz",
            Self::Pods => "pods",
            Self::Network => "network",
            Self::Cryptography => "cryptography",
            Self::Monitoring => "monitoring",
            Self::Policy => "policy",
        }
    }

    /// The family of a control's id, `FAMILY-NN`; `None` for an id of another form.
    pub fn of(id: &str) -> Option<Self> {
        let (prefix, number) = id.split_once('-')?;
        let is_number = number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit());
        Self::ALL.into_iter().find(|family| is_number && family.prefix() == prefix)
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
    /// What is wrong when it is not so; empty for none yet.
    #[serde(default)]
    pub finding: String,
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
    /// How to fix it.
    pub fix: String,
    /// What following the fix may break, and for how long; that it breaks nothing is said with why.
    #[serde(rename = "fix-breaks")]
    pub fix_breaks: String,
    /// Where the fix works.
    #[serde(rename = "fix-works-on")]
    pub fix_works_on: WorksOn,
    /// What shows that it does, and does no other harm.
    #[serde(rename = "fix-proof")]
    pub fix_proof: FixProof,
    /// Findings that no operator can fix while the platform is as it is.
    #[serde(default)]
    pub limits: Vec<Limit>,
    /// How the charm enforces it, if it can.
    #[serde(default)]
    pub kept: String,
    /// When a finding may be waived.
    pub waive: String,
    /// Where it stands in other catalogues.
    pub mappings: Mappings,
}

/// Where a fix works.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorksOn {
    /// Releases of Charmed Kubeflow, by name.
    pub releases: Vec<String>,
    /// Modes of the mesh.
    pub meshes: Vec<Mesh>,
    /// Condition under which it works; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub when: String,
}

/// Mode of Istio's data plane.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Mesh {
    /// A proxy in each pod.
    Sidecar,
    /// A proxy on each node, and waypoints.
    Ambient,
}

impl Mesh {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sidecar => "sidecar",
            Self::Ambient => "ambient",
        }
    }
}

impl std::fmt::Display for WorksOn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.releases.is_empty() || self.meshes.is_empty() {
            return f.write_str("no release");
        }
        let meshes: Vec<&str> = self.meshes.iter().map(|mesh| mesh.name()).collect();
        write!(f, "{}; {}", self.releases.join(", "), meshes.join(", "))?;
        match self.when.trim() {
            "" => Ok(()),
            when => write!(f, "; condition: {when}"),
        }
    }
}

/// What shows that a fix does what it says, and no other harm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum FixProof {
    /// A test of this repository.
    Test {
        /// File and function, as `tests/gateway/remedies.rs::remedies_change_what_clients_of_the_gateway_see`.
        name: String,
        /// What the test shows of the fix.
        shows: String,
    },
    /// Code or documentation of the charm or of what it is made of.
    Source {
        /// Owner and name on GitHub.
        repository: String,
        /// Commit.
        revision: String,
        /// File, with a line where one says it: `src/charm.py:137`.
        path: String,
        /// What that code says of the fix.
        shows: String,
    },
    /// Nothing: there is no good fix, and `fix` gives the mitigation.
    None {
        /// Why there is none.
        reason: String,
    },
}

impl FixProof {
    /// Its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Test { .. } => "test",
            Self::Source { .. } => "source",
            Self::None { .. } => "none",
        }
    }
}

impl std::fmt::Display for FixProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Test { name, shows } => write!(f, "test {name}: {}", shows.trim()),
            Self::Source { repository, revision, path, shows } => {
                write!(f, "{repository} at {revision}, {path}: {}", shows.trim())
            }
            Self::None { reason } => write!(f, "nothing: {}", reason.trim()),
        }
    }
}

/// A limit of the platform: what its charms' newest revisions do by themselves, so that no operator
/// can fix it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Field of the findings that it covers; `*` stands for any characters.
    pub field: String,
    /// What is seen there, in the same way.
    pub seen: String,
    /// Why an operator cannot fix it.
    pub why: String,
    /// URL of the issue or advisory upstream.
    pub issue: String,
    /// What keeps the harm small meanwhile.
    pub mitigation: String,
}

impl Limit {
    /// What of it is not as it has to be.
    fn problem(&self) -> Option<String> {
        let Self { field, seen, why, issue, mitigation } = self;
        let all = [field, seen, why, issue, mitigation];
        if all.iter().any(|text| text.trim().is_empty()) {
            return Some("limits: a field of a limit is empty".into());
        }
        // One that covers everything would excuse what can be fixed.
        if [field, seen].iter().all(|pattern| pattern.trim_matches('*').is_empty()) {
            return Some("limits: a limit covers every finding".into());
        }
        (!issue.starts_with("https://")).then(|| format!("limits: issue {issue:?} is no https URL"))
    }
}

/// What to know before a fix is followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Advice {
    /// What following the fix may break.
    pub breaks: String,
    /// Where it works.
    pub works_on: WorksOn,
    /// What shows that it does, and does no other harm.
    pub proof: FixProof,
}

impl Control {
    /// A person may attest it: no program assesses it, or only where one was run.
    pub fn may_be_attested(&self) -> bool {
        self.source == Source::Attestation
            || ["CRYP-02", "K8S-01", "UPG-11"].contains(&self.id.as_str())
    }

    /// Reads a control of the catalogue from JSON.
    ///
    /// # Errors
    ///
    /// A field is missing or unknown, or what is said of the fix is not whole.
    pub fn parse(text: &str) -> Result<Self, String> {
        let control: Self = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if Family::of(&control.id).is_none() {
            return Err(format!("id {:?} is not FAMILY-NN of a known family", control.id));
        }
        control.check_advice()?;
        Ok(control)
    }

    /// What to know before its fix is followed.
    pub fn advice(&self) -> Advice {
        Advice {
            breaks: self.fix_breaks.trim().to_owned(),
            works_on: self.fix_works_on.clone(),
            proof: self.fix_proof.clone(),
        }
    }

    /// Advice that says half of what has to be known is as bad as none.
    fn check_advice(&self) -> Result<(), String> {
        let is_said = |field: &str, text: &str| match text.trim() {
            "" => Err(format!("{field} is empty")),
            _ => Ok(()),
        };
        is_said("fix-breaks", &self.fix_breaks)?;
        if let Some(problem) = self.limits.iter().find_map(Limit::problem) {
            return Err(problem);
        }
        let works_nowhere =
            self.fix_works_on.releases.is_empty() || self.fix_works_on.meshes.is_empty();
        match &self.fix_proof {
            FixProof::Test { name, shows } => {
                is_said("fix-proof.shows", shows)?;
                let named = name.split_once("::");
                if !named.is_some_and(|(file, test)| file.ends_with(".rs") && !test.is_empty()) {
                    return Err(format!("fix-proof.name {name:?} is not FILE.rs::TEST"));
                }
            }
            FixProof::Source { repository, revision, path, shows } => {
                is_said("fix-proof.shows", shows)?;
                is_said("fix-proof.path", path)?;
                let is_commit =
                    revision.len() >= 7 && revision.bytes().all(|b| b.is_ascii_hexdigit());
                if !is_commit {
                    return Err(format!("fix-proof.revision {revision:?} is no commit"));
                }
                if repository.split('/').filter(|part| !part.is_empty()).count() != 2 {
                    return Err(format!("fix-proof.repository {repository:?} is not OWNER/NAME"));
                }
            }
            FixProof::None { reason } => {
                is_said("fix-proof.reason", reason)?;
                if !(self.fix.starts_with("There is no good fix")
                    && self.fix.contains("Mitigation: "))
                {
                    return Err(
                        "fix-proof is none, so fix has to begin with \"There is no good fix\" \
                         and to give a \"Mitigation: \""
                            .into(),
                    );
                }
                return Ok(());
            }
        }
        if works_nowhere {
            return Err("fix-works-on names no release or no mesh".into());
        }
        Ok(())
    }
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
        catalogues.into_iter().flat_map(|(name, ids)| ids.iter().map(move |id| (name, id.as_str())))
    }

    /// It stands in no other catalogue.
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
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
    /// Other sets of tracks of the same release: those of a later revision, or of another mesh.
    #[serde(default)]
    pub also: Vec<TrackSet>,
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

/// Tracks by charm, of applications whose tracks are not those of the release's own bundle.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrackSet {
    /// What it is of the release, for people.
    pub what: String,
    /// `sidecar` or `ambient`.
    pub mesh: String,
    /// Tracks, by charm.
    pub tracks: BTreeMap<String, String>,
}

impl Release {
    /// Tracks of a charm: that of the bundle, then those of the other sets.
    pub fn tracks_of<'a>(&'a self, charm: &'a str) -> impl Iterator<Item = &'a str> {
        let applications = self.applications.values().filter(move |known| known.charm == charm);
        let bundle = applications.filter_map(|known| known.channel.split('/').next());
        let others = self.also.iter().filter_map(move |set| set.tracks.get(charm));
        bundle.chain(others.map(String::as_str))
    }

    /// It runs in this mode of the mesh.
    pub fn has_mesh(&self, mesh: &str) -> bool {
        self.mesh == mesh || self.also.iter().any(|set| set.mesh == mesh)
    }
}

/// A release that gets no fixes any more.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastRelease {
    /// Istio version, `major.minor`.
    pub istio: String,
    /// Tracks by charm, as far as they tell it from others.
    pub tracks: BTreeMap<String, String>,
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
    /// Kinds that it writes and that it may not write without trust; empty where it works without,
    /// or where that is not known.
    #[serde(default)]
    pub writes: Vec<String>,
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
    [("ckf-hardening", include_str!("../../../catalog/dashboards/hardening.json"))];

fn parse<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> T {
    // The files are in the binary, and a test reads them all.
    serde_json::from_str(text).unwrap_or_else(|e| panic!("catalogue file {name}: {e}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A control with these fields changed; null takes one away.
    fn control(changes: Value) -> Result<Control, String> {
        let mut control = json!({
            "id": "TLS-99", "title": "t", "section": "s", "severity": "low", "source": "kubernetes",
            "why": "w", "check": "c", "fix": "Do it.", "waive": "Never.", "mappings": {},
            "fix-breaks": "Nothing: it only reads.",
            "fix-works-on": {"releases": ["1.10"], "meshes": ["sidecar"]},
            "fix-proof": {"kind": "test", "name": "tests/a.rs::b", "shows": "That it holds."},
        });
        for (field, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(control.as_object_mut().unwrap().remove(field)),
                value => control[field] = value.clone(),
            }
        }
        Control::parse(&control.to_string())
    }

    #[test]
    fn control_has_no_text_left_to_be_written() {
        for (name, text) in CONTROL_FILES {
            assert!(!text.contains("TODO"), "{name}: replace each TODO");
        }
    }

    #[test]
    fn control_without_what_its_fix_may_break_is_refused() {
        assert!(control(json!({})).is_ok());
        let source = |repository: &str, revision: &str| {
            json!({"kind": "source", "repository": repository, "revision": revision,
                "path": "src/charm.py:1", "shows": "That it holds."})
        };
        let none = json!({"kind": "none", "reason": "no option sets it"});
        let limit = |field: &str, seen: &str, issue: &str| json!({"field": field, "seen": seen, "issue": issue, "why": "w", "mitigation": "m"});
        let mitigated = "There is no good fix: no option sets it. Mitigation: close the port.";
        assert!(control(json!({"fix-proof": source("a/b", "0123456789ab")})).is_ok());
        assert!(control(json!({"fix-proof": none, "fix": mitigated})).is_ok());
        for (changes, expected) in [
            (json!({"fix-breaks": null}), "fix-breaks"),
            (json!({"fix-works-on": null}), "fix-works-on"),
            (json!({"fix-proof": null}), "fix-proof"),
            (json!({"fix-breaks": " "}), "fix-breaks is empty"),
            (json!({"fix-works-on": {"releases": [], "meshes": ["sidecar"]}}), "names no release"),
            (json!({"fix-works-on": {"releases": ["1.10"], "meshes": ["mesh"]}}), "mesh"),
            (json!({"fix-proof": {"kind": "hope"}}), "hope"),
            (json!({"fix-proof": {"kind": "test", "name": "b", "shows": "s"}}), "FILE.rs::TEST"),
            (json!({"fix-proof": source("a/b", "main")}), "no commit"),
            (json!({"fix-proof": source("b", "0123456789ab")}), "OWNER/NAME"),
            (json!({"fix-proof": none}), "There is no good fix"),
            (json!({"limits": [limit("*", "*", "https://example.com")]}), "covers every finding"),
            (json!({"limits": [limit("image a", "1.*", "a#1")]}), "no https URL"),
            (json!({"limits": [limit("", "1.*", "https://example.com")]}), "is empty"),
        ] {
            let error = control(changes.clone()).unwrap_err();
            assert!(error.contains(expected), "{changes}: {error}");
        }
    }

    #[test]
    fn control_of_unknown_family_is_refused() {
        for id in ["TSL-01", "TLS-1", "TLS01", "tls-01", "TLS-0x"] {
            let error = control(json!({"id": id})).unwrap_err();
            assert!(error.contains(id), "{error}");
        }
    }

    #[test]
    fn requirement_of_a_framework_with_titles_has_one() {
        for control in controls() {
            for (framework, id) in control.mappings.all() {
                let edition = editions().get(framework);
                let edition = edition.unwrap_or_else(|| panic!("no edition of {framework}"));
                let has = edition.titles.is_empty() || edition.titles.contains_key(id);
                assert!(has, "{}: {framework} {id} has no title", control.id);
            }
        }
    }

    #[test]
    fn controls_are_sorted_by_family_and_number() {
        let order = |control: &Control| (Family::of(&control.id).unwrap(), control.id.clone());
        assert!(controls().is_sorted_by_key(order));
        for family in Family::ALL {
            let mut ids = controls().iter().map(|control| Family::of(&control.id));
            assert!(ids.any(|of| of == Some(family)), "{family:?} has no control");
        }
    }

    #[test]
    fn catalogue_has_a_control_of_each_file_and_every_text_of_it() {
        assert_eq!(controls().len(), CONTROL_FILES.len());
        for control in controls() {
            let file = format!("{}.yaml", control.id);
            assert!(CONTROL_FILES.iter().any(|(name, _)| *name == file), "no file {file}");
            let texts =
                [&control.why, &control.check, &control.fix, &control.waive, &control.finding];
            let is_whole =
                |text: &&String| text.trim().ends_with(['.', ')']) || text.ends_with('`');
            assert!(texts.iter().all(|text| !text.trim().is_empty()), "{}", control.id);
            let checks = [&control.check, &control.waive];
            assert!(checks.iter().all(is_whole), "{}", control.id);
        }
    }

    #[test]
    fn fix_works_on_releases_of_the_catalogue_in_their_own_mesh() {
        for control in controls() {
            let works = &control.fix_works_on;
            for name in &works.releases {
                let release = release(name);
                let release = release.unwrap_or_else(|| panic!("{}: {name}", control.id));
                let meshes: Vec<&str> = works.meshes.iter().map(|mesh| mesh.name()).collect();
                assert!(
                    meshes.contains(&release.mesh.as_str()),
                    "{}: {name} is {}",
                    control.id,
                    release.mesh
                );
            }
        }
    }
}
