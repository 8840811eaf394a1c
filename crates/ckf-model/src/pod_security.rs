//! Parts of pods that decide about Kubernetes' Pod Security Standards.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use super::text::Interned;
use super::wire::wire;

wire! {
/// A path on the node.
HostPath {
    /// The path.
    path: Interned,
}}

wire! {
/// A profile of seccomp or AppArmor.
SecurityProfile {
    /// `RuntimeDefault`, `Localhost` or `Unconfined`.
    #[serde(rename = "type")] kind: Interned,
}}

wire! {
/// SELinux options.
SeLinuxOptions {
    /// User.
    #[serde(skip_serializing_if = "str::is_empty")] user: Interned,
    /// Role.
    #[serde(skip_serializing_if = "str::is_empty")] role: Interned,
    /// Type.
    #[serde(rename = "type", skip_serializing_if = "str::is_empty")] kind: Interned,
}}

wire! {
/// A kernel parameter.
Sysctl {
    /// Name.
    name: Interned,
}}

wire! {
/// Options of Windows.
WindowsOptions {
    /// Whether it runs as a process of the host.
    #[serde(skip_serializing_if = "Option::is_none")] host_process: Option<bool>,
}}

wire! {
/// The operating system of a pod.
PodOs {
    /// `linux` or `windows`.
    name: Interned,
}}

wire! {
/// Where a probe or a hook of a container's life connects to.
Handler {
    /// By HTTP.
    #[serde(skip_serializing_if = "Endpoint::is_own")] http_get: Endpoint,
    /// By TCP.
    #[serde(skip_serializing_if = "Endpoint::is_own")] tcp_socket: Endpoint,
}}

wire! {
/// An endpoint of a handler.
Endpoint {
    /// Host; the pod itself if empty.
    #[serde(skip_serializing_if = "str::is_empty")] host: Interned,
}}

impl Endpoint {
    fn is_own(&self) -> bool {
        self.host.is_empty()
    }
}

wire! {
/// Hooks of a container's life.
Lifecycle {
    /// After its start.
    #[serde(deserialize_with = "elsewhere", skip_serializing_if = "Option::is_none")] post_start: Option<Handler>,
    /// Before its end.
    #[serde(deserialize_with = "elsewhere", skip_serializing_if = "Option::is_none")] pre_stop: Option<Handler>,
}}

impl Handler {
    /// Hosts other than the pod itself.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        let all = [&self.http_get.host, &self.tcp_socket.host];
        all.into_iter().filter(|host| !host.is_empty()).map(|host| &**host)
    }
}

/// A handler that connects to another host than the pod; others are dropped, as every probe of
/// every pod is one.
pub(super) fn elsewhere<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Handler>, D::Error> {
    let handler = Option::<Handler>::deserialize(deserializer)?;
    Ok(handler.filter(|handler| handler.hosts().next().is_some()))
}

/// Hooks that connect to another host than the pod.
pub(super) fn hooks<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Lifecycle>, D::Error> {
    let lifecycle = Option::<Lifecycle>::deserialize(deserializer)?;
    Ok(lifecycle.filter(|lifecycle| *lifecycle != Lifecycle::default()))
}

/// A volume of a pod; those of types that every standard allows are not collected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// Name.
    pub name: Interned,
    /// Path on the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_path: Option<HostPath>,
    /// Type that the restricted standard refuses, for example `nfs`.
    pub refused_type: Interned,
}

/// Types of volumes that the restricted standard allows.
const ALLOWED_TYPES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VolumeWire {
    #[serde(default)]
    name: Interned,
    host_path: Option<HostPath>,
    /// Set in snapshots only.
    refused_type: Option<Interned>,
    #[serde(flatten)]
    others: BTreeMap<String, IgnoredAny>,
}

/// Volumes of types that the restricted standard refuses.
pub(super) fn refused<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Volume>, D::Error> {
    let volumes = Vec::<VolumeWire>::deserialize(deserializer)?;
    let refused = volumes.into_iter().filter_map(|wire| {
        let mut types = wire.others.keys();
        let is_allowed = types.any(|name| ALLOWED_TYPES.contains(&name.as_str()));
        let kind = match (&wire.host_path, wire.refused_type) {
            (Some(_), _) => "hostPath".into(),
            (None, Some(kind)) => kind,
            (None, None) if is_allowed => return None,
            (None, None) => wire.others.keys().next().map_or("", String::as_str).into(),
        };
        Some(Volume { name: wire.name, host_path: wire.host_path, refused_type: kind })
    });
    let mut refused: Vec<Volume> = refused.collect();
    refused.shrink_to_fit();
    Ok(refused)
}
