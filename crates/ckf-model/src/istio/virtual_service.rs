//! Istio's VirtualService.

use serde::{Deserialize, Serialize};

use crate::header_names::HeaderNames;
use crate::object::{Meta, object};
use crate::text::Interned;
use crate::wire::wire;

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
    /// Origins whose pages may read the answers.
    #[serde(skip_serializing_if = "Option::is_none")] cors_policy: Option<Box<CorsPolicy>>,
}}

wire! {
/// Cross-origin resource sharing of a route.
CorsPolicy {
    /// Origins.
    allow_origins: Vec<StringMatch>,
    /// The same, in its older spelling, which is read without the other only.
    #[serde(skip_serializing_if = "Vec::is_empty")] allow_origin: Vec<Interned>,
    /// Whether pages may send the user's session along.
    allow_credentials: bool,
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
