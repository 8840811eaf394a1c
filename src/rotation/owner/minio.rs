//! The key of MinIO's root user: an option of `minio`, which the charms of the
//! platform copy into Secrets. It has settled when all copies are equal and the pods
//! that the platform runs with an older one were made anew.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use juju_client::Password;
use log::warn;
use serde::Deserialize;
use serde_json::Value;

use super::{Applied, Change, Owners, Refusal, prepared};
use crate::cluster::Cluster;
use crate::facts::juju::charm;
use crate::facts::known::Unknown;
use crate::facts::profiles;
use crate::facts::secret::Plain;

const CHARM: &str = "minio";
const USERNAME: &str = "access-key";
const PASSWORD: &str = "secret-key";
/// The user if no option names one.
const DEFAULT_USERNAME: &str = "minio";
/// The Secret that pipelines read, in the platform's namespace and in each profile.
const ARTIFACT: &str = "mlpipeline-minio-artifact";
/// The Secret that the copies in profiles are made from.
const CONTROLLER: &str = "kfp-profile-controller-minio-credentials";
/// What tells which namespaces are a profile's: version, kind and path.
const OF_PROFILES: [(&str, &str, &str); 2] = [
    ("v1", "Namespace", "/api/v1/namespaces"),
    (
        "kubeflow.org/v1",
        "Profile",
        "/apis/kubeflow.org/v1/profiles",
    ),
];
/// The pods that are made anew: the platform's own, which hold nothing of a user's.
/// Notebooks and pipelines are left to whoever runs them.
const RESTARTED: (&str, &str) = ("app", "ml-pipeline-ui-artifact");
/// How many objects a message names.
const NAMED: usize = 5;

pub(super) fn apply(change: &Change<'_>, owners: &mut dyn Owners) -> Result<Applied, Refusal> {
    let new = prepared(change)?;
    // What cannot be seen to its end is not begun.
    let namespace = owners.namespace().to_owned();
    copies(owners.cluster()?, &namespace)?;
    let model = owners.model()?;
    let status = model.status()?;
    let mut applications = status.applications.iter();
    let application = applications.find(|(_, known)| charm(&known.charm).0 == CHARM);
    let Some((application, _)) = application else {
        return Err(Refusal(format!(
            "no application of the model is of the charm {CHARM}; take minio out of the option rotate"
        )));
    };
    let config = model.application_config(application)?;
    let username = config.text(USERNAME);
    // Setting what holds would restart MinIO for nothing.
    if config.text(PASSWORD).as_ref() != Some(new) {
        model.set_application_config(application, &BTreeMap::from([(PASSWORD, new)]))?;
    }
    Ok(Applied {
        username: username.map_or(DEFAULT_USERNAME.into(), |name| name.expose().to_owned()),
        ..Applied::default()
    })
}

pub(super) fn settle(published: &Password, owners: &mut dyn Owners) -> Result<(), Refusal> {
    let namespace = owners.namespace().to_owned();
    let cluster = owners.cluster()?;
    let copies = copies(cluster, &namespace)?;
    let others = copies.iter().filter(|copy| !copy.holds(published));
    let others: Vec<String> = others.map(Copy::to_string).collect();
    if !others.is_empty() {
        return Err(Refusal(format!(
            "the Secrets {} do not hold the new key yet; if that stays so, restart kfp-profile-controller \
             and see that the relations of minio are up",
            some(&others)
        )));
    }
    let mut left = Vec::new();
    let mut refused = None;
    for pod in stale(cluster, &copies)? {
        let Meta {
            namespace,
            name,
            uid,
            ..
        } = &pod.metadata;
        match pod.is_restarted() {
            true => refused = cluster.evict(namespace, name, uid).err().or(refused),
            false => left.push(format!("{namespace}/{name}")),
        }
    }
    if let Some(why) = refused {
        return Err(why.into());
    }
    if !left.is_empty() {
        warn!(
            "rotation of minio: the pods {} have the old key until they are restarted; they may \
             be a user's work, so that is left to their owner",
            some(&left)
        );
    }
    Ok(())
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
        cluster.each(
            "/api/v1/secrets",
            Some(("fieldSelector", &selector)),
            |copy: Copy| {
                let is_of_platform = copy.metadata.namespace == namespace;
                let is_of_profile =
                    name == ARTIFACT && namespaces.contains(&copy.metadata.namespace);
                if is_of_platform || is_of_profile {
                    copies.push(copy);
                }
            },
        )?;
    }
    Ok(copies)
}

/// Running pods that read a copy as they began, before it last changed.
fn stale(cluster: &Cluster, copies: &[Copy]) -> Result<Vec<Pod>, Refusal> {
    let copies: BTreeMap<(&str, &str), Option<Timestamp>> = copies
        .iter()
        .map(|copy| {
            (
                (&*copy.metadata.namespace, &*copy.metadata.name),
                copy.changed(),
            )
        })
        .collect();
    let running = (
        "fieldSelector",
        "status.phase!=Succeeded,status.phase!=Failed",
    );
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
            && owners
                .iter()
                .any(|owner| owner.controller && owner.kind == "ReplicaSet")
    }
}
