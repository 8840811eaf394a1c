//! The key of MinIO's root user: an option of `minio`, which the platform's charms copy into
//! Secrets. A rotation settles once the platform's own copies have the new key and the platform's
//! pods that started with an older one were recreated. Copies in profiles only delay it for a
//! while, since an editor of the profile can write anything into them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use juju_client::{ApplicationConfig, Password};
use log::warn;
use serde::Deserialize;
use serde_json::Value;

use super::change::{Applied, Backends, Change, Holding, RotationError, prepared};
use super::option_login::OptionLogin;
use crate::effects::Cluster;
use crate::facts::known::Unknown;
use crate::facts::profiles;
use crate::facts::secret::Plain;

const LOGIN: OptionLogin = OptionLogin {
    charm: "minio",
    username: "access-key",
    default_username: "minio",
    password: "secret-key",
    credential: "minio",
};
/// Option with MinIO's mode. As a gateway it is a proxy for a cloud account, and its key is that
/// account's.
const MODE: &str = "mode";
const SERVER: &str = "server";
/// The Secret that pipelines read, in the platform's namespace and in each profile.
const ARTIFACT: &str = "mlpipeline-minio-artifact";
/// The Secret from which the copies in profiles are created.
const CONTROLLER: &str = "kfp-profile-controller-minio-credentials";
/// Kinds that determine which namespaces are a profile's: version, kind and path.
const OF_PROFILES: [(&str, &str, &str); 2] = [
    ("v1", "Namespace", "/api/v1/namespaces"),
    ("kubeflow.org/v1", "Profile", "/apis/kubeflow.org/v1/profiles"),
];
/// Label of pods that are evicted to recreate them: the platform's own, which have no user state.
/// Notebooks and pipelines are left to their owners.
const RESTARTED: (&str, &str) = ("app", "ml-pipeline-ui-artifact");
/// Number of objects that a message names.
const NAMED: usize = 5;
/// Attempts to wait for profiles. Kubeflow's own controller writes their copies within a minute,
/// and these attempts take three.
const PATIENCE: u32 = 3;

/// MinIO, if the key is its own. An unknown mode is refused like a gateway.
fn find(backends: &mut dyn Backends) -> Result<(String, ApplicationConfig), RotationError> {
    let (application, config) = LOGIN.find(backends)?;
    match check_mode(&config) {
        Ok(()) => Ok((application, config)),
        Err(mode) => Err(RotationError(format!(
            "{application} has mode {mode}, not {SERVER}: its key belongs to the storage behind \
             it, and a new one here would make all stored data inaccessible; rotate the key at its \
             provider, then set it with juju config {application}, and remove minio from the \
             option rotate"
        ))),
    }
}

/// A mode other than server.
#[derive(Debug, thiserror::Error)]
enum OtherMode {
    /// As the option has it.
    #[error("{0:?}")]
    Named(String),
    /// The option has no text.
    #[error("unknown")]
    Unknown,
}

/// Checks that MinIO runs as a server, so that the key is its own.
fn check_mode(config: &ApplicationConfig) -> Result<(), OtherMode> {
    // Charms of other releases have no such option, as they support the server only.
    let Some(option) = config.config.get(MODE) else {
        return Ok(());
    };
    match option.value.as_str() {
        Some(SERVER) => Ok(()),
        Some(other) => Err(OtherMode::Named(other.to_owned())),
        None => Err(OtherMode::Unknown),
    }
}

pub(super) fn check(backends: &mut dyn Backends) -> Result<(), RotationError> {
    find(backends).map(drop)
}

pub(super) fn holds(
    prepared: &Password,
    backends: &mut dyn Backends,
) -> Result<Holding, RotationError> {
    LOGIN.holds(prepared, backends)
}

pub(super) fn apply(
    change: &Change<'_>,
    backends: &mut dyn Backends,
) -> Result<Applied, RotationError> {
    let new = prepared(change)?;
    let (application, config) = find(backends)?;
    // Do not start a rotation whose copies cannot be read.
    let namespace = backends.namespace().to_owned();
    copies(backends.cluster()?, &namespace)?;
    LOGIN.set((&application, &config), new, backends)
}

pub(super) fn settle(
    published: &Password,
    attempts: u32,
    backends: &mut dyn Backends,
) -> Result<(), RotationError> {
    let namespace = backends.namespace().to_owned();
    let cluster = backends.cluster()?;
    let copies = copies(cluster, &namespace)?;
    let (hold, others): (Vec<Copy>, Vec<Copy>) =
        copies.into_iter().partition(|copy| copy.holds(published));
    let names: Vec<String> = others.iter().map(Copy::to_string).collect();
    let of_platform = |copy: &Copy| copy.metadata.namespace == namespace;
    if others.iter().any(of_platform) {
        return Err(RotationError(format!(
            "the Secrets {} do not have the new key yet; if that persists, restart \
             kfp-profile-controller and check the relations of minio",
            some(&names)
        )));
    }
    // The platform is done. A profile's pods follow as soon as its copy has the new key.
    let mut waiting = Vec::new();
    if !names.is_empty() {
        waiting.push(format!(
            "the Secrets {} of profiles do not have the new key, so workloads there cannot use \
             MinIO; delete them, and kfp-profile-controller recreates them",
            some(&names)
        ));
    }
    waiting.extend(restart_stale(cluster, &hold)?);
    match waiting.is_empty() {
        true => Ok(()),
        false if attempts < PATIENCE => Err(RotationError(some(&waiting))),
        // No profile may block the platform's key.
        false => {
            warn!(
                "rotation of minio settles without some profiles (CRED-10 lists them): {}",
                some(&waiting)
            );
            Ok(())
        }
    }
}

/// Evicts the pods that have an old copy of the key. Returns those that could not be evicted yet,
/// with the reason.
fn restart_stale(cluster: &Cluster, copies: &[Copy]) -> Result<Vec<String>, RotationError> {
    let (mut left, mut waiting) = (Vec::new(), Vec::new());
    for pod in stale(cluster, copies)? {
        let Meta { namespace, name, uid, .. } = &pod.metadata;
        if !pod.is_restarted() {
            left.push(format!("{namespace}/{name}"));
            continue;
        }
        match cluster.evict(namespace, name, uid) {
            Ok(()) => {}
            // Missing permissions are for the operator to grant, however long that takes.
            Err(why @ Unknown::Forbidden(_)) => return Err(why.into()),
            // For example a PodDisruptionBudget of the profile.
            Err(why) => waiting.push(format!("cannot evict the pod {namespace}/{name}: {why}")),
        }
    }
    if !left.is_empty() {
        warn!(
            "rotation of minio: the pods {} have the old key until their owners restart them",
            some(&left)
        );
    }
    Ok(waiting)
}

fn some(names: &[String]) -> String {
    let (named, more) = names.split_at(names.len().min(NAMED));
    let more = match more.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", named.join(", "))
}

/// The copies of the key, in the platform and in profiles.
fn copies(cluster: &Cluster, namespace: &str) -> Result<Vec<Copy>, RotationError> {
    let mut namespaces = BTreeSet::from([namespace.to_owned()]);
    let mut objects = Vec::new();
    for (version, kind, path) in OF_PROFILES {
        cluster.each(path, None, |mut object: Value| {
            // Items of a list have neither.
            object["apiVersion"] = version.into();
            object["kind"] = kind.into();
            objects.push(object);
        })?;
    }
    namespaces.extend(profiles::of_objects(namespace, &objects));
    let mut copies = Vec::new();
    for name in [ARTIFACT, CONTROLLER] {
        let selector = format!("metadata.name={name}");
        cluster.each("/api/v1/secrets", Some(("fieldSelector", &selector)), |copy: Copy| {
            let is_of_platform = copy.metadata.namespace == namespace;
            let is_of_profile = name == ARTIFACT && namespaces.contains(&copy.metadata.namespace);
            if is_of_platform || is_of_profile {
                copies.push(copy);
            }
        })?;
    }
    Ok(copies)
}

/// Running pods that started with a copy before it last changed.
fn stale(cluster: &Cluster, copies: &[Copy]) -> Result<Vec<Pod>, RotationError> {
    let copies: BTreeMap<(&str, &str), Option<Timestamp>> = copies
        .iter()
        .map(|copy| ((&*copy.metadata.namespace, &*copy.metadata.name), copy.changed()))
        .collect();
    let running = ("fieldSelector", "status.phase!=Succeeded,status.phase!=Failed");
    let mut stale = Vec::new();
    cluster.each("/api/v1/pods", Some(running), |pod: Pod| {
        let changed = |name| copies.get(&(&*pod.metadata.namespace, name));
        // Times are whole seconds: in doubt the pod is recreated once more.
        let is_older = |changed: &Option<Timestamp>| pod.metadata.creation_timestamp <= *changed;
        let is_stale = pod.spec.secrets().filter_map(changed).any(is_older);
        if pod.metadata.deletion_timestamp.is_none() && is_stale {
            stale.push(pod);
        }
    })?;
    Ok(stale)
}

impl From<Unknown> for RotationError {
    fn from(why: Unknown) -> Self {
        let hint = match why {
            Unknown::Forbidden(_) => "; grant it with juju trust ckf-hardening --scope=cluster",
            _ => "",
        };
        Self(format!("{why}{hint}"))
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Meta {
    name: String,
    namespace: String,
    uid: String,
    labels: BTreeMap<String, String>,
    creation_timestamp: Option<Timestamp>,
    deletion_timestamp: Option<Timestamp>,
    owner_references: Vec<Owner>,
    managed_fields: Vec<Written>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Owner {
    kind: String,
    controller: bool,
}

/// An entry of managedFields: the fields that a manager wrote, and when.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Written {
    time: Option<Timestamp>,
    fields_v1: BTreeMap<String, serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Copy {
    metadata: Meta,
    #[serde(default)]
    data: BTreeMap<String, Plain>,
}

impl Copy {
    fn holds(&self, key: &Password) -> bool {
        let names = ["secretkey", "MINIO_SECRET_KEY"];
        let mut values = names.iter().filter_map(|name| self.data.get(*name));
        values.any(|value| value.is(key.expose().as_bytes()))
    }

    /// Last write of its values.
    fn changed(&self) -> Option<Timestamp> {
        let writes = self.metadata.managed_fields.iter();
        let of_data = writes.filter(|written| written.fields_v1.contains_key("f:data"));
        let last = of_data.filter_map(|written| written.time).max();
        last.or(self.metadata.creation_timestamp)
    }
}

impl std::fmt::Display for Copy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.metadata.namespace, self.metadata.name)
    }
}

#[derive(Deserialize)]
struct Pod {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    containers: Vec<Container>,
    init_containers: Vec<Container>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Container {
    env: Vec<Variable>,
    env_from: Vec<Variables>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Variable {
    value_from: Option<Origin>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Origin {
    secret_key_ref: Option<Reference>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Variables {
    secret_ref: Option<Reference>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reference {
    name: String,
}

impl Spec {
    /// Names of the Secrets in the environment of its containers.
    fn secrets(&self) -> impl Iterator<Item = &str> {
        let containers = self.containers.iter().chain(&self.init_containers);
        containers.flat_map(|container| {
            let one = container.env.iter().filter_map(|variable| {
                let from = variable.value_from.as_ref()?;
                Some(&*from.secret_key_ref.as_ref()?.name)
            });
            let all = container.env_from.iter();
            one.chain(all.filter_map(|from| Some(&*from.secret_ref.as_ref()?.name)))
        })
    }
}

impl Pod {
    /// It is one of the platform's, and a ReplicaSet recreates it.
    fn is_restarted(&self) -> bool {
        let (label, value) = RESTARTED;
        let owners = &self.metadata.owner_references;
        self.metadata.labels.get(label).is_some_and(|v| v == value)
            && owners.iter().any(|owner| owner.controller && owner.kind == "ReplicaSet")
    }
}
