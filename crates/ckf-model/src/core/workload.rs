//! StatefulSets, Deployments and DaemonSets.

use serde::{Deserialize, Serialize};

use super::pod::PodSpec;
use crate::object::{Meta, object};
use crate::shared::SharedValue;
use crate::wire::wire;

macro_rules! workload {
    ($(#[$meta:meta])* $name:ident, $kind:literal) => {
        wire! { $(#[$meta])* $name {
            /// Metadata.
            metadata: Meta,
            /// Desired state.
            spec: WorkloadSpec,
            /// Observed state.
            status: WorkloadStatus,
        }}
        object!($name, "apps/v1", $kind);
    };
}
workload!(/// A StatefulSet.
    StatefulSet, "StatefulSet");
workload!(/// A Deployment.
    Deployment, "Deployment");
workload!(/// A DaemonSet.
    DaemonSet, "DaemonSet");

wire! {
/// Spec of a workload.
WorkloadSpec {
    /// Template of its pods.
    template: PodTemplate,
}}

wire! {
/// Pod template of a workload.
PodTemplate {
    /// Metadata.
    metadata: Meta,
    /// Spec of the pods.
    spec: SharedValue<PodSpec>,
}}

wire! {
/// Status of a workload.
WorkloadStatus {
    /// Ready pods of a StatefulSet or Deployment.
    ready_replicas: i64,
    /// Ready pods of a DaemonSet.
    number_ready: i64,
    /// Desired pods of a DaemonSet.
    desired_number_scheduled: i64,
}}
