//! Built-in kinds of Kubernetes: pods, services, workloads, namespaces, nodes, network policies
//! and webhooks.

use serde::{Deserialize, Serialize};

use super::crypto_material::{CryptoMaterial, in_arguments, in_variables};
use super::labels::{LabelSelector, Labels};
use super::object::{Meta, object};
use super::pod_security::{
    Handler, Lifecycle, PodOs, SeLinuxOptions, SecurityProfile, Sysctl, Volume, WindowsOptions,
    elsewhere, hooks, refused,
};
use super::shared::SharedValue;
use super::text::Interned;
use super::wire::wire;

wire! {
/// A pod.
Pod {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: SharedValue<PodSpec>,
    /// Observed state.
    status: SharedValue<PodStatus>,
}}
object!(Pod, "v1", "Pod");

wire! {
/// Spec of a pod.
PodSpec {
    /// Service account it runs as.
    service_account_name: Interned,
    /// Whether it uses the node's network namespace.
    #[serde(skip_serializing_if = "std::ops::Not::not")] host_network: bool,
    /// Whether it uses the node's PID namespace.
    #[serde(rename = "hostPID", skip_serializing_if = "std::ops::Not::not")] host_pid: bool,
    /// Whether it uses the node's IPC namespace.
    #[serde(rename = "hostIPC", skip_serializing_if = "std::ops::Not::not")] host_ipc: bool,
    /// Security context of the pod.
    security_context: SecurityContext,
    /// Containers.
    containers: Vec<Container>,
    /// Init containers, including native sidecars.
    #[serde(skip_serializing_if = "Vec::is_empty")] init_containers: Vec<Container>,
    /// Ephemeral containers, added for debugging.
    #[serde(skip_serializing_if = "Vec::is_empty")] ephemeral_containers: Vec<Container>,
    /// Volumes of types that the restricted standard refuses.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "refused")] volumes: Vec<Volume>,
    /// Whether its users are the node's; so they are if absent.
    #[serde(skip_serializing_if = "Option::is_none")] host_users: Option<bool>,
    /// Operating system, if it is named.
    #[serde(skip_serializing_if = "Option::is_none")] os: Option<PodOs>,
}}

wire! {
/// A container of a pod.
Container {
    /// Name.
    name: Interned,
    /// Image reference.
    image: Interned,
    /// `Always`, `IfNotPresent` or `Never`.
    image_pull_policy: Interned,
    /// Security context of the container.
    #[serde(skip_serializing_if = "Option::is_none")] security_context: Option<SecurityContext>,
    /// Ports.
    #[serde(skip_serializing_if = "Vec::is_empty")] ports: Vec<ContainerPort>,
    /// Liveness probe, if it connects to another host.
    #[serde(deserialize_with = "elsewhere", skip_serializing_if = "Option::is_none")] liveness_probe: Option<Handler>,
    /// Readiness probe, if it connects to another host.
    #[serde(deserialize_with = "elsewhere", skip_serializing_if = "Option::is_none")] readiness_probe: Option<Handler>,
    /// Startup probe, if it connects to another host.
    #[serde(deserialize_with = "elsewhere", skip_serializing_if = "Option::is_none")] startup_probe: Option<Handler>,
    /// Hooks of its life that connect to another host.
    #[serde(deserialize_with = "hooks", skip_serializing_if = "Option::is_none")] lifecycle: Option<Lifecycle>,
    /// Certificates and private keys in its variables.
    #[serde(deserialize_with = "in_variables", skip_serializing_if = "Option::is_none")] env: Option<Box<[CryptoMaterial]>>,
    /// The same in its arguments.
    #[serde(deserialize_with = "in_arguments", skip_serializing_if = "Option::is_none")] args: Option<Box<[CryptoMaterial]>>,
    /// The same in its command.
    #[serde(deserialize_with = "in_arguments", skip_serializing_if = "Option::is_none")] command: Option<Box<[CryptoMaterial]>>,
}}

wire! {
/// A port of a container.
ContainerPort {
    /// Name.
    name: Interned,
    /// Number.
    container_port: u16,
    /// Port on the node; 0 for none.
    #[serde(skip_serializing_if = "is_zero")] host_port: u16,
    /// Address of the node at which it is; every one if empty.
    #[serde(rename = "hostIP", skip_serializing_if = "str::is_empty")] host_ip: Interned,
}}

fn is_zero(value: &u16) -> bool {
    *value == 0
}

wire! {
/// Security context of a pod or container.
SecurityContext {
    /// Whether it runs privileged.
    #[serde(skip_serializing_if = "Option::is_none")] privileged: Option<bool>,
    /// User id of its processes.
    #[serde(skip_serializing_if = "Option::is_none")] run_as_user: Option<i64>,
    /// Whether the kubelet refuses to run it as user id 0.
    #[serde(skip_serializing_if = "Option::is_none")] run_as_non_root: Option<bool>,
    /// Linux capabilities.
    #[serde(skip_serializing_if = "Option::is_none")] capabilities: Option<Capabilities>,
    /// Whether a process may gain more privileges than its parent; so it may if absent.
    #[serde(skip_serializing_if = "Option::is_none")] allow_privilege_escalation: Option<bool>,
    /// How `/proc` is mounted, `Default` or `Unmasked`.
    #[serde(skip_serializing_if = "Option::is_none")] proc_mount: Option<Interned>,
    /// Profile of seccomp.
    #[serde(skip_serializing_if = "Option::is_none")] seccomp_profile: Option<SecurityProfile>,
    /// Profile of AppArmor.
    #[serde(skip_serializing_if = "Option::is_none")] app_armor_profile: Option<SecurityProfile>,
    /// SELinux options.
    #[serde(skip_serializing_if = "Option::is_none")] se_linux_options: Option<SeLinuxOptions>,
    /// Kernel parameters of a pod.
    #[serde(skip_serializing_if = "Vec::is_empty")] sysctls: Vec<Sysctl>,
    /// Options of Windows.
    #[serde(skip_serializing_if = "Option::is_none")] windows_options: Option<WindowsOptions>,
}}

wire! {
/// Linux capabilities of a container.
Capabilities {
    /// Capabilities added to the runtime's default.
    add: Vec<Interned>,
    /// Capabilities taken from the runtime's default.
    #[serde(skip_serializing_if = "Vec::is_empty")] drop: Vec<Interned>,
}}

wire! {
/// Status of a pod.
PodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    phase: Interned,
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
    #[serde(rename = "type")] kind: Interned,
    /// `True`, `False` or `Unknown`.
    status: Interned,
    /// Human-readable message.
    #[serde(skip_serializing_if = "str::is_empty")] message: Interned,
}}

wire! {
/// Status of a container.
ContainerStatus {
    /// Name of the container.
    name: Interned,
    /// Image as resolved by the runtime; empty until the container has started.
    #[serde(rename = "imageID")] image_id: Interned,
}}

impl Pod {
    /// All containers: init, regular and ephemeral ones.
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

    /// Whether condition Ready is true.
    pub fn is_ready(&self) -> bool {
        self.status.conditions.iter().any(|c| c.kind == "Ready" && c.status == "True")
    }

    /// Whether all its containers have terminated for good.
    pub fn is_finished(&self) -> bool {
        matches!(&*self.status.phase, "Succeeded" | "Failed")
    }

    /// Whether it has Istio's sidecar.
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
    /// Desired state.
    spec: ServiceSpec,
    /// Status of its load balancer.
    #[serde(skip_serializing_if = "is_default")] status: ServiceStatus,
}}
object!(Service, "v1", "Service");

wire! {
/// Spec of a service.
ServiceSpec {
    /// `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`.
    #[serde(rename = "type")] kind: Interned,
    /// Labels of its pods; selects no pods if empty.
    selector: Labels,
    /// Ports.
    ports: Vec<ServicePort>,
    /// Client address ranges that the load balancer admits, CIDR.
    #[serde(skip_serializing_if = "Vec::is_empty")] load_balancer_source_ranges: Vec<Interned>,
    /// Cluster IPs; the string `None` for a headless service.
    #[serde(rename = "clusterIPs", skip_serializing_if = "Vec::is_empty")] cluster_ips: Vec<Interned>,
    /// External IPs of nodes.
    #[serde(rename = "externalIPs", skip_serializing_if = "Vec::is_empty")] external_ips: Vec<Interned>,
}}

wire! {
/// A port of a service.
ServicePort {
    /// Number.
    port: u16,
    /// Port of the pods, by number or name; the same number if absent.
    #[serde(skip_serializing_if = "Option::is_none")] target_port: Option<PortRef>,
    /// Port of each node; 0 for none.
    #[serde(skip_serializing_if = "is_zero")] node_port: u16,
}}

wire! {
/// Status of a service.
ServiceStatus {
    /// Status of the load balancer.
    load_balancer: LoadBalancer,
}}

wire! {
/// Status of a load balancer.
LoadBalancer {
    /// Addresses on which it listens.
    ingress: Vec<IngressPoint>,
}}

wire! {
/// An address on which a load balancer listens.
IngressPoint {
    /// Address.
    #[serde(skip_serializing_if = "Option::is_none")] ip: Option<Interned>,
    /// Host name.
    #[serde(skip_serializing_if = "Option::is_none")] hostname: Option<Interned>,
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
    Name(Interned),
}

impl Service {
    /// Whether it selects an ingress gateway: istio-pilot's, or one of the Gateway API.
    pub fn is_ingress_gateway(&self) -> bool {
        self.spec.selector.get("istio").is_some_and(|value| **value == *"ingressgateway")
            || self.spec.selector.get("gateway.networking.k8s.io/gateway-name").is_some()
    }

    /// Addresses and host names of the service: cluster IPs, if `within` the cluster, then
    /// external ones.
    pub fn addresses(&self, within: bool) -> Vec<String> {
        let internal = self.spec.cluster_ips.iter().filter(|ip| within && **ip != "None");
        let ingress = &self.status.load_balancer.ingress;
        let external = ingress.iter().flat_map(|point| point.ip.iter().chain(&point.hostname));
        internal.chain(external).chain(&self.spec.external_ips).map(ToString::to_string).collect()
    }

    /// Whether it is reachable from outside the cluster.
    pub fn is_exposed(&self) -> bool {
        matches!(&*self.spec.kind, "LoadBalancer" | "NodePort")
            || !self.spec.external_ips.is_empty()
    }

    /// Whether it selects a pod of this namespace with these labels.
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

/// ConfigMaps whose contents controls read, by name.
pub const CONFIG_MAPS: &[&str] = &[
    "istio",
    "istio-ca-root-cert",
    // They name images that Katib and KServe start.
    "katib-config",
    "inferenceservice-config",
    // What kube-bench printed.
    "kube-bench",
];

wire! {
/// A ConfigMap.
ConfigMap {
    /// Metadata.
    metadata: Meta,
    /// Contents of those in `CONFIG_MAPS`; of others nothing.
    data: std::collections::BTreeMap<String, String>,
    /// Certificates and private keys of the contents.
    #[serde(skip_serializing_if = "Vec::is_empty")] crypto: Vec<CryptoMaterial>,
}}
object!(ConfigMap, "v1", "ConfigMap");

wire! {
/// A ConfigMap as the API server sends it.
ConfigMapWire {
    /// Metadata.
    metadata: Meta,
    /// Contents.
    data: std::collections::BTreeMap<String, String>,
    /// Contents that are no text, in base64.
    binary_data: std::collections::BTreeMap<String, String>,
    /// What a snapshot has of them.
    crypto: Vec<CryptoMaterial>,
}}

impl From<ConfigMapWire> for ConfigMap {
    fn from(wire: ConfigMapWire) -> Self {
        let all = wire.data.iter().chain(&wire.binary_data);
        let found = all.filter_map(|(key, value)| CryptoMaterial::of(&**key, value.as_bytes()));
        let mut crypto: Vec<_> = found.collect();
        if crypto.is_empty() {
            crypto = wire.crypto;
        }
        let is_read = CONFIG_MAPS.contains(&&*wire.metadata.name);
        let data = if is_read { wire.data } else { Default::default() };
        Self { metadata: wire.metadata, data, crypto }
    }
}

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

wire! {
/// A network policy.
NetworkPolicy {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: NetworkPolicySpec,
}}
object!(NetworkPolicy, "networking.k8s.io/v1", "NetworkPolicy");

wire! {
/// Spec of a network policy.
NetworkPolicySpec {
    /// Selected pods of its namespace.
    pod_selector: LabelSelector,
    /// `Ingress`, `Egress`; `Ingress` if empty.
    policy_types: Vec<Interned>,
    /// Rules for incoming traffic.
    ingress: Vec<IngressRule>,
}}

wire! {
/// A rule for incoming traffic.
IngressRule {
    /// Sources; all if empty.
    from: Vec<Peer>,
    /// Ports; all if empty.
    ports: Vec<PolicyPort>,
}}

wire! {
/// A source of traffic.
Peer {
    /// Pods; of the policy's namespace unless there is a namespace selector.
    #[serde(skip_serializing_if = "Option::is_none")] pod_selector: Option<LabelSelector>,
    /// Namespaces.
    #[serde(skip_serializing_if = "Option::is_none")] namespace_selector: Option<LabelSelector>,
    /// Addresses.
    #[serde(skip_serializing_if = "Option::is_none")] ip_block: Option<IpBlock>,
}}

wire! {
/// A range of addresses.
IpBlock {
    /// The range, CIDR.
    cidr: Interned,
    /// Ranges within it that are not admitted.
    #[serde(skip_serializing_if = "Vec::is_empty")] except: Vec<Interned>,
}}

wire! {
/// A port, or a range of them.
PolicyPort {
    /// `TCP` (also if empty), `UDP` or `SCTP`.
    #[serde(skip_serializing_if = "str::is_empty")] protocol: Interned,
    /// Port; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")] port: Option<PortRef>,
    /// Last port of a range.
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
webhook_configuration!(/// Mutating webhooks.
    MutatingWebhookConfiguration, "MutatingWebhookConfiguration");
webhook_configuration!(/// Validating webhooks.
    ValidatingWebhookConfiguration, "ValidatingWebhookConfiguration");

wire! {
/// An admission webhook.
Webhook {
    /// Name.
    name: Interned,
    /// `Fail` or `Ignore`.
    failure_policy: Interned,
    /// Endpoint.
    client_config: ClientConfig,
}}

wire! {
/// Endpoint of a webhook.
ClientConfig {
    /// CA certificates, PEM in base64.
    ca_bundle: String,
    /// Service in the cluster; absent if it is called by URL.
    #[serde(skip_serializing_if = "Option::is_none")] service: Option<ServiceRef>,
    /// URL at which it is called instead.
    #[serde(skip_serializing_if = "Option::is_none")] url: Option<Interned>,
}}

wire! {
/// Reference to a service.
ServiceRef {
    /// Namespace.
    namespace: Interned,
    /// Name.
    name: Interned,
    /// Port; 443 if there is none.
    #[serde(skip_serializing_if = "Option::is_none")] port: Option<u16>,
}}

wire! {
/// A custom resource definition, name only.
CustomResourceDefinition {
    /// Metadata.
    metadata: Meta,
}}
object!(CustomResourceDefinition, "apiextensions.k8s.io/v1", "CustomResourceDefinition");

/// Version of the API server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Version {
    /// For example `v1.32.4+canonical`.
    pub git_version: String,
}
