//! Istio's AuthorizationPolicy.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::selection::{TargetRef, WorkloadSelector};
use crate::object::{Meta, object};
use crate::text::Interned;
use crate::wire::wire;

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
