//! Namespaces, service accounts, nodes and the version of the API server.

use serde::{Deserialize, Serialize};

use crate::object::{Meta, object};
use crate::text::Interned;
use crate::wire::wire;

wire! {
/// A namespace.
Namespace {
    /// Metadata.
    metadata: Meta,
    /// Observed state.
    status: PhaseStatus,
}}
object!(Namespace, "v1", "Namespace");

wire! {
/// Status of an object that has a phase.
PhaseStatus {
    /// For example `Active` or `Terminating`.
    phase: Interned,
}}

wire! {
/// A service account.
ServiceAccount {
    /// Metadata.
    metadata: Meta,
}}
object!(ServiceAccount, "v1", "ServiceAccount");

wire! {
/// A node.
Node {
    /// Metadata.
    metadata: Meta,
    /// Identity of the machine.
    spec: NodeSpec,
    /// Observed state.
    status: NodeStatus,
}}
object!(Node, "v1", "Node");

wire! {
/// Spec of a node.
NodeSpec {
    /// Identifier of the machine in the cloud.
    #[serde(rename = "providerID")] provider_id: String,
    /// Addresses of its pods, CIDR, if Kubernetes gives them out.
    #[serde(rename = "podCIDRs", skip_serializing_if = "Vec::is_empty")] pod_cidrs: Vec<Interned>,
}}

wire! {
/// Status of a node.
NodeStatus {
    /// Versions.
    node_info: NodeInfo,
}}

wire! {
/// Versions on a node.
NodeInfo {
    /// Version of the kubelet.
    kubelet_version: Interned,
}}

/// Version of the API server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Version {
    /// For example `v1.32.4+canonical`.
    pub git_version: String,
}
