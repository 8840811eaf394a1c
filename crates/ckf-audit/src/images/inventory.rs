//! Rows of the inventory: each image of the platform with its charm, digests and state.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::indirect;
use super::place::Place;
use crate::catalog;
use crate::facts::Facts;
use crate::facts::charmhub::{Followed, Head};
use crate::facts::core::Pod;
use crate::facts::dpkg::Packages;
use crate::facts::image::ImageReference;
use crate::facts::juju::Application;
use crate::facts::known::Known;
use crate::facts::profiles;
use crate::facts::registry::Rock;

/// Application name for Juju's own images, which are in every pod and share one row each.
const JUJU: &str = "juju";
/// Charmhub's registry, where a resource's image has a repository of its own.
const OF_CHARMHUB: &str = "registry.jujucharms.com/charm/";

/// A running image that differs from what is intended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum State {
    /// The node runs a digest other than the one that the pod requests.
    NotAsAsked {
        /// Running digest.
        running: String,
        /// Requested digest.
        asked: String,
    },
    /// Pods of one workload run different digests.
    Differs {
        /// Running digests.
        running: Vec<String>,
    },
    /// The tag points to a digest other than the running one.
    Moved {
        /// Running digest.
        running: String,
        /// Digest of the tag in the registry.
        registry: String,
    },
    /// Another digest is on record for the same charm revision, resource and tag.
    Swapped {
        /// Running digest.
        running: String,
        /// Digest on record.
        before: String,
        /// Since when it is on record, RFC 3339.
        since: String,
    },
}

/// A newer version than the deployed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Newer {
    /// Revision of the charm in the application's channel.
    Revision(u64),
    /// Charm URL that the controller proposes, where Charmhub was not queried.
    Charm(String),
    /// Revision of a resource of the charm.
    Resource {
        /// Name of the resource.
        name: String,
        /// Its newest revision.
        revision: i64,
    },
}

impl std::fmt::Display for Newer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Revision(revision) => write!(f, "charm revision {revision}"),
            Self::Charm(url) => write!(f, "charm {url}"),
            Self::Resource { name, revision } => write!(f, "resource {name} {revision}"),
        }
    }
}

impl Serialize for Newer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An image of the platform.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// Application name; `juju` for images that Juju adds to every pod.
    pub application: String,
    /// Name of its charm; none if Juju was not read.
    pub charm: Option<String>,
    /// Revision of its charm.
    pub revision: Option<u64>,
    /// Channel that the application follows; none for a local charm.
    pub channel: Option<String>,
    /// Where the image is named.
    pub place: Option<Place>,
    /// The charm's resource that the image is.
    pub resource: Option<String>,
    /// Revision of the resource; none if it was uploaded.
    pub resource_revision: Option<i64>,
    /// Image reference that the pod or option requests.
    pub image: String,
    /// Running digests; empty if no pod has started.
    pub running: Vec<String>,
    /// Namespace and name of a pod that runs it.
    pub pod: Option<(String, String)>,
    /// Build time, RFC 3339.
    pub created: Option<String>,
    /// Distribution and version of its base, for example `ubuntu 24.04`.
    pub base: Option<String>,
    /// The registry has a signature of it; none if not queried.
    pub signed: Option<bool>,
    /// The registry has an attestation of it; none if not queried.
    pub attested: Option<bool>,
    /// Newer versions of its charm and resource.
    pub newer: Vec<Newer>,
    /// Differences from what is intended.
    pub states: Vec<State>,
    /// Why its registry gave no answer; none if it did, or was not queried.
    pub unknown: Option<String>,
    /// Key of its charm revision, resource and tag: while it is unchanged, so is the digest. None if
    /// one of them is unknown.
    #[serde(skip)]
    pub mark: Option<String>,
    /// Its packages, if they were read.
    #[serde(skip)]
    pub packages: Option<Packages>,
    /// Only pods in profiles name it, which tenants can create.
    #[serde(skip)]
    pub of_tenant: bool,
}

/// An image to resolve at its registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Reference to resolve.
    pub image: ImageReference,
    /// Only pods in profiles name it.
    pub of_tenant: bool,
}

impl Row {
    /// Stable key of the row: `APPLICATION/PLACE`.
    pub fn key(&self) -> String {
        let place = self.place.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{}/{place}", self.application)
    }

    /// The running digest, if there is exactly one.
    pub fn digest(&self) -> Option<&str> {
        match &self.running[..] {
            [digest] => Some(digest),
            _ => None,
        }
    }
}

/// All images of the platform.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Inventory {
    /// Rows, sorted by application and place.
    pub rows: Vec<Row>,
}

impl Inventory {
    /// Builds the inventory from facts.
    pub fn of(facts: &Facts) -> Self {
        let applications = applications(facts);
        let mut rows: BTreeMap<(String, Place, String), Row> = BTreeMap::new();
        for (pod, is_profile) in pods(facts) {
            for container in pod.all_containers() {
                let Some(image) = ImageReference::parse(&container.image) else {
                    continue;
                };
                let application = match is_of_juju(&image) {
                    true => JUJU.to_owned(),
                    false => application_of(pod, is_profile, &applications),
                };
                let place = Place::Container(match application.as_str() {
                    // One row per image, for all container names.
                    JUJU => image.repository.rsplit('/').next().unwrap_or_default().to_owned(),
                    _ => container.name.to_string(),
                });
                let key = (application.clone(), place.clone(), image.to_string());
                let row = rows.entry(key).or_insert_with(|| Row {
                    application,
                    place: Some(place),
                    image: image.to_string(),
                    resource: resource(&image),
                    of_tenant: is_profile,
                    ..Row::default()
                });
                row.of_tenant &= is_profile;
                row.pod.get_or_insert_with(|| {
                    (pod.metadata.namespace.to_string(), pod.metadata.name.clone())
                });
                let running = pod.image_id(&container.name).and_then(digest_of);
                if let Some(digest) = running
                    && !row.running.contains(&digest)
                {
                    row.running.push(digest);
                }
            }
        }
        for indirect in indirect::of(facts) {
            let image = indirect.image.to_string();
            let key = (indirect.application.clone(), indirect.place.clone(), image.clone());
            rows.entry(key).or_insert_with(|| Row {
                application: indirect.application,
                place: Some(indirect.place),
                image,
                ..Row::default()
            });
        }
        let mut rows: Vec<Row> = rows.into_values().collect();
        for row in &mut rows {
            row.running.sort();
            describe(row, facts, &applications);
        }
        Self { rows }
    }

    /// Images to resolve at registries.
    pub fn references(&self) -> BTreeSet<ImageReference> {
        self.asked().into_iter().map(|asked| asked.image).collect()
    }

    /// Images to resolve at registries, those of the platform itself before those of tenants.
    pub fn asked(&self) -> Vec<Asked> {
        let mut asked: BTreeMap<ImageReference, bool> = BTreeMap::new();
        for row in &self.rows {
            let image = ImageReference::parse(&row.image);
            let image = image.filter(|image| !image.repository.starts_with(OF_CHARMHUB));
            if let Some(image) = image {
                *asked.entry(image).or_insert(true) &= row.of_tenant;
            }
        }
        let mut asked: Vec<Asked> =
            asked.into_iter().map(|(image, of_tenant)| Asked { image, of_tenant }).collect();
        let is_released = |image: &ImageReference| {
            let mut releases = catalog::releases().iter();
            let name = image.to_string();
            releases.any(|release| release.images().any(|released| name.ends_with(released)))
        };
        asked.sort_by_cached_key(|asked| (asked.of_tenant, !is_released(&asked.image)));
        asked
    }

    /// Rows that differ from what is intended.
    pub fn unexpected(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| !row.states.is_empty())
    }
}

/// Charms of the platform's model, each with its channel.
pub fn followed(facts: &Facts) -> BTreeSet<Followed> {
    channels(applications(facts).into_values())
}

/// Channels that these applications follow.
pub fn channels<'a>(applications: impl IntoIterator<Item = &'a Application>) -> BTreeSet<Followed> {
    let applications = applications.into_iter();
    // A local charm has no channel.
    applications.filter(|application| !application.channel.is_empty()).map(follows).collect()
}

fn follows(application: &Application) -> Followed {
    let base = match application.base.as_str() {
        "" => "24.04",
        known => known,
    };
    Followed {
        charm: application.charm.clone(),
        channel: application.channel.clone(),
        base: base.to_owned(),
    }
}

fn applications(facts: &Facts) -> BTreeMap<&str, &Application> {
    match &facts.juju {
        Known::Known(juju) => match &juju.applications {
            Known::Known(all) => all.iter().map(|one| (one.name.as_str(), one)).collect(),
            Known::Unknown(_) => BTreeMap::new(),
        },
        Known::Unknown(_) => BTreeMap::new(),
    }
}

/// Pods of the platform, and those that it creates in profiles (true).
fn pods(facts: &Facts) -> Vec<(&Pod, bool)> {
    let Known::Known(pods) = &facts.pods else {
        return Vec::new();
    };
    let platform = facts.about.platform_namespaces();
    let profiles = profiles::namespaces(facts).unwrap_or_default();
    let of_platform = |pod: &Pod| {
        let namespace = &*pod.metadata.namespace;
        if platform.contains(&namespace) {
            return Some(false);
        }
        (profiles.contains(namespace) && pod.metadata.name.starts_with("ml-pipeline-"))
            .then_some(true)
    };
    let running = pods.items.iter().filter(|pod| !pod.is_finished());
    running.filter_map(|pod| Some((pod, of_platform(pod)?))).collect()
}

fn is_of_juju(image: &ImageReference) -> bool {
    let mut releases = catalog::releases().iter();
    releases.any(|release| release.platform_repositories.contains(&image.repository))
}

/// Application of a pod: by Juju's label, else the one whose name is the longest prefix of the
/// workload's name.
fn application_of(
    pod: &Pod,
    is_profile: bool,
    applications: &BTreeMap<&str, &Application>,
) -> String {
    if is_profile {
        return "kfp-profile-controller".into();
    }
    let meta = &pod.metadata;
    if meta.label("app.kubernetes.io/managed-by") == Some("juju")
        && let Some(name) = meta.label("app.kubernetes.io/name")
    {
        return name.to_owned();
    }
    let workload = workload(pod);
    if &*meta.namespace == "knative-serving" || &*meta.namespace == "knative-eventing" {
        return meta.namespace.to_string();
    }
    if workload == "istiod" {
        return "istio-pilot".into();
    }
    let known = applications.keys().copied();
    let of_catalogue = catalog::releases()
        .iter()
        .flat_map(|release| release.applications.keys().map(String::as_str));
    let named = known.chain(of_catalogue).filter(|name| {
        let rest = workload.strip_prefix(*name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    });
    named.max_by_key(|name| name.len()).map_or(workload, str::to_owned)
}

/// Name of the workload that created a pod.
fn workload(pod: &Pod) -> String {
    let Some(owner) = pod.metadata.owner_references.first() else {
        return pod.metadata.name.clone();
    };
    match &*owner.kind {
        // Its name is that of the Deployment with a hash.
        "ReplicaSet" => owner.name.rsplit_once('-').map_or(&*owner.name, |(name, _)| name),
        _ => &owner.name,
    }
    .to_owned()
}

/// Resource name of an image in Charmhub's registry.
fn resource(image: &ImageReference) -> Option<String> {
    let path = image.repository.strip_prefix(OF_CHARMHUB)?;
    Some(path.split_once('/')?.1.to_owned())
}

/// `sha256:…` of an image id. Some nodes report only the digest of the image configuration, which
/// is not the manifest's.
fn digest_of(id: &str) -> Option<String> {
    let (_, digest) = id.rsplit_once('@')?;
    Some(digest.to_owned())
}

fn describe(row: &mut Row, facts: &Facts, applications: &BTreeMap<&str, &Application>) {
    let image = ImageReference::parse(&row.image);
    let application = applications.get(row.application.as_str()).copied();
    if let Some(application) = application {
        row.charm = Some(application.charm.clone());
        row.revision = application.revision;
        row.channel = Some(application.channel.clone()).filter(|channel| !channel.is_empty());
        if row.resource.is_none()
            && let Some(Place::Container(container)) = &row.place
        {
            row.resource = application.containers.get(container).cloned();
        }
        let resources = match &application.resources {
            Known::Known(resources) => Some(resources),
            Known::Unknown(_) => None,
        };
        let deployed = row.resource.as_ref().zip(resources);
        let deployed = deployed.and_then(|(name, resources)| resources.get(name));
        row.resource_revision = deployed.and_then(|resource| resource.revision);
        let tag = image.as_ref().and_then(|image| image.tag.clone()).unwrap_or_default();
        let resource = deployed.map(|resource| resource.mark.as_str()).unwrap_or_default();
        // Without the resources a refresh of one would be missed.
        let revision = application.revision.filter(|_| resources.is_some());
        row.mark = revision.map(|revision| format!("{revision} {resource} {tag}"));
        row.newer = newer(row, application, facts);
    }
    let requested = image.as_ref().and_then(|image| image.digest.clone());
    if let (Some(asked), Some(running)) =
        (&requested, row.running.iter().find(|d| Some(*d) != requested.as_ref()))
    {
        row.states.push(State::NotAsAsked { running: running.clone(), asked: asked.clone() });
    } else if row.running.len() > 1 {
        row.states.push(State::Differs { running: row.running.clone() });
    }
    if let Known::Known(rocks) = &facts.rocks {
        match rocks.images.get(&row.image) {
            Some(Known::Known(rock)) => of_registry(row, rock, requested.is_none()),
            Some(Known::Unknown(why)) => row.unknown = Some(why.to_string()),
            None => {}
        }
    }
    if let (Known::Known(ledger), Some(running)) = (&facts.ledger, row.digest())
        && let Some(seen) = ledger.contradicts(&row.key(), running, row.mark.as_deref())
    {
        let swapped = State::Swapped {
            running: running.to_owned(),
            before: seen.digest.clone(),
            since: seen.since.to_string(),
        };
        row.states.push(swapped);
    }
}

fn of_registry(row: &mut Row, rock: &Rock, is_by_tag: bool) {
    row.created = rock.created.map(|at: Timestamp| at.to_string());
    row.signed = Some(rock.signed);
    row.attested = Some(rock.attested);
    row.packages.clone_from(&rock.packages);
    let base = rock.packages.as_ref().and_then(|packages| packages.base.as_ref());
    row.base = base.map(|(name, version)| format!("{name} {version}"));
    if let Some(running) = row.digest()
        && is_by_tag
        && !rock.is(running)
    {
        let moved = State::Moved { running: running.to_owned(), registry: rock.digest.clone() };
        row.states.push(moved);
    }
}

/// Newer versions by Charmhub, or else by the controller.
fn newer(row: &Row, application: &Application, facts: &Facts) -> Vec<Newer> {
    let mut newer = Vec::new();
    let head: Option<&Head> = match &facts.charmhub {
        Known::Known(charmhub) => match charmhub.heads.get(&follows(application).to_string()) {
            Some(Known::Known(head)) => Some(head),
            _ => None,
        },
        Known::Unknown(_) => None,
    };
    let Some(head) = head else {
        // The controller queries Charmhub from time to time.
        let newest = application.can_upgrade_to.as_deref();
        newer.extend(newest.map(|url| Newer::Charm(url.to_owned())));
        return newer;
    };
    if application.revision.is_some_and(|revision| head.revision > revision) {
        newer.push(Newer::Revision(head.revision));
    }
    if let (Some(resource), Some(revision)) = (&row.resource, row.resource_revision)
        && let Some(newest) = head.resources.get(resource)
        && *newest > revision
    {
        newer.push(Newer::Resource { name: resource.clone(), revision: *newest });
    }
    newer
}
