//! Detects Charmed Kubeflow in its namespace: an audit of a namespace without it would pass many
//! controls for lack of objects.

use std::collections::BTreeSet;

use super::Facts;
use super::known::Known;

/// Application names specific to Charmed Kubeflow; every release has at least one of them.
const APPLICATIONS: [&str; 8] = [
    "dex-auth",
    "istio-pilot",
    "jupyter-controller",
    "katib-controller",
    "kfp-api",
    "kubeflow-dashboard",
    "kubeflow-profiles",
    "kubeflow-roles",
];

/// Deployments of upstream Kubeflow's manifests: the charms have StatefulSets of other names.
const UPSTREAM: [&str; 4] = [
    "centraldashboard",
    "jupyter-web-app-deployment",
    "notebook-controller-deployment",
    "profiles-deployment",
];

/// Charmed Kubeflow is not in the expected namespace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlatform {
    /// The namespace does not exist.
    #[error("no namespace {namespace}; Charmed Kubeflow is in: {}", platforms.join(", "))]
    NoNamespace {
        /// Name of the namespace.
        namespace: String,
        /// Namespaces with Charmed Kubeflow.
        platforms: Vec<String>,
    },
    /// The namespace exists, but has none of the applications.
    #[error("no Charmed Kubeflow in namespace {namespace}; it is in: {}", platforms.join(", "))]
    Elsewhere {
        /// Name of the namespace.
        namespace: String,
        /// Namespaces with Charmed Kubeflow.
        platforms: Vec<String>,
    },
    /// The cluster has Kubeflow, but not the charmed one.
    #[error(
        "this is upstream Kubeflow (Deployment {deployment}), not Charmed Kubeflow, which is \
         deployed by Juju: its security guide does not apply, so nothing was assessed"
    )]
    Upstream {
        /// Namespace and name of a Deployment that only upstream has.
        deployment: String,
    },
    /// No namespace of the cluster has any of the applications.
    #[error(
        "no Charmed Kubeflow in this cluster: no namespace has one of its applications, such as \
         kubeflow-profiles; check --context and --kubeconfig"
    )]
    Nowhere,
}

/// Looks for the platform in its namespace. Kinds that could not be read count as present.
///
/// # Errors
///
/// Pods and StatefulSets were read, and none in the namespace is the platform's.
pub fn look(facts: &Facts) -> Result<(), NoPlatform> {
    let (Known::Known(pods), Known::Known(sets)) = (&facts.pods, &facts.stateful_sets) else {
        return Ok(());
    };
    let is_known = |name: &str| APPLICATIONS.contains(&name);
    let pods = pods.items.iter().map(|pod| &pod.metadata);
    let pods = pods.filter(|meta| meta.label("app.kubernetes.io/name").is_some_and(is_known));
    let sets = sets.items.iter().map(|set| &set.metadata);
    let sets = sets.filter(|meta| is_known(&meta.name));
    let platforms: BTreeSet<&str> = pods.chain(sets).map(|meta| &*meta.namespace).collect();
    let namespace = facts.about.namespace.clone();
    if platforms.contains(namespace.as_str()) {
        return Ok(());
    }
    let platforms: Vec<String> = platforms.into_iter().map(str::to_owned).collect();
    if platforms.is_empty() {
        return Err(upstream(facts).unwrap_or(NoPlatform::Nowhere));
    }
    let is_there = match &facts.namespaces {
        Known::Known(all) => all.items.iter().any(|one| one.metadata.name == namespace),
        Known::Unknown(_) => true,
    };
    Err(match is_there {
        true => NoPlatform::Elsewhere { namespace, platforms },
        false => NoPlatform::NoNamespace { namespace, platforms },
    })
}

fn upstream(facts: &Facts) -> Option<NoPlatform> {
    let Known::Known(deployments) = &facts.deployments else {
        return None;
    };
    let metas = deployments.items.iter().map(|deployment| &deployment.metadata);
    let found = metas.into_iter().find(|meta| UPSTREAM.contains(&&*meta.name));
    found.map(|meta| NoPlatform::Upstream {
        deployment: format!("{}/{}", meta.namespace, meta.name),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::About;
    use crate::known::Unknown;

    fn facts(namespace: &str, objects: &[Value]) -> Facts {
        let about = About { namespace: namespace.into(), ..About::default() };
        Facts::from_objects(about, objects)
    }

    fn platform() -> [Value; 3] {
        let namespace = |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        [
            namespace("kubeflow"),
            namespace("default"),
            json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
                "metadata": {"name": "dex-auth", "namespace": "kubeflow"}, "spec": {}}),
        ]
    }

    #[test]
    fn platform_elsewhere_is_an_error() {
        let at = |namespace: &str| look(&facts(namespace, &platform())).map_err(|e| e.to_string());
        assert_eq!(at("kubeflow"), Ok(()));
        assert_eq!(at("nope").unwrap_err(), "no namespace nope; Charmed Kubeflow is in: kubeflow");
        assert_eq!(
            at("default").unwrap_err(),
            "no Charmed Kubeflow in namespace default; it is in: kubeflow"
        );
        let mut objects = platform()[..2].to_vec();
        objects.push(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata":
            {"name": "centraldashboard", "namespace": "kubeflow"}, "spec": {}}));
        let upstream = look(&facts("kubeflow", &objects)).unwrap_err().to_string();
        assert!(upstream.starts_with("this is upstream Kubeflow (Deployment kubeflow/central"));
        let nowhere = look(&facts("kubeflow", &platform()[..2]));
        assert_eq!(nowhere, Err(NoPlatform::Nowhere));
    }

    #[test]
    fn unknown_kinds_are_no_error() {
        let mut facts = facts("nope", &platform());
        facts.pods = Known::Unknown(Unknown::NotCollected);
        assert_eq!(look(&facts), Ok(()));
    }
}
