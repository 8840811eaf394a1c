//! The Gateway API's Gateway and HTTPRoute.

use serde::{Deserialize, Serialize};

use super::virtual_service::HeaderOperations;
use crate::labels::LabelSelector;
use crate::object::{Meta, object};
use crate::text::Interned;
use crate::wire::wire;

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
    /// Sets of listeners that may be added; none if absent.
    #[serde(skip_serializing_if = "Option::is_none")] allowed_listeners: Option<AllowedListeners>,
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
/// Sets of listeners that may be added to a Gateway.
AllowedListeners {
    /// Their namespaces; none if absent.
    #[serde(skip_serializing_if = "Option::is_none")] namespaces: Option<RouteNamespaces>,
}}

wire! {
/// Routes that may attach to a listener.
AllowedRoutes {
    /// Their namespaces.
    namespaces: RouteNamespaces,
}}

wire! {
/// Namespaces of what may attach.
RouteNamespaces {
    /// `All`, `Selector`, `Same` or `None`; of routes `Same` is the default.
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
    /// Origins whose pages may read the answers, for type `CORS`.
    #[serde(skip_serializing_if = "Option::is_none")] cors: Option<Box<CorsFilter>>,
}}

wire! {
/// A CORS filter.
CorsFilter {
    /// Origins, with `*` for any characters.
    allow_origins: Vec<Interned>,
    /// Whether pages may send the user's session along.
    allow_credentials: bool,
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
