//! Kubernetes' own kinds: pods, services, workloads, namespaces, nodes,
//! network policies and webhooks.

use serde::{Deserialize, Deserializer, Serialize};

use super::labels::{LabelSelector, Labels};
use super::object::{Meta, object};
use super::shared::Shared;
use super::text::Text;

macro_rules! wire {
    ($(#[$meta:meta])* $name:ident { $($(#[$fmeta:meta])* $field:ident : $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name { $($(#[$fmeta])* pub $field: $type,)* }
    };
}
pub(crate) use wire;

wire! {
/// A pod.
Pod {
    /// Metadata.
    metadata: Meta,
    /// What was asked for.
    spec: Shared<PodSpec>,
    /// What is.
    status: Shared<PodStatus>,
}}
object!(Pod, "v1", "Pod");

wire! {
/// What a pod asks for.
PodSpec {
    /// Service account it runs as.
    service_account_name: Text,
    /// Whether it uses the node's network.
    #[serde(skip_serializing_if = "std::ops::Not::not")] host_network: bool,
    /// Whether it sees the node's processes.
    #[serde(rename = "hostPID", skip_serializing_if = "std::ops::Not::not")] host_pid: bool,
    /// Whether it shares the node's inter-process communication.
    #[serde(rename = "hostIPC", skip_serializing_if = "std::ops::Not::not")] host_ipc: bool,
    /// Security settings of all its containers.
    security_context: SecurityContext,
    /// Containers.
    containers: Vec<Container>,
    /// Containers that run first, and native sidecars.
    #[serde(skip_serializing_if = "Vec::is_empty")] init_containers: Vec<Container>,
    /// Containers added for debugging.
    #[serde(skip_serializing_if = "Vec::is_empty")] ephemeral_containers: Vec<Container>,
    /// Volumes.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "of_the_host")] volumes: Vec<Volume>,
}}

wire! {
/// A volume; only those of the node are kept.
Volume {
    /// Name.
    name: Text,
    /// Path on the node, for such a volume.
    #[serde(skip_serializing_if = "Option::is_none")] host_path: Option<HostPath>,
}}

fn of_the_host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Volume>, D::Error> {
    let mut volumes = Vec::<Volume>::deserialize(deserializer)?;
    volumes.retain(|volume| volume.host_path.is_some());
    volumes.shrink_to_fit();
    Ok(volumes)
}

wire! {
/// A path on the node.
HostPath {
    /// The path.
    path: Text,
}}

wire! {
/// A container of a pod.
Container {
    /// Name.
    name: Text,
    /// Image reference.
    image: Text,
    /// `Always`, `IfNotPresent` or `Never`.
    image_pull_policy: Text,
    /// Security settings.
    #[serde(skip_serializing_if = "Option::is_none")] security_context: Option<SecurityContext>,
    /// Ports.
    #[serde(skip_serializing_if = "Vec::is_empty")] ports: Vec<ContainerPort>,
}}

wire! {
/// A port of a container.
ContainerPort {
    /// Name.
    name: Text,
    /// Number.
    container_port: u16,
    /// Port on the node; 0 for none.
    #[serde(skip_serializing_if = "is_zero")] host_port: u16,
}}

fn is_zero(value: &u16) -> bool {
    *value == 0
}

wire! {
/// Security settings of a pod or container.
SecurityContext {
    /// Whether it may do all that the node's root may.
    #[serde(skip_serializing_if = "Option::is_none")] privileged: Option<bool>,
    /// User id.
    #[serde(skip_serializing_if = "Option::is_none")] run_as_user: Option<i64>,
    /// Whether user id 0 is refused.
    #[serde(skip_serializing_if = "Option::is_none")] run_as_non_root: Option<bool>,
    /// Linux capabilities.
    #[serde(skip_serializing_if = "Option::is_none")] capabilities: Option<Capabilities>,
}}

wire! {
/// Linux capabilities of a container.
Capabilities {
    /// Those added to the default.
    add: Vec<Text>,
}}

wire! {
/// What a pod is.
PodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    phase: Text,
    /// Conditions.
    conditions: Vec<Condition>,
    /// Status of containers.
    container_statuses: Vec<ContainerStatus>,
    /// Status of init containers.
    #[serde(skip_serializing_if = "Vec::is_empty")] init_container_statuses: Vec<ContainerStatus>,
    /// Status of ephemeral containers.
    #[serde(skip_serializing_if = "Vec::is_empty")] ephemeral_container_statuses: Vec<ContainerStatus>,
}}

wire! {
/// A condition of an object.
Condition {
    /// Type.
    #[serde(rename = "type")] kind: Text,
    /// `True`, `False` or `Unknown`.
    status: Text,
    /// Words for people.
    #[serde(skip_serializing_if = "str::is_empty")] message: Text,
}}

wire! {
/// The image that a container runs.
ContainerStatus {
    /// Name of the container.
    name: Text,
    /// Image as the runtime resolved it; empty before it started.
    #[serde(rename = "imageID")] image_id: Text,
}}

impl Pod {
    /// All containers: init, regular and ephemeral.
    pub fn all_containers(&self) -> impl Iterator<Item = &Container> {
        let spec = &self.spec;
        spec.init_containers.iter().chain(&spec.containers).chain(&spec.ephemeral_containers)
    }

    /// The image that a container runs, if it has started.
    pub fn image_id(&self, container: &str) -> Option<&str> {
        let status = &self.status;
        status
            .container_statuses
            .iter()
            .chain(&status.init_container_statuses)
            .chain(&status.ephemeral_container_statuses)
            .find(|s| s.name == container)
            .map(|s| &*s.image_id)
            .filter(|id| !id.is_empty())
    }

    /// Whether its Ready condition is true.
    pub fn is_ready(&self) -> bool {
        self.status.conditions.iter().any(|c| c.kind == "Ready" && c.status == "True")
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        matches!(&*self.status.phase, "Succeeded" | "Failed")
    }

    /// Whether it is in the mesh by a sidecar.
    pub fn has_sidecar(&self) -> bool {
        self.all_containers().any(|c| c.name == "istio-proxy")
    }

    /// The number of a named container port.
    pub fn named_port(&self, name: &str) -> Option<u16> {
        self.all_containers()
            .flat_map(|c| &c.ports)
            .find(|p| p.name == name)
            .map(|p| p.container_port)
    }
}

wire! {
/// A service.
Service {
    /// Metadata.
    metadata: Meta,
    /// What it does.
    spec: ServiceSpec,
    /// What a load balancer gave it.
    #[serde(skip_serializing_if = "is_default")] status: ServiceStatus,
}}
object!(Service, "v1", "Service");

wire! {
/// What a service does.
ServiceSpec {
    /// `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`.
    #[serde(rename = "type")] kind: Text,
    /// Labels of its pods; without any it selects none.
    selector: Labels,
    /// Ports.
    ports: Vec<ServicePort>,
    /// Addresses that a load balancer admits.
    #[serde(skip_serializing_if = "Vec::is_empty")] load_balancer_source_ranges: Vec<Text>,
    /// Addresses in the cluster; `None` for a headless one.
    #[serde(rename = "clusterIPs", skip_serializing_if = "Vec::is_empty")] cluster_ips: Vec<Text>,
    /// Addresses of nodes on which it answers.
    #[serde(rename = "externalIPs", skip_serializing_if = "Vec::is_empty")] external_ips: Vec<Text>,
}}

wire! {
/// A port of a service.
ServicePort {
    /// Number.
    port: u16,
    /// Port of the pods, by number or name; the same number if absent.
    #[serde(skip_serializing_if = "Option::is_none")] target_port: Option<PortRef>,
}}

wire! {
/// What a service got.
ServiceStatus {
    /// From a load balancer.
    load_balancer: LoadBalancer,
}}

wire! {
/// A load balancer's answer.
LoadBalancer {
    /// Where it listens.
    ingress: Vec<IngressPoint>,
}}

wire! {
/// Where a load balancer listens.
IngressPoint {
    /// Address.
    #[serde(skip_serializing_if = "Option::is_none")] ip: Option<Text>,
    /// Host name.
    #[serde(skip_serializing_if = "Option::is_none")] hostname: Option<Text>,
}}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A port by number or name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PortRef {
    /// Number.
    Number(u16),
    /// Name of a container's port.
    Name(Text),
}

impl Service {
    /// Whether it leads to an ingress gateway: istio-pilot's, or one of the Gateway API.
    pub fn is_ingress_gateway(&self) -> bool {
        self.spec.selector.get("istio").is_some_and(|value| **value == *"ingressgateway")
            || self.spec.selector.get("gateway.networking.k8s.io/gateway-name").is_some()
    }

    /// Addresses and host names on which it answers, those outside the cluster last if
    /// those within are wanted at all.
    pub fn addresses(&self, within: bool) -> Vec<String> {
        let own = self.spec.cluster_ips.iter().filter(|ip| within && **ip != "None");
        let ingress = &self.status.load_balancer.ingress;
        let given = ingress.iter().flat_map(|point| point.ip.iter().chain(&point.hostname));
        own.chain(given).chain(&self.spec.external_ips).map(ToString::to_string).collect()
    }

    /// Whether it answers outside the cluster.
    pub fn is_exposed(&self) -> bool {
        matches!(&*self.spec.kind, "LoadBalancer" | "NodePort")
            || !self.spec.external_ips.is_empty()
    }

    /// Whether it selects a pod of its namespace with these labels.
    pub fn selects(&self, namespace: &str, labels: &Labels) -> bool {
        self.metadata.namespace == namespace
            && !self.spec.selector.is_empty()
            && labels.include(&self.spec.selector)
    }
}

macro_rules! workload {
    ($(#[$meta:meta])* $name:ident, $kind:literal) => {
        wire! { $(#[$meta])* $name {
            /// Metadata.
            metadata: Meta,
            /// What it runs.
            spec: WorkloadSpec,
            /// How far it is.
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
/// What a workload runs.
WorkloadSpec {
    /// The pods that it makes.
    template: PodTemplate,
}}

wire! {
/// The pods that a workload makes.
PodTemplate {
    /// Metadata.
    metadata: Meta,
    /// What they ask for.
    spec: Shared<PodSpec>,
}}

wire! {
/// How far a workload is.
WorkloadStatus {
    /// Ready pods.
    ready_replicas: i64,
    /// Pods that are ready, of a DaemonSet.
    number_ready: i64,
    /// Pods that should be, of a DaemonSet.
    desired_number_scheduled: i64,
}}

wire! {
/// A namespace.
Namespace {
    /// Metadata.
    metadata: Meta,
    /// What is.
    status: PhaseStatus,
}}
object!(Namespace, "v1", "Namespace");

wire! {
/// A phase.
PhaseStatus {
    /// For example `Active` or `Terminating`.
    phase: Text,
}}

wire! {
/// A service account.
ServiceAccount {
    /// Metadata.
    metadata: Meta,
}}
object!(ServiceAccount, "v1", "ServiceAccount");

wire! {
/// A ConfigMap, of those few that are read.
ConfigMap {
    /// Metadata.
    metadata: Meta,
    /// Contents.
    data: std::collections::BTreeMap<String, String>,
}}
object!(ConfigMap, "v1", "ConfigMap");

wire! {
/// A node.
Node {
    /// Metadata.
    metadata: Meta,
    /// What it is.
    spec: NodeSpec,
    /// What runs on it.
    status: NodeStatus,
}}
object!(Node, "v1", "Node");

wire! {
/// What a node is.
NodeSpec {
    /// The cloud's name for it.
    #[serde(rename = "providerID")] provider_id: String,
}}

wire! {
/// What runs on a node.
NodeStatus {
    /// Versions.
    node_info: NodeInfo,
}}

wire! {
/// Versions on a node.
NodeInfo {
    /// Version of the kubelet.
    kubelet_version: Text,
}}

wire! {
/// A network policy.
NetworkPolicy {
    /// Metadata.
    metadata: Meta,
    /// What it selects and admits.
    spec: NetworkPolicySpec,
}}
object!(NetworkPolicy, "networking.k8s.io/v1", "NetworkPolicy");

wire! {
/// What a network policy selects and admits.
NetworkPolicySpec {
    /// Pods of its namespace.
    pod_selector: LabelSelector,
    /// `Ingress`, `Egress`; without any it is for ingress.
    policy_types: Vec<Text>,
    /// What may come in.
    ingress: Vec<IngressRule>,
}}

wire! {
/// What may come in.
IngressRule {
    /// From where; from everywhere if empty.
    from: Vec<Peer>,
    /// To which ports; to all if empty.
    ports: Vec<PolicyPort>,
}}

wire! {
/// Where traffic comes from.
Peer {
    /// Pods, of the policy's namespace if no namespace selector is given.
    #[serde(skip_serializing_if = "Option::is_none")] pod_selector: Option<LabelSelector>,
    /// Namespaces.
    #[serde(skip_serializing_if = "Option::is_none")] namespace_selector: Option<LabelSelector>,
    /// Addresses.
    #[serde(skip_serializing_if = "Option::is_none")] ip_block: Option<IpBlock>,
}}

wire! {
/// A range of addresses.
IpBlock {
    /// The range.
    cidr: Text,
}}

wire! {
/// A port, or a range of them.
PolicyPort {
    /// The port; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")] port: Option<PortRef>,
    /// The last of a range.
    #[serde(skip_serializing_if = "Option::is_none")] end_port: Option<u16>,
}}

macro_rules! webhook_configuration {
    ($(#[$meta:meta])* $name:ident, $kind:literal) => {
        wire! { $(#[$meta])* $name {
            /// Metadata.
            metadata: Meta,
            /// Webhooks.
            webhooks: Vec<Webhook>,
        }}
        object!($name, "admissionregistration.k8s.io/v1", $kind);
    };
}
webhook_configuration!(/// Webhooks that change objects.
    MutatingWebhookConfiguration, "MutatingWebhookConfiguration");
webhook_configuration!(/// Webhooks that refuse objects.
    ValidatingWebhookConfiguration, "ValidatingWebhookConfiguration");

wire! {
/// An admission webhook.
Webhook {
    /// Name.
    name: Text,
    /// `Fail` or `Ignore`.
    failure_policy: Text,
    /// Where it is.
    client_config: ClientConfig,
}}

wire! {
/// Where a webhook is.
ClientConfig {
    /// CA certificates, PEM in base64.
    ca_bundle: String,
    /// Service in the cluster.
    #[serde(skip_serializing_if = "Option::is_none")] service: Option<ServiceRef>,
}}

wire! {
/// A service by name.
ServiceRef {
    /// Namespace.
    namespace: Text,
    /// Name.
    name: Text,
}}

wire! {
/// A custom resource definition, by name only.
CustomResourceDefinition {
    /// Metadata.
    metadata: Meta,
}}
object!(CustomResourceDefinition, "apiextensions.k8s.io/v1", "CustomResourceDefinition");

/// The version of the API server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Version {
    /// For example `v1.32.4+canonical`.
    pub git_version: String,
}
