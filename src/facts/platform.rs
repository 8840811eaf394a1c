//! Whether Charmed Kubeflow is where it is looked for: a report on a namespace without it would
//! say that much holds, for there is nothing that does not.

use std::collections::BTreeSet;

use super::Facts;
use super::known::Known;

/// Applications that no other product deploys by these names, one of which every release has.
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

/// Charmed Kubeflow is not where it was looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlatform {
    /// There is no such namespace.
    #[error("no namespace {namespace}; Charmed Kubeflow was found in: {}", found.join(", "))]
    NoNamespace {
        /// Its name.
        namespace: String,
        /// Namespaces that have it.
        found: Vec<String>,
    },
    /// The namespace has none of its applications.
    #[error("no Charmed Kubeflow in namespace {namespace}; it was found in: {}", found.join(", "))]
    Elsewhere {
        /// The namespace.
        namespace: String,
        /// Namespaces that have it.
        found: Vec<String>,
    },
    /// No namespace of the cluster has any of its applications.
    #[error(
        "no Charmed Kubeflow in this cluster: no namespace has an application of it, such as \
         kubeflow-profiles; check --context and --kubeconfig"
    )]
    Nowhere,
}

/// Looks for the platform in its namespace. What could not be read proves nothing.
///
/// # Errors
///
/// All pods and StatefulSets could be read, and none of the namespace is the platform's.
pub fn look(facts: &Facts) -> Result<(), NoPlatform> {
    let (Known::Known(pods), Known::Known(sets)) = (&facts.pods, &facts.stateful_sets) else {
        return Ok(());
    };
    let is_known = |name: &str| APPLICATIONS.contains(&name);
    let pods = pods.items.iter().map(|pod| &pod.metadata);
    let pods = pods.filter(|meta| meta.label("app.kubernetes.io/name").is_some_and(is_known));
    let sets = sets.items.iter().map(|set| &set.metadata);
    let sets = sets.filter(|meta| is_known(&meta.name));
    let found: BTreeSet<&str> = pods.chain(sets).map(|meta| &*meta.namespace).collect();
    let namespace = facts.about.namespace.clone();
    if found.contains(namespace.as_str()) {
        return Ok(());
    }
    let found: Vec<String> = found.into_iter().map(str::to_owned).collect();
    if found.is_empty() {
        return Err(NoPlatform::Nowhere);
    }
    let is_there = match &facts.namespaces {
        Known::Known(all) => all.items.iter().any(|one| one.metadata.name == namespace),
        Known::Unknown(_) => true,
    };
    Err(match is_there {
        true => NoPlatform::Elsewhere { namespace, found },
        false => NoPlatform::NoNamespace { namespace, found },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::facts::About;
    use crate::facts::known::Unknown;

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
    fn platform_is_looked_for_where_it_is_said_to_be() {
        let at = |namespace: &str| look(&facts(namespace, &platform())).map_err(|e| e.to_string());
        assert_eq!(at("kubeflow"), Ok(()));
        assert_eq!(
            at("nope").unwrap_err(),
            "no namespace nope; Charmed Kubeflow was found in: kubeflow"
        );
        assert_eq!(
            at("default").unwrap_err(),
            "no Charmed Kubeflow in namespace default; it was found in: kubeflow"
        );
        let nowhere = look(&facts("kubeflow", &platform()[..2]));
        assert_eq!(nowhere, Err(NoPlatform::Nowhere));
    }

    #[test]
    fn kinds_that_were_not_read_prove_nothing() {
        let mut facts = facts("nope", &platform());
        facts.pods = Known::Unknown(Unknown::NotCollected);
        assert_eq!(look(&facts), Ok(()));
    }
}
