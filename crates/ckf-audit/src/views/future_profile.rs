//! The namespace of a profile that does not exist yet.

use crate::facts::labels::Labels;
use crate::facts::profiles::PART_OF;

/// A namespace of a profile that a user makes tomorrow.
pub const TOMORROW: &str = "0-zq7";

/// Labels of the namespace of a profile that a user makes tomorrow, as the profile controller
/// writes them.
pub fn future_profile() -> Labels {
    let labels = [
        ("kubernetes.io/metadata.name", TOMORROW),
        (PART_OF.0, PART_OF.1),
        ("istio-injection", "enabled"),
        ("user.kubeflow.org/enabled", "true"),
        ("pipelines.kubeflow.org/enabled", "true"),
        ("katib.kubeflow.org/metrics-collector-injection", "enabled"),
        ("katib-metricscollector-injection", "enabled"),
        ("serving.kubeflow.org/inferenceservice", "enabled"),
        ("namespace-node-affinity", "enabled"),
    ];
    Labels::from_iter(labels.map(|(key, value)| (key.into(), value.into())))
}
