//! Istio's PeerAuthentication and RequestAuthentication.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::selection::{IdentifiedMeta, WorkloadSelector};
use crate::object::{Meta, object};
use crate::text::Interned;
use crate::wire::wire;

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
