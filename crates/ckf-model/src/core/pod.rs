//! Pods.

use serde::{Deserialize, Serialize};

use super::port::is_zero;
use crate::crypto_material::{CryptoMaterial, in_arguments, in_variables};
use crate::object::{Meta, object};
use crate::pod_security::{
    Handler, Lifecycle, PodOs, SeLinuxOptions, SecurityProfile, Sysctl, Volume, WindowsOptions,
    elsewhere, hooks, refused,
};
use crate::shared::SharedValue;
use crate::text::Interned;
use crate::wire::wire;

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

    /// Names of a container port.
    pub fn names_of(&self, port: u16) -> impl Iterator<Item = &str> {
        let ports = self.all_containers().flat_map(|container| &container.ports);
        let ports = ports.filter(move |of| of.container_port == port && !of.name.is_empty());
        ports.map(|of| &*of.name)
    }

    /// The number of a named container port.
    pub fn named_port(&self, name: &str) -> Option<u16> {
        self.all_containers()
            .flat_map(|c| &c.ports)
            .find(|p| p.name == name)
            .map(|p| p.container_port)
    }
}
