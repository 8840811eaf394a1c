//! Releases of Charmed Kubeflow: what each deploys.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::advice::Mesh;

/// What a release of Charmed Kubeflow deploys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Release {
    /// Name, for example `1.10`.
    pub name: String,
    /// Channel of the bundle.
    pub channel: String,
    /// Mode of its mesh.
    pub mesh: Mesh,
    /// Whether it still gets fixes.
    pub supported: bool,
    /// Lowest and highest Kubernetes version.
    pub kubernetes: (String, String),
    /// Juju versions, `major.minor`.
    pub juju: Vec<String>,
    /// Istio version, `major.minor`.
    pub istio: String,
    /// Applications.
    pub applications: BTreeMap<String, Application>,
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
    /// User of its charm container.
    pub charm_user: CharmUser,
    /// Workload containers.
    #[serde(default)]
    pub containers: BTreeMap<String, Workload>,
    /// Images of resources that no container names.
    #[serde(default)]
    pub resources: BTreeMap<String, String>,
    /// Endpoints for COS.
    pub cos: Vec<String>,
}

/// User that a charm's code runs as, by its metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CharmUser {
    /// User 0.
    Root,
    /// Another, with the charm's own rights only.
    NonRoot,
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

    /// Tracks of a charm: that of the bundle, then those of the other sets.
    pub fn tracks_of<'a>(&'a self, charm: &'a str) -> impl Iterator<Item = &'a str> {
        let applications = self.applications.values().filter(move |known| known.charm == charm);
        let bundle = applications.filter_map(|known| known.channel.split('/').next());
        let others = self.also.iter().filter_map(move |set| set.tracks.get(charm));
        bundle.chain(others.map(String::as_str))
    }

    /// It runs in this mode of the mesh.
    pub fn has_mesh(&self, mesh: Mesh) -> bool {
        self.mesh == mesh || self.also.iter().any(|set| set.mesh == mesh)
    }
}

/// Tracks by charm, of applications whose tracks are not those of the release's own bundle.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrackSet {
    /// What it is of the release, for people.
    pub what: String,
    /// Mode of its mesh.
    pub mesh: Mesh,
    /// Tracks, by charm.
    pub tracks: BTreeMap<String, String>,
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
