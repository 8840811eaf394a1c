//! Resources of Knative's operator.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::object::{Meta, object};
use super::wire::wire;

wire! {
/// A KnativeServing resource.
KnativeServing {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: KnativeSpec,
}}
object!(KnativeServing, "operator.knative.dev/v1beta1", "KnativeServing");

wire! {
/// A KnativeEventing resource.
KnativeEventing {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: KnativeSpec,
}}
object!(KnativeEventing, "operator.knative.dev/v1beta1", "KnativeEventing");

wire! {
/// Desired state of a Knative resource.
KnativeSpec {
    /// Image overrides.
    registry: Registry,
}}

wire! {
/// Image overrides of a Knative resource.
Registry {
    /// Images that replace the operator's defaults, by container.
    r#override: BTreeMap<String, String>,
}}
