//! Istio's Gateway.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::labels::Labels;
use crate::object::{Meta, object};
use crate::text::Interned;
use crate::wire::wire;

/// A Gateway, in the API server's format.
#[derive(Deserialize)]
pub struct GatewayWire {
    metadata: ManagedMeta,
    #[serde(default)]
    spec: GatewaySpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManagedMeta {
    #[serde(flatten)]
    meta: Meta,
    managed_fields: Option<Vec<ManagedField>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManagedField {
    #[serde(default)]
    manager: String,
    #[serde(default)]
    fields_v1: Value,
}

impl From<GatewayWire> for Gateway {
    fn from(wire: GatewayWire) -> Self {
        let managers = wire.metadata.managed_fields.map(|fields| {
            let mut managers: Vec<String> = fields
                .into_iter()
                .filter(|field| field.fields_v1.pointer("/f:spec/f:servers").is_some())
                .map(|field| field.manager)
                .collect();
            managers.sort();
            managers.dedup();
            managers
        });
        Self { metadata: wire.metadata.meta, server_managers: managers, spec: wire.spec }
    }
}

wire! {
/// An Istio Gateway.
Gateway {
    /// Metadata.
    metadata: Meta,
    /// Field managers of `spec.servers`; `None` if the API server omitted managed fields.
    server_managers: Option<Vec<String>>,
    /// Desired state.
    spec: GatewaySpec,
}}
object!(Gateway, "networking.istio.io/v1", "Gateway");

wire! {
/// Spec of an Istio Gateway.
GatewaySpec {
    /// Labels of the selected proxies; all if empty.
    selector: Labels,
    /// Servers.
    servers: Vec<Server>,
}}

wire! {
/// A server of a Gateway.
Server {
    /// Port.
    port: ServerPort,
    /// Hosts that it exposes.
    hosts: Vec<Interned>,
    /// TLS settings.
    #[serde(skip_serializing_if = "Option::is_none")] tls: Option<ServerTls>,
}}

wire! {
/// The port of a server.
ServerPort {
    /// Name.
    name: Interned,
    /// Number.
    number: u16,
    /// Protocol, for example `HTTPS`.
    protocol: Interned,
}}

wire! {
/// TLS settings of a server.
ServerTls {
    /// `SIMPLE`, `MUTUAL`, `PASSTHROUGH`, …
    mode: Interned,
    /// Name of the Secret with certificate and key.
    #[serde(skip_serializing_if = "Option::is_none")] credential_name: Option<Interned>,
    /// Names of several such Secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")] credential_names: Vec<Interned>,
    /// Minimum TLS version, for example `TLSV1_2`.
    #[serde(skip_serializing_if = "Option::is_none")] min_protocol_version: Option<Interned>,
    /// Maximum TLS version.
    #[serde(skip_serializing_if = "Option::is_none")] max_protocol_version: Option<Interned>,
    /// Cipher suites by OpenSSL's names; Envoy's default if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")] cipher_suites: Vec<Interned>,
    /// Whether plain HTTP is redirected to HTTPS.
    https_redirect: bool,
}}
