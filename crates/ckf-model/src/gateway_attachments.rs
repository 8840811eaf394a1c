//! What else Gateways of the Gateway API take from other objects: listeners, and references to what
//! is in another namespace.

use serde::{Deserialize, Serialize};

use super::istio::{Listener, ParentRef};
use super::object::{Meta, object};
use super::text::Interned;
use super::wire::wire;

macro_rules! listener_set {
    ($(#[$meta:meta])* $name:ident, $version:literal, $kind:literal) => {
        wire! { $(#[$meta])* $name {
            /// Metadata.
            metadata: Meta,
            /// Desired state.
            spec: ListenerSetSpec,
        }}
        object!($name, $version, $kind);
    };
}
listener_set!(/// Listeners that are added to a Gateway.
    ListenerSet, "gateway.networking.k8s.io/v1", "ListenerSet");
listener_set!(/// The same, before it left the experimental channel.
    XListenerSet, "gateway.networking.x-k8s.io/v1alpha1", "XListenerSet");

wire! {
/// Spec of a set of listeners.
ListenerSetSpec {
    /// The Gateway.
    parent_ref: ParentRef,
    /// Listeners.
    listeners: Vec<Listener>,
}}

wire! {
/// A grant: objects of other namespaces may refer to objects of its own.
ReferenceGrant {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: ReferenceGrantSpec,
}}
object!(ReferenceGrant, "gateway.networking.k8s.io/v1", "ReferenceGrant");

wire! {
/// Spec of a grant.
ReferenceGrantSpec {
    /// Who may refer.
    from: Vec<GrantedTo>,
    /// To what.
    to: Vec<Granted>,
}}

wire! {
/// Objects that may refer.
GrantedTo {
    /// API group.
    #[serde(skip_serializing_if = "str::is_empty")] group: Interned,
    /// Kind.
    kind: Interned,
    /// Namespace.
    namespace: Interned,
}}

wire! {
/// Objects to which others may refer.
Granted {
    /// API group; empty for the core group.
    #[serde(skip_serializing_if = "str::is_empty")] group: Interned,
    /// Kind.
    kind: Interned,
    /// Name; all of the namespace if absent.
    #[serde(skip_serializing_if = "Option::is_none")] name: Option<Interned>,
}}

/// API group of the Gateway API.
const GATEWAY_API: &str = "gateway.networking.k8s.io";

impl ReferenceGrant {
    /// Whether objects of a kind of the Gateway API in a namespace may refer to an object of the
    /// core group in this grant's namespace.
    pub fn allows(&self, from: (&str, &str), to: (&str, &str)) -> bool {
        let (kind, namespace) = from;
        let may_refer = |one: &GrantedTo| {
            one.group == *GATEWAY_API && *one.kind == *kind && *one.namespace == *namespace
        };
        let (of, name) = to;
        let is_granted = |one: &Granted| {
            one.group.is_empty()
                && *one.kind == *of
                && one.name.as_ref().is_none_or(|own| **own == *name)
        };
        self.spec.from.iter().any(may_refer) && self.spec.to.iter().any(is_granted)
    }
}
