//! Istio's EnvoyFilter, reduced to what concerns login and TLS.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::selection::TargetRef;
use crate::envoy_patch::{Fields, fields, snake_case};
use crate::labels::Labels;
use crate::object::{Meta, object};
use crate::text::Interned;
use crate::wire::wire;

/// An EnvoyFilter, in the API server's format.
#[derive(Deserialize)]
pub struct EnvoyFilterWire {
    metadata: Meta,
    #[serde(default)]
    spec: EnvoyFilterSpecWire,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct EnvoyFilterSpecWire {
    workload_selector: Option<WorkloadSelectorWire>,
    target_refs: Vec<TargetRef>,
    config_patches: Vec<ConfigPatchWire>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WorkloadSelectorWire {
    labels: Labels,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ConfigPatchWire {
    apply_to: Interned,
    r#match: Value,
    patch: PatchWire,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PatchWire {
    #[serde(rename = "filterClass", alias = "filter_class")]
    filter_class: Interned,
    operation: Interned,
    value: Value,
}

impl From<EnvoyFilterWire> for EnvoyFilter {
    fn from(wire: EnvoyFilterWire) -> Self {
        Self {
            metadata: wire.metadata,
            selector: wire.spec.workload_selector.map(|s| s.labels).unwrap_or_default(),
            has_targets: !wire.spec.target_refs.is_empty(),
            targets: wire.spec.target_refs,
            patches: wire.spec.config_patches.into_iter().map(ConfigPatch::from).collect(),
        }
    }
}

impl From<ConfigPatchWire> for ConfigPatch {
    fn from(wire: ConfigPatchWire) -> Self {
        let (matched, value) = (snake_case(wire.r#match), snake_case(wire.patch.value));
        let text =
            |pointer: &str| matched.pointer(pointer).and_then(Value::as_str).map(Interned::from);
        let config = value.get("typed_config");
        let filter = config
            .and_then(|c| c.get("@type"))
            .and_then(Value::as_str)
            .or_else(|| value.get("name").and_then(Value::as_str));
        Self {
            apply_to: wire.apply_to,
            context: text("/context").unwrap_or_else(|| "ANY".into()),
            port: matched
                .pointer("/listener/port_number")
                .and_then(Value::as_u64)
                .and_then(|p| u16::try_from(p).ok()),
            transport_protocol: text("/listener/filter_chain/transport_protocol"),
            sni: text("/listener/filter_chain/sni"),
            operation: wire.patch.operation,
            ext_authz: filter
                .is_some_and(|f| f.contains("ext_authz"))
                .then(|| ExtAuthz::read(config.unwrap_or(&Value::Null))),
            tls: TlsParameters::read(&value),
            content: Some(Box::new(PatchContent {
                matched: fields(&matched),
                value: fields(&value),
                filter_class: wire.patch.filter_class,
            })),
        }
    }
}

wire! {
/// An Istio EnvoyFilter, reduced to what concerns login and TLS.
EnvoyFilter {
    /// Metadata.
    metadata: Meta,
    /// Labels of the selected proxies; all of its namespace if empty.
    selector: Labels,
    /// Whether it selects targets by reference instead.
    has_targets: bool,
    /// Those targets.
    #[serde(skip_serializing_if = "Vec::is_empty")] targets: Vec<TargetRef>,
    /// Patches.
    patches: Vec<ConfigPatch>,
}}
object!(EnvoyFilter, "networking.istio.io/v1alpha3", "EnvoyFilter");

wire! {
/// A patch of an EnvoyFilter.
ConfigPatch {
    /// Patched part of the configuration, for example `HTTP_FILTER`.
    apply_to: Interned,
    /// `GATEWAY`, `ANY`, `SIDECAR_INBOUND` or `SIDECAR_OUTBOUND`.
    context: Interned,
    /// Port of the listener; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")] port: Option<u16>,
    /// Transport protocol of the matched filter chain.
    #[serde(skip_serializing_if = "Option::is_none")] transport_protocol: Option<Interned>,
    /// Server name (SNI) of the matched filter chain.
    #[serde(skip_serializing_if = "Option::is_none")] sni: Option<Interned>,
    /// For example `INSERT_BEFORE` or `MERGE`.
    operation: Interned,
    /// External authorisation filter that it adds.
    #[serde(skip_serializing_if = "Option::is_none")] ext_authz: Option<ExtAuthz>,
    /// TLS parameters that it sets, if any.
    #[serde(skip_serializing_if = "Option::is_none")] tls: Option<TlsParameters>,
    /// All of it, field by field; `None` in snapshots of releases that did not read it.
    #[serde(skip_serializing_if = "Option::is_none")] content: Option<Box<PatchContent>>,
}}

wire! {
/// Content of a patch.
PatchContent {
    /// Fields of its match.
    matched: Fields,
    /// Fields of its value.
    value: Fields,
    /// Order among filters, `AUTHN`, `AUTHZ` or `STATS`.
    #[serde(skip_serializing_if = "str::is_empty")] filter_class: Interned,
}}

wire! {
/// Envoy's external authorisation filter.
ExtAuthz {
    /// URI of the authorisation service.
    uri: String,
    /// Envoy cluster of the authorisation service; Envoy connects to it, and uses `uri` only for
    /// the Host header.
    #[serde(skip_serializing_if = "Option::is_none")] cluster: Option<Interned>,
    /// Whether requests pass if the authorisation service fails.
    failure_mode_allow: bool,
    /// Request headers sent to the authorisation service.
    request_headers: Vec<String>,
    /// Headers of its response that are forwarded upstream.
    upstream_headers: Vec<String>,
}}

impl ExtAuthz {
    fn read(config: &Value) -> Self {
        let patterns = |pointers: &[&str]| -> Vec<String> {
            pointers
                .iter()
                .filter_map(|pointer| config.pointer(pointer)?.as_array())
                .flatten()
                .map(|pattern| match pattern.get("exact").and_then(Value::as_str) {
                    Some(name) => name.to_ascii_lowercase(),
                    None => pattern.to_string(),
                })
                .collect()
        };
        let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str);
        Self {
            uri: text("/http_service/server_uri/uri")
                .or_else(|| text("/grpc_service/google_grpc/target_uri"))
                .or_else(|| text("/grpc_service/envoy_grpc/cluster_name"))
                .unwrap_or_default()
                .to_owned(),
            cluster: text("/http_service/server_uri/cluster").map(Interned::from),
            failure_mode_allow: config
                .get("failure_mode_allow")
                .and_then(Value::as_bool)
                .unwrap_or(false),
            request_headers: patterns(&[
                "/http_service/authorization_request/allowed_headers/patterns",
                "/allowed_headers/patterns",
            ]),
            upstream_headers: patterns(&[
                "/http_service/authorization_response/allowed_upstream_headers/patterns",
                "/http_service/authorization_response/allowed_upstream_headers_to_append/patterns",
            ]),
        }
    }
}

wire! {
/// TLS parameters of a patch.
TlsParameters {
    /// Minimum TLS version, for example `TLSv1_2`.
    #[serde(skip_serializing_if = "Option::is_none")] minimum: Option<Interned>,
    /// Maximum TLS version.
    #[serde(skip_serializing_if = "Option::is_none")] maximum: Option<Interned>,
    /// Cipher suites.
    #[serde(skip_serializing_if = "Vec::is_empty")] cipher_suites: Vec<Interned>,
}}

impl TlsParameters {
    fn read(value: &Value) -> Option<Self> {
        let socket = value.get("transport_socket").unwrap_or(value);
        let params = socket.pointer("/typed_config/common_tls_context/tls_params")?;
        let text = |key: &str| params.get(key).and_then(Value::as_str).map(Interned::from);
        Some(Self {
            minimum: text("tls_minimum_protocol_version"),
            maximum: text("tls_maximum_protocol_version"),
            cipher_suites: params
                .get("cipher_suites")
                .and_then(Value::as_array)
                .map(|suites| suites.iter().filter_map(Value::as_str).map(Interned::from).collect())
                .unwrap_or_default(),
        })
    }
}
