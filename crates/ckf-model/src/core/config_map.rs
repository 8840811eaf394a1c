//! ConfigMaps.

use serde::{Deserialize, Serialize};

use crate::crypto_material::CryptoMaterial;
use crate::object::{Meta, object};
use crate::wire::wire;

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
