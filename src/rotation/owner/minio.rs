//! The key of MinIO's root user: an option of `minio`, which the charms of the
//! platform copy into Secrets. It has settled when the platform's own copies hold it and the
//! pods that the platform runs with an older one were made anew. A profile's copy is waited
//! for a while only: whoever may edit the profile may write into it what they like.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use juju_client::{ApplicationConfig, Password};
use log::warn;
use serde::Deserialize;
use serde_json::Value;

use super::{Applied, Change, Holding, Owners, Refusal, application_of, prepared, set_option};
use crate::effects::Cluster;
use crate::facts::known::Unknown;
use crate::facts::profiles;
use crate::facts::secret::Plain;

const CHARM: &str = "minio";
const USERNAME: &str = "access-key";
const PASSWORD: &str = "secret-key";
/// How MinIO runs. As a gateway it stands before an account of a cloud, and its key is that
/// account's.
const MODE: &str = "mode";
const SERVER: &str = "server";
/// The user if no option names one.
const DEFAULT_USERNAME: &str = "minio";
/// The Secret that pipelines read, in the platform's namespace and in each profile.
const ARTIFACT: &str = "mlpipeline-minio-artifact";
/// The Secret that the copies in profiles are made from.
const CONTROLLER: &str = "kfp-profile-controller-minio-credentials";
/// What tells which namespaces are a profile's: version, kind and path.
const OF_PROFILES: [(&str, &str, &str); 2] = [
    ("v1", "Namespace", "/api/v1/namespaces"),
    ("kubeflow.org/v1", "Profile", "/apis/kubeflow.org/v1/profiles"),
];
/// The pods that are made anew: the platform's own, which hold nothing of a user's.
/// Notebooks and pipelines are left to whoever runs them.
const RESTARTED: (&str, &str) = ("app", "ml-pipeline-ui-artifact");
/// How many objects a message names.
const NAMED: usize = 5;
/// How often profiles are waited for. Kubeflow's own controller writes their copies within a
/// minute, and these tries take three.
const PATIENCE: u32 = 3;

/// MinIO, if its key is its own. A mode that is not known is refused like a gateway.
fn find(owners: &mut dyn Owners) -> Result<(String, ApplicationConfig), Refusal> {
    let Some((application, config)) = application_of(CHARM, owners)? else {
        return Err(Refusal(format!(
            "no application of the model is of the charm {CHARM}; take minio out of the option \
             rotate, or run rotate-credentials abandon=minio"
        )));
    };
    match mode(&config) {
        Ok(()) => Ok((application, config)),
        Err(mode) => Err(Refusal(format!(
            "{application} has mode {mode}, not {SERVER}: its key is that of the storage behind \
             it, and a new one here would cut off all that is stored; rotate it where it is made, \
             then set it with juju config {application}, and take minio out of the option rotate"
        ))),
    }
}

/// Whether the key is MinIO's own, or the mode in which it is not.
fn mode(config: &ApplicationConfig) -> Result<(), String> {
    // Charms of other releases may have no such option: they know the server only.
    let Some(option) = config.config.get(MODE) else {
        return Ok(());
    };
    match option.value.as_str() {
        Some(SERVER) => Ok(()),
        Some(other) => Err(format!("{other:?}")),
        None => Err("unknown".into()),
    }
}

pub(super) fn check(owners: &mut dyn Owners) -> Result<(), Refusal> {
    find(owners).map(drop)
}

pub(super) fn holds(prepared: &Password, owners: &mut dyn Owners) -> Result<Holding, Refusal> {
    Ok(match application_of(CHARM, owners)? {
        None => Holding::Gone,
        Some((_, config)) if config.text(PASSWORD).as_ref() == Some(prepared) => {
            Holding::Yes(username(&config))
        }
        Some(_) => Holding::No,
    })
}

fn username(config: &ApplicationConfig) -> String {
    let named = config.text(USERNAME);
    named.map_or(DEFAULT_USERNAME.into(), |name| name.expose().to_owned())
}

pub(super) fn apply(change: &Change<'_>, owners: &mut dyn Owners) -> Result<Applied, Refusal> {
    let new = prepared(change)?;
    let (application, config) = find(owners)?;
    // What cannot be seen to its end is not begun.
    let namespace = owners.namespace().to_owned();
    copies(owners.cluster()?, &namespace)?;
    set_option(&application, &config, (PASSWORD, new), owners)?;
    Ok(Applied { username: username(&config), ..Applied::default() })
}

pub(super) fn settle(
    published: &Password,
    attempts: u32,
    owners: &mut dyn Owners,
) -> Result<(), Refusal> {
    let namespace = owners.namespace().to_owned();
    let cluster = owners.cluster()?;
    let copies = copies(cluster, &namespace)?;
    let (hold, others): (Vec<Copy>, Vec<Copy>) =
        copies.into_iter().partition(|copy| copy.holds(published));
    let names: Vec<String> = others.iter().map(Copy::to_string).collect();
    let of_platform = |copy: &Copy| copy.metadata.namespace == namespace;
    if others.iter().any(of_platform) {
        return Err(Refusal(format!(
            "the Secrets {} do not hold the new key yet; if that stays so, restart kfp-profile-controller \
             and see that the relations of minio are up",
            some(&names)
        )));
    }
    // The platform is done. In a profile the pods follow as soon as its copy does.
    let mut waiting = Vec::new();
    if !names.is_empty() {
        waiting.push(format!(
            "the Secrets {} of profiles do not hold the new key, and what runs there with it cannot \
             use MinIO; one that is deleted is made anew by kfp-profile-controller",
            some(&names)
        ));
    }
    let mut left = Vec::new();
    for pod in stale(cluster, &hold)? {
        let Meta { namespace, name, uid, .. } = &pod.metadata;
        if !pod.is_restarted() {
            left.push(format!("{namespace}/{name}"));
            continue;
        }
        match cluster.evict(namespace, name, uid) {
            Ok(()) => {}
            // What this charm lacks is for the operator to grant, however long that takes.
            Err(why @ Unknown::Forbidden(_)) => return Err(why.into()),
            // A budget of the profile's own, for example.
            Err(why) => waiting.push(format!("the pod {namespace}/{name} stays: {why}")),
        }
    }
    if !left.is_empty() {
        warn!(
            "rotation of minio: the pods {} have the old key until they are restarted; they may \
             be a user's work, so that is left to their owner",
            some(&left)
        );
    }
    match waiting.is_empty() {
        true => Ok(()),
        false if attempts < PATIENCE => Err(Refusal(some(&waiting))),
        // No profile holds the platform's key up.
        false => {
            warn!(
                "rotation of minio is at its end without some profiles (CRED-10 shows them): {}",
                some(&waiting)
            );
            Ok(())
        }
    }
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
fn copies(cluster: &Cluster, namespace: &str) -> Result<Vec<Copy>, Refusal> {
    let mut namespaces = BTreeSet::from([namespace.to_owned()]);
    let mut objects = Vec::new();
    for (version, kind, path) in OF_PROFILES {
        cluster.each(path, None, |mut object: Value| {
            // A list leaves both out of its items.
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

/// Running pods that read a copy as they began, before it last changed.
fn stale(cluster: &Cluster, copies: &[Copy]) -> Result<Vec<Pod>, Refusal> {
    let copies: BTreeMap<(&str, &str), Option<Timestamp>> = copies
        .iter()
        .map(|copy| ((&*copy.metadata.namespace, &*copy.metadata.name), copy.changed()))
        .collect();
    let running = ("fieldSelector", "status.phase!=Succeeded,status.phase!=Failed");
    let mut stale = Vec::new();
    cluster.each("/api/v1/pods", Some(running), |pod: Pod| {
        let changed = |name| copies.get(&(&*pod.metadata.namespace, name));
        // Times are whole seconds: in doubt it is made anew once more.
        let is_older = |changed: &Option<Timestamp>| pod.metadata.creation_timestamp <= *changed;
        let is_stale = pod.spec.secrets().filter_map(changed).any(is_older);
        if pod.metadata.deletion_timestamp.is_none() && is_stale {
            stale.push(pod);
        }
    })?;
    Ok(stale)
}

impl From<Unknown> for Refusal {
    fn from(why: Unknown) -> Self {
        let remedy = match why {
            Unknown::Forbidden(_) => "; juju trust ckf-hardening --scope=cluster allows it",
            _ => "",
        };
        Self(format!("{why}{remedy}"))
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

/// Which fields somebody wrote, and when.
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

    /// When its values were last written.
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
    /// Names of the Secrets whose values are in its environment.
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
    /// Whether it is of the platform, and something makes it anew when it goes.
    fn is_restarted(&self) -> bool {
        let (label, value) = RESTARTED;
        let owners = &self.metadata.owner_references;
        self.metadata.labels.get(label).is_some_and(|v| v == value)
            && owners.iter().any(|owner| owner.controller && owner.kind == "ReplicaSet")
    }
}
