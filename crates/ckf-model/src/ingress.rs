//! Objects that publish Services by a host: Ingresses, their classes, and Knative's DomainMappings.

use serde::{Deserialize, Serialize};

use super::object::{Meta, object};
use super::text::Interned;
use super::wire::wire;

/// An Ingress, in the API server's format.
#[derive(Deserialize)]
pub struct IngressWire {
    metadata: AnnotatedMeta,
    #[serde(default)]
    spec: IngressSpec,
}

#[derive(Deserialize)]
struct AnnotatedMeta {
    #[serde(flatten)]
    meta: Meta,
    #[serde(default)]
    annotations: ClassAnnotation,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ClassAnnotation {
    #[serde(rename = "kubernetes.io/ingress.class")]
    class: Option<Interned>,
}

impl From<IngressWire> for Ingress {
    fn from(wire: IngressWire) -> Self {
        let mut spec = wire.spec;
        spec.ingress_class_name = spec.ingress_class_name.or(wire.metadata.annotations.class);
        Self { metadata: wire.metadata.meta, spec }
    }
}

wire! {
/// An Ingress.
Ingress {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: IngressSpec,
}}
object!(Ingress, "networking.k8s.io/v1", "Ingress");

wire! {
/// Spec of an Ingress.
IngressSpec {
    /// Its class, also by the older annotation; the default class if absent.
    #[serde(skip_serializing_if = "Option::is_none")] ingress_class_name: Option<Interned>,
    /// Backend of requests that no rule matches.
    #[serde(skip_serializing_if = "Option::is_none")] default_backend: Option<IngressBackend>,
    /// Rules.
    #[serde(skip_serializing_if = "Vec::is_empty")] rules: Vec<IngressHostRule>,
    /// Hosts that are served by TLS.
    #[serde(skip_serializing_if = "Vec::is_empty")] tls: Vec<IngressTls>,
}}

wire! {
/// Rules of a host.
IngressHostRule {
    /// Host; every one if absent.
    #[serde(skip_serializing_if = "Option::is_none")] host: Option<Interned>,
    /// Paths of HTTP.
    http: IngressPaths,
}}

wire! {
/// Paths of a host.
IngressPaths {
    /// The paths.
    paths: Vec<IngressPath>,
}}

wire! {
/// A path of a host.
IngressPath {
    /// The path; every one if absent.
    #[serde(skip_serializing_if = "Option::is_none")] path: Option<Interned>,
    /// Where its requests go.
    backend: IngressBackend,
}}

wire! {
/// Backend of an Ingress.
IngressBackend {
    /// A Service of the Ingress's namespace.
    #[serde(skip_serializing_if = "Option::is_none")] service: Option<IngressService>,
}}

wire! {
/// A Service as a backend.
IngressService {
    /// Name.
    name: Interned,
}}

wire! {
/// Hosts that are served by TLS.
IngressTls {
    /// The hosts; every one if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")] hosts: Vec<Interned>,
}}

wire! {
/// A class of Ingresses.
IngressClass {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: IngressClassSpec,
}}
object!(IngressClass, "networking.k8s.io/v1", "IngressClass");

wire! {
/// Spec of a class of Ingresses.
IngressClassSpec {
    /// The controller that serves them, for example `istio.io/ingress-controller`.
    controller: Interned,
}}

wire! {
/// A host of Knative's own, by the name of the object.
DomainMapping {
    /// Metadata; the name is the host.
    metadata: Meta,
    /// Desired state.
    spec: DomainMappingSpec,
}}
object!(DomainMapping, "serving.knative.dev/v1beta1", "DomainMapping");

wire! {
/// Spec of a DomainMapping.
DomainMappingSpec {
    /// What its requests go to.
    #[serde(rename = "ref")] target: MappedTo,
}}

wire! {
/// What the requests of a host go to.
MappedTo {
    /// Kind.
    kind: Interned,
    /// Name.
    name: Interned,
    /// Namespace, if it differs.
    #[serde(skip_serializing_if = "str::is_empty")] namespace: Interned,
}}
