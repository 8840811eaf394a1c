//! The mesh: its way in where it is ambient, and the scope of its PeerAuthentications.

use crate::facts::core::Pod;
use crate::facts::istio::{AmbientGateway, PeerAuthentication};
use crate::views::ingress::Ingress;
use crate::views::{Context, MissingFact};

/// The way into an ambient mesh.
pub fn ambient_ingress<'a>(context: &Context<'a>) -> Result<Vec<&'a AmbientGateway>, MissingFact> {
    let gateways = context.ambient_gateways()?.iter();
    Ok(gateways
        .filter(|g| {
            g.metadata.namespace == *context.namespace()
                && g.spec.gateway_class_name != "istio-waypoint"
        })
        .collect())
}

/// Whether the platform is in an ambient mesh, whose way in is no Istio Gateway.
pub fn is_ambient(context: &Context<'_>, ingress: &Ingress<'_>) -> Result<bool, MissingFact> {
    Ok(!ingress.exists() && !ambient_ingress(context)?.is_empty())
}

/// Owners whose pods Kubeflow itself starts outside of the mesh, since a sidecar that does not end
/// would keep a job from ending: API group and kind.
const JOBS: &[(&str, &str)] = &[
    ("argoproj.io", "Workflow"),
    ("kubeflow.org", "JAXJob"),
    ("kubeflow.org", "MPIJob"),
    ("kubeflow.org", "PaddleJob"),
    ("kubeflow.org", "PyTorchJob"),
    ("kubeflow.org", "TFJob"),
    ("kubeflow.org", "XGBoostJob"),
];
/// Labels of the pods of Jobs that Katib and the Trainer start, likewise.
const OF_JOBS: &[&str] = &["katib.kubeflow.org/trial", "jobset.sigs.k8s.io/jobset-name"];

/// Whether a pod is of a pipeline's run or a training job, which Kubeflow keeps out of the mesh.
pub fn is_of_job(pod: &Pod) -> bool {
    pod.metadata.owner_references.iter().any(|owner| {
        let group = owner.api_version.split('/').next().unwrap_or_default();
        JOBS.contains(&(group, &*owner.kind))
            || (group == "batch"
                && owner.kind == "Job"
                && OF_JOBS.iter().any(|label| pod.metadata.label(label).is_some()))
    })
}

pub(crate) fn is_for_all(policy: &PeerAuthentication) -> bool {
    policy.spec.selector.as_ref().is_none_or(|s| s.match_labels.is_empty())
}
