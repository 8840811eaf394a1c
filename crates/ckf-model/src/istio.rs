//! Kinds of Istio and the Gateway API, and Kubeflow's Profile.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::envoy_patch::{Fields, fields, snake_case};
use super::header_names::HeaderNames;
use super::labels::{LabelSelector, Labels};
use super::object::{Meta, ObjectRef, object};
use super::text::Interned;
use super::wire::wire;

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

wire! {
/// An Istio VirtualService.
VirtualService {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: VirtualServiceSpec,
}}
object!(VirtualService, "networking.istio.io/v1", "VirtualService");

wire! {
/// Spec of a VirtualService.
VirtualServiceSpec {
    /// Hosts.
    #[serde(skip_serializing_if = "Vec::is_empty")] hosts: Vec<Interned>,
    /// Gateways that it is bound to, in any of Istio's spellings; the sidecars' `mesh` if empty.
    gateways: Vec<Interned>,
    /// Namespaces whose proxies see it; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")] export_to: Vec<Interned>,
    /// HTTP routes.
    http: Vec<HttpRoute>,
    /// TLS passthrough routes.
    #[serde(skip_serializing_if = "Vec::is_empty")] tls: Vec<DestinationList>,
    /// TCP routes.
    #[serde(skip_serializing_if = "Vec::is_empty")] tcp: Vec<DestinationList>,
}}

wire! {
/// An HTTP route.
HttpRoute {
    /// Match conditions; matches everything if empty.
    #[serde(rename = "match")] matches: Vec<HttpMatch>,
    /// Destinations.
    route: Vec<RouteDestination>,
    /// VirtualService that has the destinations instead.
    #[serde(skip_serializing_if = "Option::is_none")] delegate: Option<Delegate>,
    /// Destination that gets a copy of each request.
    #[serde(skip_serializing_if = "Option::is_none")] mirror: Option<Destination>,
    /// Further such destinations.
    #[serde(skip_serializing_if = "Vec::is_empty")] mirrors: Vec<RouteDestination>,
    /// Headers that it sets.
    #[serde(skip_serializing_if = "Option::is_none")] headers: Option<Box<RouteHeaders>>,
}}

wire! {
/// Reference to a VirtualService with destinations.
Delegate {
    /// Name.
    name: Interned,
    /// Namespace, if it differs.
    #[serde(skip_serializing_if = "str::is_empty")] namespace: Interned,
}}

wire! {
/// Headers that a route sets.
RouteHeaders {
    /// Those of requests.
    request: HeaderOperations,
}}

wire! {
/// Headers that are set.
HeaderOperations {
    /// Replaced ones.
    #[serde(skip_serializing_if = "is_empty")] set: HeaderNames,
    /// Added ones.
    #[serde(skip_serializing_if = "is_empty")] add: HeaderNames,
}}

fn is_empty(names: &HeaderNames) -> bool {
    names.0.is_empty()
}

impl HeaderOperations {
    /// Names of the headers that are set, in lower case.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.set.0.iter().chain(&self.add.0).map(|name| &**name)
    }
}

wire! {
/// Match condition of an HTTP route.
HttpMatch {
    /// Those of the VirtualService's gateways to which the route is limited.
    #[serde(skip_serializing_if = "Vec::is_empty")] gateways: Vec<Interned>,
    /// Match on the path.
    #[serde(skip_serializing_if = "Option::is_none")] uri: Option<StringMatch>,
}}

wire! {
/// A string match.
StringMatch {
    /// Prefix.
    #[serde(skip_serializing_if = "Option::is_none")] prefix: Option<Interned>,
    /// Exact value.
    #[serde(skip_serializing_if = "Option::is_none")] exact: Option<Interned>,
    /// Regular expression.
    #[serde(skip_serializing_if = "Option::is_none")] regex: Option<Interned>,
}}

wire! {
/// A TLS or TCP route.
DestinationList {
    /// Match conditions.
    #[serde(rename = "match", skip_serializing_if = "Vec::is_empty")] matches: Vec<TlsMatch>,
    /// Destinations.
    route: Vec<RouteDestination>,
}}

wire! {
/// Match condition of a TLS route.
TlsMatch {
    /// Server names (SNI); empty for a TCP route.
    #[serde(skip_serializing_if = "Vec::is_empty")] sni_hosts: Vec<Interned>,
    /// Gateways that replace those of the VirtualService.
    #[serde(skip_serializing_if = "Vec::is_empty")] gateways: Vec<Interned>,
}}

wire! {
/// A weighted destination of a route.
RouteDestination {
    /// Service that gets the traffic.
    destination: Destination,
    /// Headers that are set on the way there.
    #[serde(skip_serializing_if = "Option::is_none")] headers: Option<Box<RouteHeaders>>,
}}

wire! {
/// Service of a destination.
Destination {
    /// Host.
    host: Interned,
}}

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

wire! {
/// An Istio AuthorizationPolicy.
AuthorizationPolicy {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: AuthorizationPolicySpec,
}}
object!(AuthorizationPolicy, "security.istio.io/v1", "AuthorizationPolicy");

wire! {
/// Spec of an AuthorizationPolicy.
AuthorizationPolicySpec {
    /// Selected pods of its namespace; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")] selector: Option<WorkloadSelector>,
    /// Gateways or services to which it applies instead of pods.
    #[serde(skip_serializing_if = "Vec::is_empty")] target_refs: Vec<TargetRef>,
    /// The same, in its older spelling of one.
    #[serde(skip_serializing_if = "Option::is_none")] target_ref: Option<TargetRef>,
    /// External authoriser of action `CUSTOM`.
    #[serde(skip_serializing_if = "Option::is_none")] provider: Option<AuthorizationProvider>,
    /// `ALLOW` (also if empty), `DENY`, `AUDIT` or `CUSTOM`.
    action: Interned,
    /// Rules; it applies to a request that matches any of them.
    rules: Vec<AuthorizationRule>,
}}

wire! {
/// A selector of pods by label.
WorkloadSelector {
    /// Labels that pods must have.
    match_labels: Labels,
}}

wire! {
/// Reference to the target of a policy.
TargetRef {
    /// API group; empty for Kubernetes' own kinds.
    #[serde(skip_serializing_if = "str::is_empty")] group: Interned,
    /// Kind.
    kind: Interned,
    /// Name.
    name: Interned,
    /// Namespace, if it differs from the policy's.
    #[serde(skip_serializing_if = "str::is_empty")] namespace: Interned,
}}

wire! {
/// An external authoriser.
AuthorizationProvider {
    /// Its name in MeshConfig.
    name: Interned,
}}

wire! {
/// A rule of an AuthorizationPolicy; empty fields match everything.
AuthorizationRule {
    /// Sources.
    from: Vec<RuleFrom>,
    /// Operations.
    to: Vec<RuleTo>,
    /// Conditions; all must match.
    when: Vec<RuleCondition>,
}}

wire! {
/// A source of requests.
RuleFrom {
    /// Fields by name, for example `principals`; all must match.
    source: BTreeMap<Interned, Vec<Interned>>,
}}

wire! {
/// An operation of requests.
RuleTo {
    /// Fields by name, for example `paths`; all must match.
    operation: BTreeMap<Interned, Vec<Interned>>,
}}

wire! {
/// A condition on request attributes.
RuleCondition {
    /// Attribute, for example `request.headers[kubeflow-userid]`.
    key: Interned,
    /// Values; one must match.
    #[serde(skip_serializing_if = "Vec::is_empty")] values: Vec<Interned>,
    /// Values; none may match.
    #[serde(skip_serializing_if = "Vec::is_empty")] not_values: Vec<Interned>,
}}

/// Metadata with UID and creation time.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IdentifiedMeta {
    #[serde(flatten)]
    meta: Meta,
    #[serde(default)]
    uid: Interned,
    #[serde(default)]
    creation_timestamp: Option<Timestamp>,
}

/// A PeerAuthentication, in the API server's format.
#[derive(Deserialize)]
pub struct PeerAuthenticationWire {
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
/// An Istio PeerAuthentication.
PeerAuthentication {
    /// Metadata.
    metadata: Meta,
    /// Creation time: of several for a whole namespace, the oldest applies.
    #[serde(skip_serializing_if = "Option::is_none")] created: Option<Timestamp>,
    /// Desired state.
    spec: PeerAuthenticationSpec,
}}
object!(PeerAuthentication, "security.istio.io/v1", "PeerAuthentication");

wire! {
/// Spec of a PeerAuthentication.
PeerAuthenticationSpec {
    /// Selected pods; the whole namespace if absent or empty.
    #[serde(skip_serializing_if = "Option::is_none")] selector: Option<WorkloadSelector>,
    /// Mode of all ports.
    mtls: MutualTls,
    /// Mode by port number.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")] port_level_mtls: BTreeMap<Interned, MutualTls>,
}}

wire! {
/// Mutual TLS mode.
MutualTls {
    /// `STRICT`, `PERMISSIVE`, `DISABLE`; inherited if empty or `UNSET`.
    mode: Interned,
}}

wire! {
/// An Istio RequestAuthentication, reduced to its selector and the headers that it sets.
RequestAuthentication {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: RequestAuthenticationSpec,
}}
object!(RequestAuthentication, "security.istio.io/v1", "RequestAuthentication");

wire! {
/// Spec of a RequestAuthentication.
RequestAuthenticationSpec {
    /// Selected pods of its namespace; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")] selector: Option<WorkloadSelector>,
    /// Tokens that are accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")] jwt_rules: Vec<JwtRule>,
}}

wire! {
/// Tokens that are accepted, reduced to the headers that their claims are copied to.
JwtRule {
    /// Headers that single claims are copied to.
    #[serde(skip_serializing_if = "Vec::is_empty")] output_claim_to_headers: Vec<ClaimToHeader>,
    /// Header that all claims are copied to.
    #[serde(skip_serializing_if = "Option::is_none")] output_payload_to_header: Option<Interned>,
}}

wire! {
/// A claim that is copied to a header.
ClaimToHeader {
    /// The header.
    header: Interned,
}}

wire! {
/// A Gateway of the Gateway API.
AmbientGateway {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: AmbientGatewaySpec,
}}
object!(AmbientGateway, "gateway.networking.k8s.io/v1", "Gateway");

wire! {
/// Spec of a Gateway of the Gateway API.
AmbientGatewaySpec {
    /// Class, for example `istio` or `istio-waypoint`.
    gateway_class_name: Interned,
    /// Listeners.
    listeners: Vec<Listener>,
    /// Addresses; by a host, the Service of pods that serve it instead of pods of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")] addresses: Vec<GatewayAddress>,
}}

wire! {
/// An address of a Gateway.
GatewayAddress {
    /// Address or host.
    value: Interned,
}}

wire! {
/// A listener of a Gateway.
Listener {
    /// Name.
    name: Interned,
    /// Port.
    port: u16,
    /// `HTTP`, `HTTPS`, …
    protocol: Interned,
    /// Host that it serves; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")] hostname: Option<Interned>,
    /// TLS settings.
    #[serde(skip_serializing_if = "Option::is_none")] tls: Option<ListenerTls>,
    /// Routes that may attach to it.
    allowed_routes: AllowedRoutes,
}}

wire! {
/// Routes that may attach to a listener.
AllowedRoutes {
    /// Their namespaces.
    namespaces: RouteNamespaces,
}}

wire! {
/// Namespaces of routes.
RouteNamespaces {
    /// `All`, `Selector`, or the Gateway's own.
    #[serde(skip_serializing_if = "str::is_empty")] from: Interned,
    /// Labels of the namespaces, for `Selector`.
    #[serde(skip_serializing_if = "Option::is_none")] selector: Option<LabelSelector>,
}}

wire! {
/// TLS settings of a listener.
ListenerTls {
    /// `Terminate` (also if empty) or `Passthrough`.
    mode: Interned,
    /// Secrets with certificates.
    certificate_refs: Vec<CertificateRef>,
}}

wire! {
/// Reference to a Secret.
CertificateRef {
    /// Name.
    name: Interned,
    /// Namespace, if it differs from the Gateway's.
    #[serde(skip_serializing_if = "Option::is_none")] namespace: Option<Interned>,
}}

wire! {
/// An HTTPRoute of the Gateway API.
AmbientRoute {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: AmbientRouteSpec,
}}
object!(AmbientRoute, "gateway.networking.k8s.io/v1", "HTTPRoute");

wire! {
/// Spec of a route of the Gateway API.
AmbientRouteSpec {
    /// Gateways or listeners to which it attaches.
    parent_refs: Vec<ParentRef>,
    /// Hosts; all of the listener's if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")] hostnames: Vec<Interned>,
    /// Rules.
    rules: Vec<AmbientRule>,
}}

wire! {
/// Reference to a Gateway or listener.
ParentRef {
    /// Kind; a Gateway if absent.
    #[serde(skip_serializing_if = "Option::is_none")] kind: Option<Interned>,
    /// Name of the Gateway.
    name: Interned,
    /// Namespace, if it differs from the route's.
    #[serde(skip_serializing_if = "Option::is_none")] namespace: Option<Interned>,
    /// Name of the listener; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")] section_name: Option<Interned>,
    /// Port of the listener; all if absent.
    #[serde(skip_serializing_if = "Option::is_none")] port: Option<u16>,
}}

wire! {
/// A rule of an HTTPRoute.
AmbientRule {
    /// Filters.
    filters: Vec<AmbientFilter>,
    /// Where its requests go.
    #[serde(skip_serializing_if = "Vec::is_empty")] backend_refs: Vec<BackendRef>,
}}

wire! {
/// Where requests of a route go.
BackendRef {
    /// Kind; a Service if absent.
    #[serde(skip_serializing_if = "Option::is_none")] kind: Option<Interned>,
    /// Name.
    name: Interned,
    /// Namespace, if it differs from the route's.
    #[serde(skip_serializing_if = "Option::is_none")] namespace: Option<Interned>,
    /// Filters of requests to it.
    #[serde(skip_serializing_if = "Vec::is_empty")] filters: Vec<AmbientFilter>,
}}

wire! {
/// A filter of an HTTPRoute.
AmbientFilter {
    /// Type, for example `RequestRedirect`.
    #[serde(rename = "type")] kind: Interned,
    /// Redirect, for type `RequestRedirect`.
    #[serde(skip_serializing_if = "Option::is_none")] request_redirect: Option<RequestRedirect>,
    /// Headers that it sets, for type `RequestHeaderModifier`.
    #[serde(skip_serializing_if = "Option::is_none")] request_header_modifier: Option<Box<HeaderOperations>>,
    /// What gets a copy of each request, for type `RequestMirror`.
    #[serde(skip_serializing_if = "Option::is_none")] request_mirror: Option<Box<RequestMirror>>,
}}

wire! {
/// A mirror filter.
RequestMirror {
    /// What gets a copy of each request.
    backend_ref: BackendRef,
}}

wire! {
/// A redirect filter.
RequestRedirect {
    /// Scheme of the redirect.
    #[serde(skip_serializing_if = "Option::is_none")] scheme: Option<Interned>,
}}

/// A Profile, in the API server's format.
#[derive(Deserialize)]
pub struct ProfileWire {
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
/// A Kubeflow Profile.
Profile {
    /// Metadata.
    metadata: Meta,
    /// UID; empty if unknown.
    #[serde(skip_serializing_if = "str::is_empty")] uid: Interned,
    /// Desired state.
    spec: ProfileSpec,
    /// Observed state.
    status: ProfileStatus,
}}
object!(Profile, "kubeflow.org/v1", "Profile");

wire! {
/// Spec of a Profile.
ProfileSpec {
    /// The owner.
    owner: super::rbac::Subject,
}}

wire! {
/// Status of a Profile.
ProfileStatus {
    /// Conditions.
    conditions: Vec<super::core::Condition>,
}}

/// Whether a selector matches pods with these labels; an absent one matches all.
pub fn selects(selector: Option<&WorkloadSelector>, labels: &Labels) -> bool {
    selector.is_none_or(|s| labels.include(&s.match_labels))
}

/// A reference to an object of a kind without a type in this module.
pub fn reference(api_version: &str, kind: &str, namespace: &str, name: &str) -> ObjectRef {
    ObjectRef {
        api_version: api_version.into(),
        kind: kind.into(),
        namespace: namespace.into(),
        name: name.into(),
    }
}
