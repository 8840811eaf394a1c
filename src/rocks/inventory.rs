//! The rows: each image of the platform with what is known of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::hidden;
use crate::catalog;
use crate::facts::Facts;
use crate::facts::charmhub::{Followed, Head};
use crate::facts::core::Pod;
use crate::facts::dpkg::Packages;
use crate::facts::image::ImageReference;
use crate::facts::juju::Application;
use crate::facts::known::Known;
use crate::facts::profiles;
use crate::facts::rocks::Rock;

/// Repositories of Juju's own images: an image of each is in every pod, and one row tells it.
const JUJU: &str = "juju";
/// Charmhub's registry: the rock of a resource, under a name of its own.
const OF_CHARMHUB: &str = "registry.jujucharms.com/charm/";

/// Where an image is named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// A container of a pod.
    Container(String),
    /// An option of the application.
    Option(String),
    /// A ConfigMap.
    ConfigMap(String),
    /// What Knative's operator uses instead of its own.
    Override(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Container(name) => f.write_str(name),
            Self::Option(name) => write!(f, "option {name}"),
            Self::ConfigMap(name) => write!(f, "ConfigMap {name}"),
            Self::Override(name) => write!(f, "override of {name}"),
        }
    }
}

/// What is wrong with an image, if it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum State {
    /// The node runs another digest than the pod asks for.
    NotAsAsked {
        /// What runs.
        running: String,
        /// What was asked for.
        asked: String,
    },
    /// Pods of one workload run different digests.
    Differs {
        /// The digests.
        running: Vec<String>,
    },
    /// The tag leads elsewhere by now.
    Moved {
        /// What runs.
        running: String,
        /// Where the tag leads.
        registry: String,
    },
    /// Another digest ran before, of the same charm and resource.
    Swapped {
        /// What runs.
        running: String,
        /// What ran before.
        before: String,
        /// Since when that had been known, RFC 3339.
        since: String,
    },
}

/// An image of the platform.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// The application; `juju` for what Juju puts into every pod.
    pub application: String,
    /// Name of its charm, if Juju tells.
    pub charm: Option<String>,
    /// Revision of its charm.
    pub revision: Option<u64>,
    /// Channel that it follows.
    pub channel: Option<String>,
    /// Where the image is named.
    pub place: Option<Place>,
    /// The charm's resource that it is.
    pub resource: Option<String>,
    /// Revision of that, if it is from Charmhub.
    pub resource_revision: Option<i64>,
    /// The image as it is asked for.
    pub image: String,
    /// Digests that run; none if nothing has started.
    pub running: Vec<String>,
    /// A pod that runs it.
    pub pod: Option<(String, String)>,
    /// When it was built.
    pub created: Option<String>,
    /// Distribution and version of its base, for example `ubuntu 24.04`.
    pub base: Option<String>,
    /// Whether a signature is beside it.
    pub signed: Option<bool>,
    /// Whether an attestation is.
    pub attested: Option<bool>,
    /// What is newer, in words.
    pub newer: Vec<String>,
    /// What is wrong.
    pub states: Vec<State>,
    /// Why its registry does not tell, if it was asked.
    pub unknown: Option<String>,
    /// What stands for the charm, resource and tag that it is of: if these change, so may
    /// the digest.
    #[serde(skip)]
    pub mark: Option<String>,
    /// Its packages, if they were read.
    #[serde(skip)]
    pub packages: Option<Packages>,
    /// Whether only pods in profiles name it, as a tenant may make them.
    #[serde(skip)]
    pub of_tenant: bool,
}

/// An image that a registry can tell of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The image.
    pub image: ImageReference,
    /// Whether only pods in profiles name it.
    pub of_tenant: bool,
}

impl Row {
    /// What names the row over time.
    pub fn key(&self) -> String {
        let place = self.place.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{}/{place}", self.application)
    }

    /// Its digest, if one and only one runs.
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
    /// The images, by application and place.
    pub rows: Vec<Row>,
}

impl Inventory {
    /// What facts tell.
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
                    // One row for the image, whatever the container is called.
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
        for hidden in hidden::of(facts) {
            let key = (hidden.application.clone(), hidden.place.clone(), hidden.image.to_string());
            rows.entry(key).or_insert_with(|| Row {
                application: hidden.application,
                place: Some(hidden.place),
                image: hidden.image.to_string(),
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

    /// Images that a registry can tell of.
    pub fn references(&self) -> BTreeSet<ImageReference> {
        self.asked().into_iter().map(|asked| asked.image).collect()
    }

    /// The same, what the platform itself names first.
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
            releases.any(|release| release.images().any(|own| name.ends_with(own)))
        };
        asked.sort_by_cached_key(|asked| (asked.of_tenant, !is_released(&asked.image)));
        asked
    }

    /// Rows in which something is wrong.
    pub fn wrong(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| !row.states.is_empty())
    }
}

/// The charms of the platform's model, each with the channel that it follows.
pub fn followed(facts: &Facts) -> BTreeSet<Followed> {
    let applications = applications(facts).into_values();
    // A local charm follows none.
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

/// Pods of the platform, and those that it makes in profiles.
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

/// The application that a pod is of: the one that Juju labels it with, else the one whose
/// name its workload's begins with.
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

/// The name of what made a pod.
fn workload(pod: &Pod) -> String {
    let Some(owner) = pod.metadata.owner_references.first() else {
        return pod.metadata.name.clone();
    };
    match &*owner.kind {
        // It has its Deployment's name and a hash.
        "ReplicaSet" => owner.name.rsplit_once('-').map_or(&*owner.name, |(name, _)| name),
        _ => &owner.name,
    }
    .to_owned()
}

/// The resource that an image of Charmhub is.
fn resource(image: &ImageReference) -> Option<String> {
    let path = image.repository.strip_prefix(OF_CHARMHUB)?;
    Some(path.split_once('/')?.1.to_owned())
}

/// `sha256:…` of what a node tells; some tell only the digest of the configuration, which
/// is another one.
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
        // Without the resources a refresh of one would pass for none.
        let revision = application.revision.filter(|_| resources.is_some());
        row.mark = revision.map(|revision| format!("{revision} {resource} {tag}"));
        row.newer = newer(row, application, facts);
    }
    let asked = image.as_ref().and_then(|image| image.digest.clone());
    if let (Some(asked), Some(running)) =
        (&asked, row.running.iter().find(|d| Some(*d) != asked.as_ref()))
    {
        row.states.push(State::NotAsAsked { running: running.clone(), asked: asked.clone() });
    } else if row.running.len() > 1 {
        row.states.push(State::Differs { running: row.running.clone() });
    }
    if let Known::Known(rocks) = &facts.rocks {
        match rocks.images.get(&row.image) {
            Some(Known::Known(rock)) => of_registry(row, rock, asked.is_none()),
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

/// What Charmhub has that is newer.
fn newer(row: &Row, application: &Application, facts: &Facts) -> Vec<String> {
    let mut newer = Vec::new();
    let head: Option<&Head> = match &facts.charmhub {
        Known::Known(charmhub) => match charmhub.heads.get(&follows(application).to_string()) {
            Some(Known::Known(head)) => Some(head),
            _ => None,
        },
        Known::Unknown(_) => None,
    };
    let Some(head) = head else {
        // The controller looks now and then, too.
        let newest = application.can_upgrade_to.as_deref();
        newer.extend(newest.map(|url| format!("charm {url}")));
        return newer;
    };
    if application.revision.is_some_and(|revision| head.revision > revision) {
        newer.push(format!("charm revision {}", head.revision));
    }
    if let (Some(resource), Some(revision)) = (&row.resource, row.resource_revision)
        && let Some(newest) = head.resources.get(resource)
        && *newest > revision
    {
        newer.push(format!("resource {resource} {newest}"));
    }
    newer
}
