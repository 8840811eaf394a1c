//! What a pod belongs to, by its references and by the labels of the platform's controllers: people
//! know a Deployment, a Notebook or an InferenceService, and no pod of a generated name.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::core::Pod;
use crate::facts::object::{Meta, ObjectRef};

/// What an object belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// Kind, for example `Deployment` or `InferenceService`.
    pub kind: String,
    /// Name, in the object's namespace.
    pub name: String,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, printable::line(&self.name))
    }
}

/// Labels in which controllers name what a pod is for.
const LABELS: [(&str, &str); 4] = [
    ("serving.kserve.io/inferenceservice", "InferenceService"),
    ("notebook-name", "Notebook"),
    ("workflows.argoproj.io/workflow", "Workflow"),
    ("training.kubeflow.org/job-name", "Job"),
];

/// All that a pod belongs to: what people made first, then what controllers made of it.
pub fn owners(pod: &Meta) -> Vec<Owner> {
    let owner = |kind: &str, name: &str| Owner { kind: kind.to_owned(), name: name.to_owned() };
    let labelled = LABELS.iter().filter_map(|(label, kind)| Some(owner(kind, pod.label(label)?)));
    let mut all: Vec<Owner> = labelled.collect();
    for reference in pod.owner_references.iter() {
        // A Deployment's name is that of its ReplicaSet, without the hash of the template.
        if reference.kind == "ReplicaSet"
            && let Some((name, _)) = reference.name.rsplit_once('-')
        {
            all.push(owner("Deployment", name));
        }
        all.push(owner(&reference.kind, &reference.name));
    }
    // A training job is named with its own kind by its reference.
    if all.iter().any(|known| known.kind.ends_with("Job") && known.kind != "Job") {
        all.retain(|known| known.kind != "Job");
    }
    let mut unique: Vec<Owner> = Vec::with_capacity(all.len());
    for one in all {
        if !unique.contains(&one) {
            unique.push(one);
        }
    }
    unique
}

/// Metadata of pods by namespace and name.
pub(crate) struct Pods<'a>(HashMap<(&'a str, &'a str), &'a Meta>);

impl<'a> Pods<'a> {
    /// Of these pods.
    pub(crate) fn of(pods: &'a [Pod]) -> Self {
        let key = |pod: &'a Pod| (&*pod.metadata.namespace, pod.metadata.name.as_str());
        Self(pods.iter().map(|pod| (key(pod), &pod.metadata)).collect())
    }

    /// Of an object, if it is a pod that is there.
    pub(crate) fn get(&self, object: &ObjectRef) -> Option<&'a Meta> {
        let is_pod = object.kind == "Pod";
        is_pod
            .then(|| self.0.get(&(object.namespace.as_str(), object.name.as_str())))
            .flatten()
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn owners_of(labels: Value, references: &[(&str, &str)]) -> Vec<String> {
        let reference =
            |(kind, name): &(&str, &str)| json!({"apiVersion": "v1", "kind": kind, "name": name});
        let references: Vec<Value> = references.iter().map(reference).collect();
        let meta = json!({"name": "p", "labels": labels, "ownerReferences": references});
        let meta: Meta = serde_json::from_value(meta).unwrap();
        owners(&meta).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn pod_belongs_to_its_controllers_and_their_owner() {
        assert_eq!(
            owners_of(json!({}), &[("ReplicaSet", "ml-pipeline-ui-artifact-6d4cf56db6")]),
            ["Deployment ml-pipeline-ui-artifact", "ReplicaSet ml-pipeline-ui-artifact-6d4cf56db6"]
        );
        assert_eq!(
            owners_of(json!({"notebook-name": "nb1"}), &[("StatefulSet", "nb1")]),
            ["Notebook nb1", "StatefulSet nb1"]
        );
        assert_eq!(
            owners_of(
                json!({"workflows.argoproj.io/workflow": "train-x1"}),
                &[("Workflow", "train-x1")]
            ),
            ["Workflow train-x1"]
        );
        assert_eq!(
            owners_of(
                json!({"training.kubeflow.org/job-name": "mnist"}),
                &[("PyTorchJob", "mnist")]
            ),
            ["PyTorchJob mnist"]
        );
        let model = json!({"serving.kserve.io/inferenceservice": "iris"});
        let of_model = owners_of(model, &[("ReplicaSet", "iris-predictor-00001-deployment-7b9c8")]);
        assert_eq!(of_model[0], "InferenceService iris");
        assert_eq!(of_model[1], "Deployment iris-predictor-00001-deployment");
        assert_eq!(owners_of(json!({}), &[]), [""; 0]);
    }
}
