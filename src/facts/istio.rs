//! Istio's kinds, the Gateway API's and Kubeflow's Profile.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::core::wire;
use super::labels::Labels;
use super::object::{Meta, ObjectRef, object};
use super::text::Text;

/// A Gateway, as the API server sends it.
#[derive(Deserialize)]
pub(super) struct GatewayWire {
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
/// Istio's Gateway.
Gateway {
    /// Metadata.
    metadata: Meta,
    /// Field managers that own `spec.servers`; `None` if the API server did not tell.
    server_managers: Option<Vec<String>>,
    /// What it serves.
    spec: GatewaySpec,
}}
object!(Gateway, "networking.istio.io/v1", "Gateway");

wire! {
/// What a Gateway serves.
GatewaySpec {
    /// Labels of the proxies that serve it; all proxies if empty.
    selector: Labels,
    /// Servers.
    servers: Vec<Server>,
}}

wire! {
/// One server of a Gateway.
Server {
    /// Port.
    port: ServerPort,
    /// Hosts.
    hosts: Vec<Text>,
    /// TLS settings.
    #[serde(skip_serializing_if = "Option::is_none")] tls: Option<ServerTls>,
}}

wire! {
/// The port of a server.
ServerPort {
    /// Name.
    name: Text,
    /// Number.
    number: u16,
    /// Protocol, for example `HTTPS`.
    protocol: Text,
}}

wire! {
/// TLS settings of a server.
ServerTls {
    /// `SIMPLE`, `MUTUAL`, `PASSTHROUGH`, …
    mode: Text,
    /// The Secret with certificate and key.
    #[serde(skip_serializing_if = "Option::is_none")] credential_name: Option<Text>,
    /// Several such Secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")] credential_names: Vec<Text>,
    /// Lowest version, for example `TLSV1_2`.
    #[serde(skip_serializing_if = "Option::is_none")] min_protocol_version: Option<Text>,
    /// Highest version.
    #[serde(skip_serializing_if = "Option::is_none")] max_protocol_version: Option<Text>,
    /// Cipher suites by OpenSSL's names; Envoy's default if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")] cipher_suites: Vec<Text>,
    /// Whether HTTP is answered with a redirect.
    https_redirect: bool,
}}

wire! {
/// Istio's VirtualService.
VirtualService {
    /// Metadata.
    metadata: Meta,
    /// What it routes.
    spec: VirtualServiceSpec,
}}
object!(VirtualService, "networking.istio.io/v1", "VirtualService");

wire! {
/// What a VirtualService routes.
VirtualServiceSpec {
    /// Gateways, `namespace/name` or `name`.
    gateways: Vec<Text>,
    /// HTTP routes.
    http: Vec<HttpRoute>,
    /// TLS routes: connections that are passed through.
    #[serde(skip_serializing_if = "Vec::is_empty")] tls: Vec<DestinationList>,
    /// TCP routes; only that they are there matters.
    #[serde(skip_serializing_if = "Vec::is_empty")] tcp: Vec<DestinationList>,
}}

wire! {
/// An HTTP route.
HttpRoute {
    /// What it matches; everything if empty.
    #[serde(rename = "match")] matches: Vec<HttpMatch>,
    /// Where it goes.
    route: Vec<RouteDestination>,
}}

wire! {
/// What an HTTP route matches.
HttpMatch {
    /// The path.
    #[serde(skip_serializing_if = "Option::is_none")] uri: Option<StringMatch>,
}}

wire! {
/// How a string is matched.
StringMatch {
    /// By prefix.
    #[serde(skip_serializing_if = "Option::is_none")] prefix: Option<Text>,
    /// Exactly.
    #[serde(skip_serializing_if = "Option::is_none")] exact: Option<Text>,
    /// By regular expression.
    #[serde(skip_serializing_if = "Option::is_none")] regex: Option<Text>,
}}

wire! {
/// A TLS or TCP route.
DestinationList {
    /// Connections that it is for.
    #[serde(rename = "match", skip_serializing_if = "Vec::is_empty")] matches: Vec<TlsMatch>,
    /// Where it goes.
    route: Vec<RouteDestination>,
}}

wire! {
/// Connections that a TLS route is for.
TlsMatch {
    /// Names that clients ask for; none for a TCP route.
    #[serde(skip_serializing_if = "Vec::is_empty")] sni_hosts: Vec<Text>,
    /// Gateways, instead of those of the VirtualService.
    #[serde(skip_serializing_if = "Vec::is_empty")] gateways: Vec<Text>,
}}

wire! {
/// Where a route goes.
RouteDestination {
    /// The destination.
    destination: Destination,
}}

wire! {
/// A destination.
Destination {
    /// Host.
    host: Text,
}}

/// An EnvoyFilter, as the API server sends it.
#[derive(Deserialize)]
pub(super) struct EnvoyFilterWire {
    metadata: Meta,
    #[serde(default)]
    spec: EnvoyFilterSpecWire,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct EnvoyFilterSpecWire {
    workload_selector: Option<WorkloadSelectorWire>,
    target_refs: Vec<Value>,
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
    apply_to: Text,
    r#match: Value,
    patch: PatchWire,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PatchWire {
    operation: Text,
    value: Value,
}

impl From<EnvoyFilterWire> for EnvoyFilter {
    fn from(wire: EnvoyFilterWire) -> Self {
        Self {
            metadata: wire.metadata,
            selector: wire.spec.workload_selector.map(|s| s.labels).unwrap_or_default(),
            has_targets: !wire.spec.target_refs.is_empty(),
            patches: wire.spec.config_patches.into_iter().map(ConfigPatch::from).collect(),
        }
    }
}

impl From<ConfigPatchWire> for ConfigPatch {
    fn from(wire: ConfigPatchWire) -> Self {
        let text =
            |pointer: &str| wire.r#match.pointer(pointer).and_then(Value::as_str).map(Text::from);
        let config =
            wire.patch.value.get("typed_config").or_else(|| wire.patch.value.get("typedConfig"));
        let filter = config
            .and_then(|c| c.get("@type"))
            .and_then(Value::as_str)
            .or_else(|| wire.patch.value.get("name").and_then(Value::as_str));
        Self {
            apply_to: wire.apply_to,
            context: text("/context").unwrap_or_else(|| "ANY".into()),
            port: wire
                .r#match
                .pointer("/listener/portNumber")
                .and_then(Value::as_u64)
                .and_then(|p| u16::try_from(p).ok()),
            transport_protocol: text("/listener/filterChain/transportProtocol"),
            sni: text("/listener/filterChain/sni"),
            operation: wire.patch.operation,
            ext_authz: filter
                .is_some_and(|f| f.contains("ext_authz"))
                .then(|| ExtAuthz::read(config.unwrap_or(&Value::Null))),
            tls: TlsParameters::read(&wire.patch.value),
        }
    }
}

wire! {
/// Istio's EnvoyFilter, as far as login and TLS go.
EnvoyFilter {
    /// Metadata.
    metadata: Meta,
    /// Labels of the proxies; all of its namespace if empty.
    selector: Labels,
    /// Whether it names its targets by reference instead.
    has_targets: bool,
    /// Patches.
    patches: Vec<ConfigPatch>,
}}
object!(EnvoyFilter, "networking.istio.io/v1alpha3", "EnvoyFilter");

wire! {
/// One patch of an EnvoyFilter.
ConfigPatch {
    /// What is patched, for example `HTTP_FILTER`.
    apply_to: Text,
    /// `GATEWAY`, `ANY`, `SIDECAR_INBOUND` or `SIDECAR_OUTBOUND`.
    context: Text,
    /// Port of the listener; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")] port: Option<u16>,
    /// Transport protocol that the filter chain must match.
    #[serde(skip_serializing_if = "Option::is_none")] transport_protocol: Option<Text>,
    /// Name of a server that the filter chain must match.
    #[serde(skip_serializing_if = "Option::is_none")] sni: Option<Text>,
    /// For example `INSERT_BEFORE` or `MERGE`.
    operation: Text,
    /// The external authorisation that it adds.
    #[serde(skip_serializing_if = "Option::is_none")] ext_authz: Option<ExtAuthz>,
    /// TLS parameters that it sets.
    #[serde(skip_serializing_if = "Option::is_none")] tls: Option<TlsParameters>,
}}

wire! {
/// Envoy's external authorisation filter.
ExtAuthz {
    /// Address that is asked.
    uri: String,
    /// Envoy's cluster that is asked; Envoy dials this, and `uri` is only the Host header.
    #[serde(skip_serializing_if = "Option::is_none")] cluster: Option<Text>,
    /// Whether requests pass when it cannot be asked.
    failure_mode_allow: bool,
    /// Request headers that it is sent.
    request_headers: Vec<String>,
    /// Its headers that go upstream.
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
            cluster: text("/http_service/server_uri/cluster").map(Text::from),
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
/// TLS parameters that a patch sets.
TlsParameters {
    /// Lowest version, for example `TLSv1_2`.
    #[serde(skip_serializing_if = "Option::is_none")] minimum: Option<Text>,
    /// Highest version.
    #[serde(skip_serializing_if = "Option::is_none")] maximum: Option<Text>,
    /// Cipher suites.
    #[serde(skip_serializing_if = "Vec::is_empty")] cipher_suites: Vec<Text>,
}}

impl TlsParameters {
    fn read(value: &Value) -> Option<Self> {
        let socket = value.get("transport_socket").unwrap_or(value);
        let params = socket.pointer("/typed_config/common_tls_context/tls_params")?;
        let text = |key: &str| params.get(key).and_then(Value::as_str).map(Text::from);
        Some(Self {
            minimum: text("tls_minimum_protocol_version"),
            maximum: text("tls_maximum_protocol_version"),
            cipher_suites: params
                .get("cipher_suites")
                .and_then(Value::as_array)
                .map(|suites| suites.iter().filter_map(Value::as_str).map(Text::from).collect())
                .unwrap_or_default(),
        })
    }
}

wire! {
/// Istio's AuthorizationPolicy.
AuthorizationPolicy {
    /// Metadata.
    metadata: Meta,
    /// What it decides.
    spec: AuthorizationPolicySpec,
}}
object!(AuthorizationPolicy, "security.istio.io/v1", "AuthorizationPolicy");

wire! {
/// What an AuthorizationPolicy decides.
AuthorizationPolicySpec {
    /// Pods of its namespace; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")] selector: Option<WorkloadSelector>,
    /// Gateways or services that it is for, instead of pods.
    #[serde(skip_serializing_if = "Vec::is_empty")] target_refs: Vec<TargetRef>,
    /// `ALLOW` (also if empty), `DENY`, `AUDIT` or `CUSTOM`.
    action: Text,
    /// Rules; a request that matches any of them is decided.
    rules: Vec<AuthorizationRule>,
}}

wire! {
/// Pods by label.
WorkloadSelector {
    /// The labels.
    match_labels: Labels,
}}

wire! {
/// What a policy is for.
TargetRef {
    /// Kind.
    kind: Text,
    /// Name.
    name: Text,
}}

wire! {
/// One rule of an AuthorizationPolicy; what is empty matches everything.
AuthorizationRule {
    /// Sources.
    from: Vec<RuleFrom>,
    /// Operations.
    to: Vec<RuleTo>,
    /// Conditions, all of which must hold.
    when: Vec<RuleCondition>,
}}

wire! {
/// A source.
RuleFrom {
    /// Fields by name, for example `principals`; all must match.
    source: BTreeMap<Text, Vec<Text>>,
}}

wire! {
/// An operation.
RuleTo {
    /// Fields by name, for example `paths`; all must match.
    operation: BTreeMap<Text, Vec<Text>>,
}}

wire! {
/// A condition.
RuleCondition {
    /// For example `request.headers[kubeflow-userid]`.
    key: Text,
    /// Values, one of which must match.
    #[serde(skip_serializing_if = "Vec::is_empty")] values: Vec<Text>,
    /// Values, none of which may match.
    #[serde(skip_serializing_if = "Vec::is_empty")] not_values: Vec<Text>,
}}

/// Metadata with what tells an object from its namesakes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IdentifiedMeta {
    #[serde(flatten)]
    meta: Meta,
    #[serde(default)]
    uid: Text,
    #[serde(default)]
    creation_timestamp: Option<Timestamp>,
}

/// A PeerAuthentication, as the API server sends it.
#[derive(Deserialize)]
pub(super) struct PeerAuthenticationWire {
    metadata: IdentifiedMeta,
    #[serde(default)]
    spec: PeerAuthenticationSpec,
}

impl From<PeerAuthenticationWire> for PeerAuthentication {
    fn from(wire: PeerAuthenticationWire) -> Self {
        Self {
            metadata: wire.metadata.meta,
            created: wire.metadata.creation_timestamp,
            spec: wire.spec,
        }
    }
}

wire! {
/// Istio's PeerAuthentication.
PeerAuthentication {
    /// Metadata.
    metadata: Meta,
    /// When it was made: of several for a whole namespace the oldest holds.
    #[serde(skip_serializing_if = "Option::is_none")] created: Option<Timestamp>,
    /// What it asks for.
    spec: PeerAuthenticationSpec,
}}
object!(PeerAuthentication, "security.istio.io/v1", "PeerAuthentication");

wire! {
/// What a PeerAuthentication asks for.
PeerAuthenticationSpec {
    /// Pods; the whole namespace if absent or empty.
    #[serde(skip_serializing_if = "Option::is_none")] selector: Option<WorkloadSelector>,
    /// Mode.
    mtls: MutualTls,
    /// Mode by port.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")] port_level_mtls: BTreeMap<Text, MutualTls>,
}}

wire! {
/// A mode of mutual TLS.
MutualTls {
    /// `STRICT`, `PERMISSIVE`, `DISABLE`; inherited if empty or `UNSET`.
    mode: Text,
}}

wire! {
/// Istio's RequestAuthentication: only that it is there, and for whom.
RequestAuthentication {
    /// Metadata.
    metadata: Meta,
    /// What it is for.
    spec: RequestAuthenticationSpec,
}}
object!(RequestAuthentication, "security.istio.io/v1", "RequestAuthentication");

wire! {
/// What a RequestAuthentication is for.
RequestAuthenticationSpec {
    /// Pods of its namespace; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")] selector: Option<WorkloadSelector>,
}}

wire! {
/// The Gateway API's Gateway.
AmbientGateway {
    /// Metadata.
    metadata: Meta,
    /// What it serves.
    spec: AmbientGatewaySpec,
}}
object!(AmbientGateway, "gateway.networking.k8s.io/v1", "Gateway");

wire! {
/// What a Gateway of the Gateway API serves.
AmbientGatewaySpec {
    /// Class, for example `istio` or `istio-waypoint`.
    gateway_class_name: Text,
    /// Listeners.
    listeners: Vec<Listener>,
}}

wire! {
/// A listener.
Listener {
    /// Name.
    name: Text,
    /// Port.
    port: u16,
    /// `HTTP`, `HTTPS`, …
    protocol: Text,
    /// TLS settings.
    #[serde(skip_serializing_if = "Option::is_none")] tls: Option<ListenerTls>,
}}

wire! {
/// TLS settings of a listener.
ListenerTls {
    /// `Terminate` (also if empty) or `Passthrough`.
    mode: Text,
    /// Secrets with certificates.
    certificate_refs: Vec<CertificateRef>,
}}

wire! {
/// Names a Secret.
CertificateRef {
    /// Name.
    name: Text,
    /// Namespace, if another.
    #[serde(skip_serializing_if = "Option::is_none")] namespace: Option<Text>,
}}

wire! {
/// The Gateway API's HTTPRoute.
AmbientRoute {
    /// Metadata.
    metadata: Meta,
    /// What it routes.
    spec: AmbientRouteSpec,
}}
object!(AmbientRoute, "gateway.networking.k8s.io/v1", "HTTPRoute");

wire! {
/// What an HTTPRoute routes.
AmbientRouteSpec {
    /// Gateways and their listeners.
    parent_refs: Vec<ParentRef>,
    /// Rules.
    rules: Vec<AmbientRule>,
}}

wire! {
/// A listener that a route is on.
ParentRef {
    /// Gateway.
    name: Text,
    /// Its namespace, if another.
    #[serde(skip_serializing_if = "Option::is_none")] namespace: Option<Text>,
    /// Listener; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")] section_name: Option<Text>,
}}

wire! {
/// One rule of an HTTPRoute.
AmbientRule {
    /// Filters.
    filters: Vec<AmbientFilter>,
}}

wire! {
/// A filter of an HTTPRoute.
AmbientFilter {
    /// For example `RequestRedirect`.
    #[serde(rename = "type")] kind: Text,
    /// The redirect.
    #[serde(skip_serializing_if = "Option::is_none")] request_redirect: Option<RequestRedirect>,
}}

wire! {
/// A redirect.
RequestRedirect {
    /// The scheme.
    #[serde(skip_serializing_if = "Option::is_none")] scheme: Option<Text>,
}}

/// A Profile, as the API server sends it.
#[derive(Deserialize)]
pub(super) struct ProfileWire {
    metadata: IdentifiedMeta,
    #[serde(default)]
    spec: ProfileSpec,
    #[serde(default)]
    status: ProfileStatus,
}

impl From<ProfileWire> for Profile {
    fn from(wire: ProfileWire) -> Self {
        Self {
            metadata: wire.metadata.meta,
            uid: wire.metadata.uid,
            spec: wire.spec,
            status: wire.status,
        }
    }
}

wire! {
/// Kubeflow's Profile.
Profile {
    /// Metadata.
    metadata: Meta,
    /// UID; empty if it is not known.
    #[serde(skip_serializing_if = "str::is_empty")] uid: Text,
    /// Whose it is.
    spec: ProfileSpec,
    /// How it is.
    status: ProfileStatus,
}}
object!(Profile, "kubeflow.org/v1", "Profile");

wire! {
/// Whose a Profile is.
ProfileSpec {
    /// The owner.
    owner: super::rbac::Subject,
}}

wire! {
/// How a Profile is.
ProfileStatus {
    /// Conditions.
    conditions: Vec<super::core::Condition>,
}}

/// Whether a selector selects pods with these labels: an absent one selects all.
pub fn selects(selector: Option<&WorkloadSelector>, labels: &Labels) -> bool {
    selector.is_none_or(|s| labels.include(&s.match_labels))
}

/// A reference to an object of a kind that has no type here.
pub fn reference(api_version: &str, kind: &str, namespace: &str, name: &str) -> ObjectRef {
    ObjectRef {
        api_version: api_version.into(),
        kind: kind.into(),
        namespace: namespace.into(),
        name: name.into(),
    }
}
